"""Compares what could serve: the model, the champion (what is being served) and each rule, on the same questions.

The outcome is a dict of plain values, `evaluation.json`: the tables and slices of `components.evaluation.summary`, and
the relative gains, as intervals, that the verdict rests on. A model or a champion that cannot be judged is missing in
it, and the reason is there.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.declaration.views import RetrievalView
from components.evaluation import judging, own_slices, slices
from components.evaluation.contender import Contender
from components.evaluation.findings import CHAMPION, MODEL, RULES
from components.evaluation.judging import Judged
from components.features.event_table import EventTable
from components.features.item_table import MISSING_INT
from components.metrics import bootstrap, queries, rank_metrics
from components.metrics.queries import Known, Queries

NOTHING_LOGGED = "No event is logged yet: nothing was evaluated."


def compare(
    launch: RetrievalView,
    events: EventTable,
    model: str,
    rules: str,
    champion: str,
    catalogue: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Judges the SavedModels in the folders `model`, `rules` and `champion` ("" if nothing is served yet).

    Args:
      launch: the declaration.
      events: the events of both splits; those of the eval split are the queries.
      model: folder of the challenger.
      rules: folder of the rules.
      champion: folder of what is being served.
      catalogue: column to [rows] array, of the columns that declared slices read (`own_slices.columns`).
    """
    most = launch.promotion.max_queries
    rolling = queries.rolling(launch, events, events.late, most)
    frozen = queries.frozen(launch, events, events.late, _cut(events), most)
    judged, problems = judging.judge(launch, {MODEL: model, CHAMPION: champion}, rules, rolling, frozen)
    rule = next(one.contender.rule for name, one in judged.items() if name not in (MODEL, CHAMPION))
    paths = launch.promotion.metric_paths
    serving = {MODEL: MODEL, RULES: rule, CHAMPION: CHAMPION}
    return {
        "launch": launch.name,
        "metric": launch.promotion.metric,
        "queries": len(rolling),
        "rules_name": rule,
        "rolling": {name: _table(one, rolling, events, paths) for name, one in judged.items()},
        "frozen": {name: rank_metrics.table(one.frozen.ranks, paths) for name, one in judged.items()},
        "gains": _gains(launch, judged, rolling, rule),
        "champion": _champion(launch, judged, rule, rolling),
        "champion_problem": problems.get(CHAMPION, ""),
        "model_problem": problems.get(MODEL, ""),
        "slices": _slices(launch, events, rolling, judged, rule, catalogue or {}),
        "examples": {short: judged[name].example for short, name in serving.items() if name in judged},
        "notes": _list_notes(launch, events, rolling, judged, rule),
        "evidence": _evidence(launch, events, judged[rule]),
    }


def _cut(events: EventTable) -> int:
    """Returns the first moment of the eval split in microseconds; without a split, the moment after the last event."""
    late = events.time[events.late]
    return int(late.min()) if len(late) else int(events.time.max(initial=-1)) + 1


def _champion(launch: RetrievalView, judged: dict[str, Judged], rule: str, asked: Queries) -> dict[str, Any] | None:
    """Describes the champion: its kind; of a launch that starts empty also its stage, and whether a new user sees the same list as from the rules."""
    if CHAMPION not in judged:
        return None
    served = judged[CHAMPION].contender
    if not launch.log.starts_empty:
        return {"kind": served.kind}
    alike = served.kind == RULES and np.array_equal(
        _first_list(served, asked), _first_list(judged[rule].contender, asked)
    )
    return {"kind": served.kind, "stage": served.card.get("launch_stage", ""), "alike": alike}


def _first_list(contender: Contender, asked: Queries) -> np.ndarray:
    """Ranks all candidates for a user without a history: [A] object."""
    blanks: dict[str, Any] = {"O": b"", "f": np.nan, "i": MISSING_INT}
    context = {name: np.full(1, blanks[column.dtype.kind], column.dtype) for name, column in asked.context.items()}
    scores = contender.score(Known(np.full((1, asked.history.shape[1]), b"", object), context))[0]
    return contender.candidates[np.argsort(-scores, kind="stable")]


def _list_notes(
    launch: RetrievalView, events: EventTable, asked: Queries, judged: dict[str, Judged], rule: str
) -> list[str]:
    return _notes(launch, events, asked, judged, rule) if len(events) else [NOTHING_LOGGED]


def _evidence(launch: RetrievalView, events: EventTable, rules: Judged) -> dict[str, Any] | None:
    """Returns what the log of a launch that starts empty holds (`launch_stage`); None for any other."""
    if not launch.log.starts_empty:
        return None
    counts = {"logged": len(events), "actions": int(events.positive.sum())}
    return counts | {name: rules.contender.card[name] for name in ("compared", "needed")}


def _table(each: Judged, asked: Queries, events: EventTable, paths: dict[str, str]) -> dict[str, float]:
    candidates = each.contender.candidates
    column = queries.columns_of(events.item[events.positive & ~events.late], candidates)
    counts = np.bincount(column[column >= 0], minlength=len(candidates))
    lists = rank_metrics.of_lists(each.rolling.recommended, queries.columns_of(asked.target, candidates), counts)
    return rank_metrics.table(each.rolling.ranks, paths) | lists


