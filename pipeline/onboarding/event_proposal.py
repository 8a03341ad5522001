"""Which column holds the kinds of events, what they are worth, and from which value on a number is a success."""

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from components.declaration import Objective
from pipeline.onboarding import role_words
from pipeline.onboarding.column_profile import Column

MOST_EVENTS = 30
_KNOWN = role_words.SHOWN | role_words.VIEWED | role_words.AGAINST | frozenset[str]().union(*role_words.WORTH.values())


def event_column(columns: Iterable[Column]) -> Column | None:
    """Returns the column of few distinct values that are words for events, or that is named event; None if none is."""
    scored = [(_event_score(column), column) for column in columns]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] > 0 else None


def only_impressions(columns: Iterable[Column]) -> Column | None:
    """Returns the event column in which every row is an impression, as before the first click; None if none is."""
    candidates = (
        column for column in columns if column.has(role_words.EVENTS) and column.is_text and column.distinct == 1
    )
    return next((column for column in candidates if role_words.SHOWN.intersection(_words(column.top_values[0]))), None)


def _event_score(column: Column) -> float:
    """From 0 (no events) to 2: half for the name, half for the share of values that are known words for events."""
    if not 2 <= column.distinct <= MOST_EVENTS or not (
        column.is_text or (column.is_whole and column.has(role_words.EVENTS))
    ):
        return 0.0
    known_share = float(np.mean([bool(_KNOWN.intersection(_words(value))) for value in column.top_values]))
    named = column.has(role_words.EVENTS)
    is_one = (known_share > 0 and (named or known_share >= 0.5)) or (named and not column.is_text)
    return named + known_share if is_one else 0.0


def _words(value: str) -> list[str]:
    """Returns the words of an event: Add-To-Cart and the known addtocart give add, to, cart."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value).lower())
    return [*words, "".join(words)]


def impression_value(column: Column, has_request: bool) -> str | None:
    """Returns the event that says an item was shown.

    A view is one only where a request joins it with what followed: elsewhere it says that somebody opened the item's
    page.
    """
    shown = [
        value
        for value in column.top_values
        if role_words.SHOWN.intersection(_words(value))
        or ("list" in _words(value) and role_words.VIEWED.intersection(_words(value)))
    ]
    viewed = [value for value in column.top_values[:1] if has_request and role_words.VIEWED.intersection(_words(value))]
    return next(iter([*shown, *viewed]), None)


def from_events(column: Column, impression: str | None) -> tuple[dict[str, Objective], list[str]]:
    """Returns one objective per event that is an action in favour of the item.

    Returns:
      Reason to objective in the order of weight, and the events that are none.
    """
    objectives: dict[str, Objective] = {}
    against = []
    for value in column.top_values:
        if value == impression:
            continue
        if role_words.AGAINST.intersection(_words(value)):
            against.append(value)
            continue
        weight, why = _weight(value)
        objectives[f"{value!r}: {why}"] = Objective(_free_name(value, objectives), weight=weight, event=value)
    return dict(sorted(objectives.items(), key=lambda pair: pair[1].weight)), against


def of_answer(column: str, yes: str) -> Objective:
    """Returns the objective of a log whose answer column says yes: `is_click` is the objective click."""
    name = re.sub(r"^(is|has|was)_", "", _free_name(column, {}))
    return Objective(name, event=yes)


def _weight(value: str) -> tuple[float, str]:
    for weight, words in sorted(role_words.WORTH.items(), reverse=True):
        if words.intersection(_words(value)):
            return weight, f"weight {weight:g} is the usual guess for this word"
    return 1.0, "a custom event: set its weight"


def _free_name(value: str, objectives: dict[str, Objective]) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    name = name if re.match(r"[a-z]", name) else f"event_{name}".rstrip("_")
    names = {objective.name for objective in objectives.values()}
    while name in names:
        name += "_"
    return name


def from_value(column: Column) -> tuple[str, Objective] | None:
    """Returns the number from which on an event is a success, and why; None if none splits the events.

    Of ratings up to 5 it is 4, up to 10 it is 8; of a quantity the least above 0; of other numbers about the median; of
    true and false, which count as 1 and 0, it is 1.
    """
    if pa.types.is_boolean(column.values.type):
        is_binary = column.distinct == 2
        return (
            (
                "true is a success, false is none",
                Objective(_free_name(column.name, {}), value_at_least=1.0),
            )
            if is_binary
            else None
        )
    least, most = column.bounds
    values = column.present.to_numpy(zero_copy_only=False).astype(float)
    if column.has(role_words.QUANTITIES) and not column.has(role_words.RATINGS):
        return _from_quantity(values)
    scale = {5.0: 4.0, 10.0: 8.0}
    if most in scale and least >= 0 and column.distinct <= 21:
        name, start = "like", scale[most]
        why = f"ratings from {least:g} to {most:g}: from {start:g} on somebody likes it"
    else:
        name, middle = _free_name(f"high_{column.name}", {}), float(np.median(values))
        start = middle if (values < middle).any() else float(np.min(values[values > middle], initial=most))
        why = f"about the median of {least:g} to {most:g}: say where success begins"
    objective = Objective(name, value_at_least=start, auc_decides=False)
    return (why, objective) if 0 < np.mean(values >= start) < 1 else None


def _from_quantity(values: np.ndarray) -> tuple[str, Objective] | None:
    """Returns the least quantity above 0 as a success, if some are none: orders that came back."""
    least = float(np.min(values[values > 0], initial=np.inf))
    objective = Objective("purchase", value_at_least=least, auc_decides=False)
    return ("a quantity above 0 was taken; any other came back", objective) if 0 < np.mean(values > 0) < 1 else None
