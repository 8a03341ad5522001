"""Checks that the log suffices to learn from: objectives, joins of actions to impressions, returning users, eval events."""

import difflib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Objective
from components.errors import LogError
from components.features import histories
from components.ingest import attribution
from components.ingest.event_time import MICROSECONDS
from components.ingest.labels import require_outcome
from components.ingest.time_split import cut_time
from pipeline.checks.findings import Finding, error, share, warning
from pipeline.checks.log_view import LogView, codes, mask

_MOST = 0.5
_LEAST_JOINED = 0.5
_MANY_REPEATED = 0.01
_MANY_EARLY = 0.1
_EVER = np.iinfo(np.int64).max
_JOIN_WAYS = {
    "request": "Write the same id on an impression and on the actions it leads to (launch.log.request); or set it to None to join by user and item.",
    "user": "Log what was shown before it is acted on, check launch.log.attribution_seconds, or set launch.log.impression to None.",
}
_HASH = np.uint64(0x9E3779B97F4A7C15)


def check_objectives(view: LogView) -> Iterator[Finding]:
    """Objectives that never occur, or always do."""
    try:
        require_outcome(view.launch.log)
    except LogError as problem:
        yield error(f"{problem}", "A run stops at it.", "Say what was taken.")
    if view.shown.all() and not view.positive.any() and view.events is not None:
        actions = ", ".join(map(repr, view.launch.positive_events))
        yield error(
            f"the log holds {view.rows:,} impressions and no action yet ({actions}).",
            "Nothing says what people want.",
            "Serve the rules and log what is clicked; then run again.",
        )
        return
    for objective in view.launch.objectives:
        count = int(view.is_event(objective.event).sum())
        if objective.event is not None and count == 0:
            yield _missing_event(
                view, objective.event, f"objective {objective.name!r} wants the event {objective.event!r}", "objectives"
            )
        elif objective.value_at_least is not None and view.has(view.launch.log.value):
            yield from _check_threshold(view, objective, count)


