"""The triangle: rules and model trained at several moments of the log's time, each evaluated on later windows.

    K  moments c_1 < ... < c_K, the last one the run's own split      q  queries of a window

    trained before    window 1    window 2    ...    window K (the eval split)
    c_1               x                              x
    c_2                           x                  x
    c_K                                              x

The diagonal and the last column are evaluated. The diagonal says when the model overtook the rules; the last column what
more days brought and what age costs: an older version has also seen less of the log, and both are in the figure, as
they are in the choice to retrain or not. The second part trains the model on random parts of the users, up to the run's
split (`doubling`).

The content of `triangle.json`, plain values:

    metric, problem     the metric's name; why nothing was measured, "" if it was
    start, trainings    the log's first event, ISO 8601; how often something was trained for it
    moments             [{"time", "days" since the start, "share" of the actions before, "actions", "queries" and "until"
                        of its window, "model", "rules": intervals of the metric, "gain": model over rules}]
    ages                [{"days" before the run's split, "loss": interval}], of older versions against the run's own
    users               {"points": [{"share", "users", "value", "repeats"}], "next": prediction of twice the users,
                        "last": the prediction of the last doubling from half the users, and its "truth"}; null without
    left_out            [str], what could not be trained, with the reason
"""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components.declaration.triangle_view import TriangleView
from components.evaluation import doubling
from components.evaluation.contender import Contender
from components.evaluation.findings import MODEL, RULES
from components.features.event_table import EventTable
from components.features.id_codes import codes
from components.features.training_data import Part
from components.ingest.event_time import DAY
from components.metrics import bootstrap, queries, rank_metrics
from components.metrics.bootstrap import Interval
from components.metrics.queries import Queries

LEAST_ACTIONS = 100
# Share of the users to how many random draws of them.
USER_PARTS = {0.125: 3, 0.25: 3, 0.5: 2}

Trained = Mapping[str, Contender]
Train = Callable[[Part, Sequence[str]], Trained]


@dataclasses.dataclass(frozen=True)
class Moment:
    """A moment of the log's time and the window of queries after it.

    Attributes:
      time, until: microseconds since the epoch.
      share: of the train split's actions that lie before `time`.
      actions: how many these are.
    """

    time: int
    until: int
    share: float
    actions: int


def choose_moments(events: EventTable, count: int) -> list[Moment]:
    """Returns at most `count` moments: shares of the train split's actions from a tenth to all, by equal factors.

    Moments with fewer than `LEAST_ACTIONS` before them, and all but one of those at the same time, are left out.

    Args:
      events: of both splits.
      count: K.
    """
    actions = np.sort(events.time[events.positive & ~events.late])
    targets = events.time[events.positive & events.late]
    if not len(targets) or len(actions) < LEAST_ACTIONS:
        return []
    split, end = int(events.time[events.late].min()), int(events.time.max()) + 1
    times = [int(actions[round(share * len(actions))]) for share in np.geomspace(0.1, 1, count)[:-1]]
    kept = sorted({time for time in times if np.searchsorted(actions, time) >= LEAST_ACTIONS and time < split})
    ends = [*kept, split, end]
    moments = []
    for time, until in itertools.pairwise(ends):
        before = int(np.searchsorted(actions, time))
        moments.append(Moment(time, until, before / len(actions), before))
    return moments


def count_trainings(moments: Sequence[Moment], users: bool) -> tuple[int, float]:
    """Returns how often a model is trained, and on how many times the run's own events in all."""
    parts = list(USER_PARTS.items()) if users else []
    shares = [moment.share for moment in moments[:-1]] + [share * repeats for share, repeats in parts]
    return len(moments) - 1 + sum(repeats for _, repeats in parts), sum(shares)


def measure(view: TriangleView, events: EventTable, own: Trained, train: Train) -> dict[str, Any]:
    """Returns the content of `triangle.json`.

    Args:
      view: of the declaration, with an insight.
      events: of both splits.
      own: the run's own model and rules.
      train: trains contenders, by name, on a part of the train split; those that cannot be trained are missing.
    """
    assert view.insight is not None
    moments = choose_moments(events, view.insight.moments)
    problem = "" if moments else f"the log needs {LEAST_ACTIONS} actions to learn from and some later ones to ask for"
    if moments and set(own) != {MODEL, RULES}:
        problem = "the run's own model could not be evaluated"
    content: dict[str, Any] = {"metric": view.promotion.metric, "problem": problem}
    if problem:
        return content | {"trainings": 0, "moments": [], "ages": [], "users": None}
    content |= {"start": _iso(int(events.time.min())), "trainings": count_trainings(moments, view.insight.users)[0]}
    return content | _measure_moments(view, events, moments, own, train)


def _measure_moments(
    view: TriangleView, events: EventTable, moments: Sequence[Moment], own: Trained, train: Train
) -> dict[str, Any]:
    """Returns the parts of the content that are measured: `moments`, `ages` and `users`."""
    assert view.insight is not None
    rows = [train(Part(before=moment.time), (MODEL, RULES)) for moment in moments[:-1]]
    trained = [row if set(row) == {MODEL, RULES} else None for row in rows] + [own]
    windows = [_ask_window(view, events, moment) for moment in moments]
    diagonal = [_gains(view, row, window) for row, window in zip(trained, windows, strict=True)]
    last = [_gains(view, row, windows[-1]) for row in trained[:-1]]
    newest = {name: _gain(view, one, windows[-1]) for name, one in own.items()}
    described = _describe_moments(view, int(events.time.min()), moments, windows, diagonal)
    ages = _list_ages(view, moments, windows[-1], [*last, newest])
    users = _measure_users(view, events, windows[-1], newest[MODEL], train) if view.insight.users else None
    return {"moments": list(described), "ages": list(ages), "users": users}


