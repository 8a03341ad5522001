"""Kinds of users, items and requests on which contenders are compared apart. A question is in several at once.

Letters: n events, q queries. Names are public: a declared guard (`Promotion.guards`) is one of them, or `column=value`.
"""

import numpy as np

from components.declaration import slice_names as names
from components.features.event_table import EventTable
from components.features.id_codes import codes
from components.ingest.event_time import DAY
from components.metrics.queries import Queries

SHORT = 5
HEAD_SHARE = 0.5
# A context column with a thousand cities must not make a thousand comparisons: the most frequent values have a slice,
# the others share one.
MAX_VALUES = 5
OTHER = "other"


def masks(events: EventTable, asked: Queries) -> dict[str, np.ndarray]:
    """Returns the queries of each slice: name to [q] bool. Slices without a query are left out.

    Args:
      events: the events of both splits.
      asked: the questions, of the eval split.
    """
    masks_by_name = _users(events, asked) | _histories(asked) | _items(events, asked)
    masks_by_name = {name: masks_by_name[name] for name in names.SLICES}
    for column, values in asked.context.items():
        masks_by_name |= by_value(column, values)
    return {name: mask for name, mask in masks_by_name.items() if mask.any()}


def _users(events: EventTable, asked: Queries) -> dict[str, np.ndarray]:
    """By whether training saw an action of the user, and by the days since the user's first event of any kind."""
    user, _ = codes(events.user)
    has_history = np.isin(asked.user, user[events.positive & ~events.late])
    days = (asked.time - _first(user, events.time)[asked.user]) / DAY
    return {names.KNOWN_USERS: has_history, names.NEW_USERS: ~has_history} | _ages(
        days, names.FIRST_DAY, names.FIRST_WEEK, names.LATER
    )


def _ages(days: np.ndarray, first_day: str, first_week: str, later: str) -> dict[str, np.ndarray]:
    return {first_day: days < 1, first_week: (days >= 1) & (days < 7), later: days >= 7}


def _histories(asked: Queries) -> dict[str, np.ndarray]:
    length = (asked.history != b"").sum(axis=1)
    return {
        names.NO_HISTORY: length == 0,
        names.SHORT_HISTORY: (length > 0) & (length <= SHORT),
        names.LONG_HISTORY: length > SHORT,
    }


def _items(events: EventTable, asked: Queries) -> dict[str, np.ndarray]:
    """By whether training saw the item taken, by the days since its first event of any kind, and by its popularity in training.

    Head items are the most popular ones that together make up half of the training actions; the other items that
    training saw are the tail.
    """
    item, ids = codes(np.concatenate([events.item, asked.target]))
    logged, target = item[: len(events)], item[len(events) :]
    counts = np.bincount(logged[events.positive & ~events.late], minlength=len(ids))
    order = np.argsort(-counts, kind="stable")
    head = np.zeros(len(ids), bool)
    head[order] = np.cumsum(counts[order]) - counts[order] < HEAD_SHARE * counts.sum()
    in_train = counts[target] > 0
    days = (asked.time - _first(logged, events.time)[target]) / DAY
    ages = _ages(days, "", names.YOUNG_ITEMS, names.OLD_ITEMS)
    ages[names.YOUNG_ITEMS] |= ages.pop("")
    return (
        {names.NEW_ITEMS: ~in_train}
        | ages
        | {names.HEAD: in_train & head[target], names.TAIL: in_train & ~head[target]}
    )


def _first(code: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Returns the time of the first event of each code: [codes] int64."""
    first = np.full(int(code.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, code, time)
    return first


def values_of(column: np.ndarray) -> np.ndarray | None:
    """Returns a context column as text: [q] object, rare values as `OTHER`; None for a column of fractions."""
    if column.dtype.kind == "f":
        return None
    place, values = codes(column) if column.dtype == object else np.unique(column, return_inverse=True)[::-1]
    shown = np.full(len(values), OTHER, object)
    for most in np.argsort(-np.bincount(place, minlength=len(values)), kind="stable")[:MAX_VALUES]:
        value = values[most]
        shown[most] = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return shown[place]


def by_value(column: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Returns a slice "column=value" for each of the most frequent values [q]: name to [q] bool; none for fractions."""
    texts = values_of(values)
    if texts is None:
        return {}
    return {
        f"{column}={value}": texts == value
        for value in sorted(set(texts.tolist()), key=lambda value: (value == OTHER, value))
    }