def _missing_event(view: LogView, event: str, head: str, field: str) -> Finding:
    assert view.events is not None
    counts = view.events.value_counts()
    order = np.argsort(-counts.field("counts").to_numpy(), kind="stable")[:8]
    names = [str(counts.field("values")[int(at)].as_py()) for at in order]
    near = difflib.get_close_matches(event, names, n=1)
    events = ", ".join(
        f"{name!r} ({counts.field('counts')[int(at)].as_py():,})" for name, at in zip(names, order, strict=True)
    )
    return error(
        f"{head}, which never occurs; the events are {events}.",
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
    if log.rows_are_impressions:
        return
    shown = view.is_event(log.impression)
    if not shown.any():
        yield _missing_event(view, log.impression, f"launch.log.impression is {log.impression!r}", "log.impression")
    else:
        yield from _check_joins(view, shown)


def _check_joins(view: LogView, shown: np.ndarray) -> Iterator[Finding]:
    """Counts, as the labels do, the actions that an impression of the same request (or user) and item came before, within the window."""
    log = view.launch.log
    join_role = "request" if log.joins_by_request else "user"
    askers = codes(view.table[log.request]) if log.joins_by_request else view.users
    pairs = np.where((askers >= 0) & view.whole, askers * (view.items.max(initial=0) + 1) + view.items, -1)
    shown, acted = shown & (pairs >= 0), view.positive & (pairs >= 0)
    lacking = "impression" if not shown.any() else "action" if view.positive.any() and not acted.any() else ""
    if lacking and log.joins_by_request:
        yield error(
            f"no {lacking} has a {log.request!r}.",
            "It joins what was shown with what followed.",
            "Log it, or set launch.log.request to None.",
        )
    if not acted.any() or not shown.any():
        return
    # Seen backwards in time, the impressions are what comes after an action.
    backwards = (pairs[acted], -view.times[acted], pairs[shown], -view.times[shown])
    joined = attribution.leads_to(*backwards, round(log.attribution_seconds * MICROSECONDS["s"]), last_only=False)
    count, ever = int(joined.sum()), int(attribution.leads_to(*backwards, _EVER, last_only=False).sum())
    early = _before_their_impression(view, pairs, shown, acted & ~_fill_rows(acted, joined))
    if len(early) > max(_MANY_EARLY * len(joined), 2 * count):
        middle = float(np.median(early)) / MICROSECONDS["s"]
        yield error(
            f"{share(len(early), len(joined))} actions are earlier than their impression, by {middle:g} s in the median.",
            "An action that comes first joins nothing: its impression counts as ignored.",
            "Check the clocks: those that log impressions and actions differ, or impressions are logged late.",
        )
    elif count == 0 or count < _LEAST_JOINED * len(joined):
        lost = (
            view.table[log.request if log.joins_by_request else log.user]
            .filter(pa.array(acted))
            .filter(pa.array(~joined))
        )
        example = f"; one of {join_role} {lost[0].as_py()!r} has none" if len(lost) else ""
        later = (
            f" ({share(ever, len(joined))} without the limit of launch.log.attribution_seconds)" if ever > count else ""
        )
        yield (error if count == 0 else warning)(
            f"{share(count, len(joined))} actions come at most {log.attribution_seconds:g} s after an impression "
            f"of their {join_role} and item{later}{example}.",
            "Labels come from this join: an action that joins nothing counts as a positive, but its impression counts as ignored.",
            _JOIN_WAYS[join_role],
        )


def _fill_rows(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[n] bool: the values where `rows` is true, false elsewhere."""
    placed = np.zeros(len(rows), bool)
    placed[rows] = values
    return placed


def _before_their_impression(view: LogView, pairs: np.ndarray, shown: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Returns how much earlier actions are than the next impression of their pair: [e] int64 microseconds."""
    window = round(view.launch.log.attribution_seconds * MICROSECONDS["s"])
    order = np.lexsort((view.times[shown], pairs[shown]))
    sorted_pairs, sorted_times = pairs[shown][order], view.times[shown][order]
    # One number per pair and time, so that one search finds the next impression of the pair.
    times = view.times[shown | lost]
    first, span = int(times.min(initial=0)), int(np.ptp(times)) + window + 1 if len(times) else 1
    unique_pairs, number = np.unique(sorted_pairs, return_inverse=True)
    keys = (
        number.astype(object) * span + (sorted_times - first)
        if len(unique_pairs) * span > _EVER
        else number * span + (sorted_times - first)
    )
    place = np.searchsorted(unique_pairs, pairs[lost])
    matched = (
        (place < len(unique_pairs)) & (unique_pairs[np.minimum(place, len(unique_pairs) - 1)] == pairs[lost])
        if len(unique_pairs)
        else np.zeros(int(lost.sum()), bool)
    )
    lost_keys = place[matched] * span + (view.times[lost][matched] - first)
    at = np.searchsorted(keys, lost_keys)
    has_later = at < len(keys)
    later = np.asarray(keys[at[has_later]] - lost_keys[has_later], np.int64)
    return later[later <= window]


def check_concentration(view: LogView) -> Iterator[Finding]:
    """Finds one user or one item with half of the events."""
    log = view.launch.log
    for role, entities, name in (("user", view.users, log.user), ("item", view.items, log.item)):
        rows = np.flatnonzero(view.positive & (entities >= 0))
        if not len(rows):
            continue
        counts = np.bincount(entities[rows])
        most = int(counts.max())
        if most > _MOST * len(rows):
            value = view.table[name][int(rows[np.argmax(entities[rows] == counts.argmax())])].as_py()
            yield warning(
                f"{role} {value!r} has {share(most, len(rows))} of the positive events.",
                "It dominates every count: often it is a robot, a test account, or a default for a missing id.",
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
    only_shown = view.events is not None and view.shown.all() and not view.positive.any()
    if not len(rows) or only_shown:
        return  # said by the checks of the quarantine and of the objectives
    times = view.times[rows]
    try:
        cut = cut_time(times, view.launch.split)
    except (LogError, ValueError) as problem:
        yield error(
            f"the log cannot be split: {problem}",
            "The part after the cut judges what the part before it taught.",
            "Change launch.split.",
        )
        return
    positive = view.positive[rows]
    queries = positive & (times >= cut)
    if view.launch.exclude_seen:
        queries &= ~histories.seen_before(view.users[rows], view.items[rows], times, positive, view.launch.seed)
    if not (positive & (times < cut)).any():
        yield error(
            "no positive event lies before the cut.",
            "There is nothing to learn from.",
            "Change launch.split or the objectives.",
        )
    count, least = int(queries.sum()), view.launch.promotion.min_queries
    if count < least:
        moment = np.datetime_as_string(np.datetime64(cut, "us"), unit="s")
        level = error if count == 0 else warning
        yield level(
            f"the split at {moment} (UTC) leaves {count:,} positive events to judge by"
            f"{' (first of their user and item)' if view.launch.exclude_seen else ''}; launch.promotion.min_queries is {least:,}.",
            "With fewer the difference between model and rules is chance, and the rules stay.",
            "Give a longer log, a larger eval part (launch.split), or accept a smaller min_queries.",
        )


def check_duplicates(view: LogView) -> Iterator[Finding]:
    """Rows that repeat another in all declared columns."""
    hashes = np.zeros(view.rows, np.uint64)
    for name in view.table.schema.names:
        if not pa.types.is_list(view.table[name].type):
            # A product by an odd number moves the bits of every column to positions of their own; two rows meet by chance
            # once in 2^64.
            hashes = (hashes ^ (codes(view.table[name]).astype(np.uint64) + np.uint64(1))) * _HASH
            hashes ^= hashes >> np.uint64(29)
    repeated = view.rows - len(np.unique(hashes))
    if repeated > _MANY_REPEATED * view.rows and not view.launch.log.drop_duplicates:
        yield warning(
            f"{share(repeated, view.rows)} rows repeat another in all declared columns.",
            "Events that were logged twice count twice: in popularity, in training, and in the judgement.",
            "Set launch.log.drop_duplicates, or mend what writes the log, if it was one event each.",
        )
