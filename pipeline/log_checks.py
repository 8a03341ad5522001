"""Can something be learnt from the log: do the objectives occur, do actions join impressions, do users come back, is there enough to judge?"""

import difflib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Objective
from components.errors import LogError
from components.features import histories
from components.ingest.time_split import cut_time
from pipeline.findings import Finding, error, share, warning
from pipeline.log_view import LogView, codes, mask

_MOST = 0.5
_LEAST_JOINED = 0.5
_MANY_REPEATED = 0.01
_HASH = np.uint64(0x9E3779B97F4A7C15)


def check_objectives(view: LogView) -> Iterator[Finding]:
    """Objectives that never occur, or always do."""
    for objective in view.launch.objectives:
        count = int(view.is_event(objective.event).sum())
        if objective.event is not None and count == 0:
            yield _missing_event(view, objective.event, f"objective {objective.name!r} wants the event {objective.event!r}", "objectives")
        elif objective.value_at_least is not None and view.has(view.launch.log.value):
            yield from _check_threshold(view, objective, count)


def _missing_event(view: LogView, event: str, head: str, field: str) -> Finding:
    assert view.events is not None
    counts = view.events.value_counts()
    order = np.argsort(-counts.field("counts").to_numpy(), kind="stable")[:8]
    names = [str(counts.field("values")[int(at)].as_py()) for at in order]
    near = difflib.get_close_matches(event, names, n=1)
    there = ", ".join(f"{name!r} ({counts.field('counts')[int(at)].as_py():,})" for name, at in zip(names, order, strict=True))
    return error(
        f"{head}, which never occurs; the events are {there}.",
        "Nothing can be learnt or judged that did not happen.",
        f"{f'Did you mean {near[0]!r}? ' if near else ''}Change launch.{field}.",
    )


def _check_threshold(view: LogView, objective: Objective, count: int) -> Iterator[Finding]:
    column = view.table[view.launch.log.value]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return
    reached = mask(pc.greater_equal(column, float(objective.value_at_least or 0.0)))
    fulfilled = int((reached & view.is_event(objective.event)).sum())
    bounds = pc.min_max(column).as_py()
    if fulfilled in (0, count):
        yield error(
            f"objective {objective.name!r} wants {view.launch.log.value!r} of at least {objective.value_at_least:g}, which "
            f"{'none' if fulfilled == 0 else 'every one'} of its {count:,} events has; the values go from {bounds['min']} to {bounds['max']}.",
            "What is always or never so teaches nothing.",
            f"Change value_at_least of objective {objective.name!r}.",
        )


def check_impressions(view: LogView) -> Iterator[Finding]:
    """Impressions that are declared and not there, and actions that join none."""
    log = view.launch.log
    if log.impression is None or view.events is None:
        return
    shown = view.is_event(log.impression)
    if not shown.any():
        yield _missing_event(view, log.impression, f"launch.log.impression is {log.impression!r}", "log.impression")
    elif log.request is not None and view.has(log.request):
        yield from _check_joins(view, log.request, shown)


def _check_joins(view: LogView, request: str, shown: np.ndarray) -> Iterator[Finding]:
    requests = codes(view.table[request])
    pairs = np.where(requests >= 0, requests * (view.items.max(initial=0) + 1) + view.items, -1)
    acted = view.positive & (pairs >= 0)
    if not (shown & (pairs >= 0)).any():
        yield error(f"no impression has a {request!r}.", "It joins what was shown with what followed.", "Log it, or set launch.log.request to None.")
        return
    joined = int(np.isin(pairs[acted], pairs[shown]).sum())
    if joined == 0 or joined < _LEAST_JOINED * acted.sum():
        level = error if joined == 0 else warning
        lost = view.table[request].filter(pa.array(acted & ~np.isin(pairs, pairs[shown])))
        example = f"; {lost[0].as_py()!r} has none" if len(lost) else ""
        yield level(
            f"{share(joined, int(acted.sum()))} actions with a {request!r} have an impression of the same request and item{example}.",
            "Labels come from this join: an action that joins nothing counts as a positive, but its impression counts as ignored.",
            f"Write the same {request!r} on an impression and on the actions it leads to, or set launch.log.request to None.",
        )


