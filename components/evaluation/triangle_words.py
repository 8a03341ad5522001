"""The triangle in words: when the model overtook the rules, what more days and users bring, what age costs.

Reads the content of `triangle.json` (`components.evaluation.triangle` has its form).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.evaluation.verdict_words import percent

Json = Mapping[str, Any]


def find_takeover(moments: Sequence[Json], margin: float = 0.0) -> Json | None:
    """Returns the first moment from which on the gain's low end stays above the margin; None without one.

    A moment that could not be measured counts as one that is not above.
    """
    first = None
    for moment in moments:
        above = moment["gain"] is not None and float(moment["gain"]["low"]) > margin
        first = (first or moment) if above else None
    return first


def list_known(result: Json, margin: float) -> Iterator[str]:
    """Yields what was measured on the past: the takeover, what more days brought, and how good the last prediction was."""
    if result["problem"]:
        return
    moments, takeover = result["moments"], find_takeover(result["moments"], margin)
    if takeover is not None:
        gain = _range(takeover["gain"])
        yield (
            f"The model would have beaten the rules from day {takeover['days']:g} of the log on "
            f"({takeover['actions']:,} actions to learn from; {gain} in the time after)."
        )
    first, last = moments[0], moments[-1]
    yield from _describe_age(result["ages"])
    if first["gain"] is not None and last["gain"] is not None and takeover is None:
        yield f"In the log's time: {_range(first['gain'])} over the rules at first, {_range(last['gain'])} in the end."


def list_takes(result: Json) -> Iterator[str]:
    """Yields what more users would bring, and how good the same prediction was one doubling before."""
    users = result["users"]
    if result["problem"] or users is None:
        return
    metric, following = result["metric"], users["next"]["gain"]
    if following:
        yield f"Twice the users would bring {_range(following)} in {metric}, by the last doublings."
    before, truth = users["last"]["gain"], users["last"]["truth"]
    if before and truth:
        yield (
            f"The same prediction made from half of the users was {_range(before)}; all of them brought {_range(truth)}."
        )
    yield from _advise_retraining(result["ages"])


def list_unknown(result: Json, margin: float) -> Iterator[str]:
    """Yields what could not be told."""
    if result["problem"]:
        yield f"When the model overtakes the rules, what age costs, what more users bring: {result['problem']}."
        return
    if find_takeover(result["moments"], margin) is None:
        yield "From when on the model beats the rules: not by the end of this log."
    users = result["users"]
    if users is not None and users["next"]["refusal"]:
        yield f"What twice the users would bring: cannot be told, {users['next']['refusal']}."
    for text in result["left_out"]:
        yield f"Could not be trained: {text}."


def _describe_age(ages: Sequence[Json]) -> Iterator[str]:
    """Yields the loss of the newest of the older versions, and of the oldest where it differs."""
    for age in dict.fromkeys((len(ages) - 1, 0)) if ages else ():
        loss, days = ages[age]["loss"], f"{ages[age]['days']:g}"
        if float(loss["low"]) > 0:
            low, high = _share(loss["low"]), _share(loss["high"])
            yield f"A version trained {days} days earlier has lost {_share(loss['point'])} ({low} to {high}), having seen less of the log, too."
        elif math.isfinite(float(loss["low"])):
            yield f"A version trained {days} days earlier is not significantly worse ({_range(loss)} lost)."


def _advise_retraining(ages: Sequence[Json]) -> Iterator[str]:
    """Yields how often to retrain: the youngest age whose loss is significant."""
    costly = [age for age in ages if float(age["loss"]["low"]) > 0]
    if costly:
        youngest = min(costly, key=lambda age: float(age["days"]))
        yield f"Retrain at least every {youngest['days']:g} days: at that age the loss is significant."


def _range(gain: Json) -> str:
    point, low, high = (percent(float(gain[name])) for name in ("point", "low", "high"))
    return f"{point} ({low} to {high})"


def _share(value: Any) -> str:
    return percent(float(value)).lstrip("+")