def _gains(view: TriangleView, row: Trained | None, asked: Queries) -> dict[str, np.ndarray] | None:
    """Returns what each query of a window gains by each contender of a row, by name: [q] float64."""
    return None if row is None else {name: _gain(view, one, asked) for name, one in row.items()}


def _ask_window(view: TriangleView, events: EventTable, moment: Moment) -> Queries:
    assert view.insight is not None
    inside = (events.time >= moment.time) & (events.time < moment.until)
    return queries.rolling(view, events, inside, view.insight.max_queries)


def _gain(view: TriangleView, contender: Contender, asked: Queries) -> np.ndarray:
    """Returns what each query of a window gains by a contender: [q] float64."""
    path = view.promotion.metric_paths[view.promotion.metric]
    return rank_metrics.gains(path, queries.ask(contender.score, contender.candidates, asked).ranks)


def _describe_moments(
    view: TriangleView, start: int, moments: Sequence[Moment], windows: Sequence[Queries], diagonal: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    for moment, window, gains in zip(moments, windows, diagonal, strict=True):
        yield {
            "time": _iso(moment.time),
            "until": _iso(moment.until),
            "days": round((moment.time - start) / DAY, 1),
            "share": round(moment.share, 3),
            "actions": moment.actions,
            "queries": len(window),
        } | _compare(view, window, gains)


def _compare(view: TriangleView, asked: Queries, gains: Mapping[str, np.ndarray] | None) -> dict[str, Any]:
    """Returns the metric of model and rules, and the gain, as intervals; None without queries."""
    if gains is None or not len(asked):
        return {MODEL: None, RULES: None, "gain": None}
    ones = np.ones(len(asked))
    pairs = [(gains[MODEL], ones), (gains[RULES], ones), (gains[MODEL], gains[RULES])]
    model, rules, gain = bootstrap.relative_gains(pairs, asked.user, view.seed)
    return {MODEL: _add_one(model).to_dict(), RULES: _add_one(rules).to_dict(), "gain": gain.to_dict()}


def _add_one(gain: Interval) -> Interval:
    """Returns the mean itself, of a gain over a contender that gains 1 with every query."""
    return dataclasses.replace(gain, point=gain.point + 1, low=gain.low + 1, high=gain.high + 1)


def _list_ages(
    view: TriangleView, moments: Sequence[Moment], asked: Queries, column: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    """Yields what versions trained at earlier moments lose in the last window, against the run's own; oldest first."""
    older = [(moment, gains) for moment, gains in zip(moments[:-1], column[:-1], strict=True) if gains is not None]
    pairs = [(gains[MODEL], column[-1][MODEL]) for _, gains in older]
    intervals = bootstrap.relative_gains(pairs, asked.user, view.seed) if pairs and len(asked) else []
    for (moment, _), gain in zip(older, intervals, strict=False):
        loss = dataclasses.replace(gain, point=-gain.point, low=-gain.high, high=-gain.low)
        yield {"days": round((moments[-1].time - moment.time) / DAY, 1), "loss": loss.to_dict()}


def _measure_users(
    view: TriangleView, events: EventTable, asked: Queries, whole: np.ndarray, train: Train
) -> dict[str, Any]:
    """Returns the value by the number of users, the prediction for twice as many, and that of the last doubling."""
    count = len(codes(events.user[~events.late])[1])
    curve: dict[float, np.ndarray] = {}
    points = []
    for share, repeats in USER_PARTS.items():
        drawn = [train(Part(users=share, draw=draw), (MODEL,)) for draw in range(repeats)]
        gains = [_gain(view, row[MODEL], asked) for row in drawn if MODEL in row]
        if gains:
            curve[share] = np.mean(gains, axis=0)
            points.append(_describe_point(share, round(share * count), curve[share], len(gains)))
    curve[1.0] = whole
    points.append(_describe_point(1.0, count, whole, 1))
    following = _predict(curve, (0.25, 0.5, 1.0), asked, view.seed)
    last = _predict(curve, (0.125, 0.25, 0.5), asked, view.seed)
    truth = bootstrap.relative_gain(whole, curve[0.5], asked.user, view.seed).to_dict() if 0.5 in curve else None
    return {"points": points, "next": following.to_dict(), "last": last.to_dict() | {"truth": truth}}


def _describe_point(share: float, users: int, gains: np.ndarray, repeats: int) -> dict[str, Any]:
    value = float(gains.mean()) if len(gains) else None
    return {"share": share, "users": users, "value": value, "repeats": repeats}


def _predict(
    curve: Mapping[float, np.ndarray], shares: Sequence[float], asked: Queries, seed: int
) -> doubling.Prediction:
    if not set(shares) <= set(curve):
        return doubling.Prediction(None, "a part of the users could not be trained on")
    return doubling.predict(np.stack([curve[share] for share in shares], axis=1), asked.user, seed)


def _iso(microseconds: int) -> str:
    time = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=microseconds)
    return time.isoformat(timespec="seconds")