def check_concentration(view: LogView) -> Iterator[Finding]:
    """One user or one item with half of the events."""
    log = view.launch.log
    for role, found, name in (("user", view.users, log.user), ("item", view.items, log.item)):
        rows = np.flatnonzero(view.positive & (found >= 0))
        if not len(rows):
            continue
        counts = np.bincount(found[rows])
        most = int(counts.max())
        if most > _MOST * len(rows):
            value = view.table[name][int(rows[np.argmax(found[rows] == counts.argmax())])].as_py()
            yield warning(
                f"{role} {value!r} has {share(most, len(rows))} of the positive events.",
                "What one of them does decides everything: often it is a robot, a test account, or a default for a missing id.",
                f"Take these rows out of the log if so; check {name!r}.",
            )


def check_histories(view: LogView) -> Iterator[Finding]:
    """Users who never come back."""
    rows = view.positive & view.whole
    counts = np.bincount(view.users[rows]) if rows.any() else np.zeros(0, int)
    counts = counts[counts > 0]
    if len(counts) and np.median(counts) <= 1:
        once = int((counts == 1).sum())
        yield warning(
            f"{share(once, len(counts))} users have one positive event only.",
            "A recommendation follows from what somebody did before; these users get the rules.",
            f"Check that {view.launch.log.user!r} stays the same between visits and is not the id of a session.",
        )


def check_split(view: LogView) -> Iterator[Finding]:
    """Splits that leave too little to judge by."""
    rows = np.flatnonzero(view.whole)
    times = view.times[rows]
    try:
        cut = cut_time(times, view.launch.split)
    except (LogError, ValueError) as problem:
        yield error(f"the log cannot be split: {problem}", "The part after the cut judges what the part before it taught.", "Change launch.split.")
        return
    positive = view.positive[rows]
    asked = positive & (times >= cut)
    if view.launch.exclude_seen:
        asked &= ~histories.seen_before(view.users[rows], view.items[rows], times, positive, view.launch.seed)
    if not (positive & (times < cut)).any():
        yield error("no positive event lies before the cut.", "There is nothing to learn from.", "Change launch.split or the objectives.")
    count, least = int(asked.sum()), view.launch.gate.min_queries
    if count < least:
        moment = np.datetime_as_string(np.datetime64(cut, "us"), unit="s")
        level = error if count == 0 else warning
        yield level(
            f"the split at {moment} (UTC) leaves {count:,} positive events to judge by"
            f"{' (first of their user and item)' if view.launch.exclude_seen else ''}; launch.gate.min_queries is {least:,}.",
            "With fewer the difference between model and rules is chance, and the rules stay.",
            "Give a longer log, a larger eval part (launch.split), or accept a smaller min_queries.",
        )


def check_duplicates(view: LogView) -> Iterator[Finding]:
    """Rows that repeat another in all declared columns."""
    hashes = np.zeros(view.rows, np.uint64)
    for name in view.table.schema.names:
        if not pa.types.is_list(view.table[name].type):
            # A product by an odd number moves the bits of every column to places of their own; two rows meet by chance once in 2^64.
            hashes = (hashes ^ (codes(view.table[name]).astype(np.uint64) + np.uint64(1))) * _HASH
            hashes ^= hashes >> np.uint64(29)
    repeated = view.rows - len(np.unique(hashes))
    if repeated > _MANY_REPEATED * view.rows and not view.launch.log.drop_duplicates:
        yield warning(
            f"{share(repeated, view.rows)} rows repeat another in all declared columns.",
            "Events that were logged twice count twice: in popularity, in training, and in the judgement.",
            "Set launch.log.drop_duplicates, or mend what writes the log, if it was one event each.",
        )