def _gains(launch: RetrievalView, judged: dict[str, Judged], asked: Queries, rule: str) -> dict[str, Any]:
    """Relative gains of the metric of the comparison as intervals over users, and those of the model over the rules by every metric."""
    pairs = {
        "model_over_rules": (MODEL, rule),
        "model_over_champion": (MODEL, CHAMPION),
        "rules_over_champion": (rule, CHAMPION),
    }
    paths = launch.promotion.metric_paths
    by_pair = [(name, launch.promotion.metric, *pair) for name, pair in pairs.items() if set(pair) <= set(judged)]
    by_metric = [(metric, metric, MODEL, rule) for metric in paths if MODEL in judged]
    over_champion = [(metric, metric, MODEL, CHAMPION) for metric in paths if {MODEL, CHAMPION} <= set(judged)]
    compared = [
        (_contributions(launch, metric, judged[ours]), _contributions(launch, metric, judged[theirs]))
        for _, metric, ours, theirs in by_pair + by_metric + over_champion
    ]
    intervals = [gain.to_dict() for gain in bootstrap.relative_gains(compared, asked.user, launch.seed)]
    gains: dict[str, Any] = dict(zip([name for name, *_ in by_pair], intervals, strict=False))
    rest = iter(intervals[len(by_pair) :])
    gains["by_metric"] = {name: next(rest) for name, *_ in by_metric}
    return gains | {"by_metric_over_champion": {name: next(rest) for name, *_ in over_champion}}


def _contributions(launch: RetrievalView, metric: str, contender: Judged) -> np.ndarray:
    """Returns the contribution of each query to a metric: [q] float64."""
    return rank_metrics.gains(launch.promotion.metric_paths[metric], contender.rolling.ranks)


def _slices(
    launch: RetrievalView,
    events: EventTable,
    asked: Queries,
    judged: dict[str, Judged],
    rule: str,
    catalogue: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Returns the metric per slice of users, items and requests, and the model's gains there over the rules and the champion."""
    metric = launch.promotion.metric
    masks = slices.masks(events, asked) | own_slices.masks(launch, asked, catalogue)
    shown = [name for name in (MODEL, CHAMPION, rule) if name in judged]
    earned = {name: _contributions(launch, metric, judged[name]) for name in shown}
    tables = {
        slice_name: {name: {"queries": int(mask.sum()), metric: float(earned[name][mask].mean())} for name in shown}
        for slice_name, mask in masks.items()
    }
    over = (
        {name: _slice_gains(launch, masks, asked, earned[MODEL], earned[name]) for name in shown[1:]}
        if MODEL in judged
        else {}
    )
    return {
        "metric": metric,
        "tables": tables,
        "gains": over.get(rule, {}),
        "gains_over_champion": over.get(CHAMPION, {}),
    }


def _slice_gains(
    launch: RetrievalView, masks: dict[str, np.ndarray], asked: Queries, ours: np.ndarray, theirs: np.ndarray
) -> dict[str, Any]:
    members = [np.flatnonzero(mask) for mask in masks.values()]
    intervals = bootstrap.relative_gains(
        [(ours[rows], theirs[rows]) for rows in members], asked.user, launch.seed, members=members
    )
    return {name: gain.to_dict() for name, gain in zip(masks, intervals, strict=True)}


def _notes(
    launch: RetrievalView, events: EventTable, asked: Queries, judged: dict[str, Judged], rule: str
) -> list[str]:
    notes = []
    cut = np.datetime64(_cut(events), "us").astype("datetime64[s]")
    notes.append(
        f"Split at {cut} UTC: {int((~events.late).sum()):,} events before, {int(events.late.sum()):,} after; {len(asked):,} queries."
    )
    if len(asked) < asked.possible:
        share = len(asked) / asked.possible
        notes.append(
            f"A sample of the users was evaluated: {len(asked):,} of {asked.possible:,} events ({share:.0%}); the standard "
            f"error of a recall is {0.5 / len(asked) ** 0.5:.4f} at most."
        )
    if asked.repeats:
        notes.append(
            f"{asked.repeats:,} events repeat an item the user had acted on: not recommended again, so not evaluated."
        )
    missing = queries.columns_of(asked.target, judged[rule].contender.candidates) < 0
    if missing.any():
        notes.append(f"{int(missing.sum()):,} targets are not in the active catalogue: they count as misses for all.")
    if CHAMPION in judged:
        unknown = int(((queries.columns_of(asked.target, judged[CHAMPION].contender.candidates) < 0) & ~missing).sum())
        if unknown:
            notes.append(f"The champion does not know the target of {unknown:,} queries: they count as its misses.")
    if launch.catalogue is None:
        notes.append("No catalogue: items have no features and no titles, and all logged items may be recommended.")
    return notes
