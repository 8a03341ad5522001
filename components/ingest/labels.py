"""Labels: 1, 0 or missing per row and objective.

With impressions, a label belongs to an impression: 1 if it led to an action that fulfils the objective (`attribution`).
For an impression of the training time only actions before the cut count: no label of train may know what happened in
eval. Without impressions a label belongs to every row of the objective's event that has a value. Where each row is an
impression that holds its own outcome (`rows_are_impressions`), each row has a label of its own. A team's function
(`Objective.label_fn`) may say it instead (`own_labels`).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Log
from components.declaration.views import IngestView, Label
from components.errors import LogError, first_line
from components.ingest import attribution, own_labels
from components.ingest.event_time import MICROSECONDS

NO_LABEL = own_labels.NO_LABEL


def key_columns(launch: IngestView) -> tuple[str, ...]:
    """Returns the columns, besides the time, that labels are made from and that say which rows are positive."""
    log = launch.log
    if any(objective.label_fn for objective in launch.objectives):
        return tuple(name for name in log.columns() if name != log.time)
    names: tuple[str | None, ...] = (log.event,)
    if log.rows_are_impressions:
        names = (log.event, log.value)
    elif launch.learns_from_impressions:
        names = (log.event, log.item, _asker(launch), log.value)
    elif launch.has_ranking_head:
        names = (log.event, log.value)
    return tuple(name for name in names if name)


def check_positives(keys: pa.Table, times: np.ndarray, cut: int, launch: IngestView) -> None:
    """Raises `LogError` if no event before the cut is one that an objective names: neither rules nor a model could learn.

    A log that starts empty needs none.

    Args:
      keys: [rows] the `key_columns`.
      times: [rows] int64 microseconds.
      cut: the first moment of eval.
      launch: the declaration.
    """
    if not launch.positive_events:
        require_outcome(launch.log)
        return
    if launch.log.starts_empty:
        return
    positive = np.zeros(len(times), bool)
    for event in launch.positive_events:
        positive |= _is_event(keys, launch, event)
    if not positive[times < cut].any():
        needed = " or ".join(map(repr, launch.positive_events))
        problem = f"needs a row with {needed} before the cut, found none; events are: {_events(keys, launch)}."
        raise LogError(
            f"column {launch.log.event!r}",
            problem,
            "Check the events of launch.objectives, and launch.split; where nobody has acted yet, see docs/day-zero.md.",
        )


def require_outcome(log: Log) -> None:
    """Raises `LogError` if rows say where an item was shown and none says which was taken: all would be positives."""
    shown = log.position or log.propensity
    if shown and not log.event:
        problem = (
            f"column {shown!r} says where an item was shown, and launch.log.event is not declared: "
            "every impression would count as a positive."
        )
        raise LogError(
            "launch.log",
            problem,
            "Declare the event, or the answer with rows_are_impressions; or leave the position out.",
        )


def _asker(launch: IngestView) -> str:
    """Returns the column that, with the item, joins an action to its impression: the request, if both have one."""
    log = launch.log
    return log.request if log.request and log.joins_by_request else log.user


def label_rows(keys: pa.Table, times: np.ndarray, cut: int, launch: IngestView) -> dict[str, np.ndarray]:
    """Returns the labels of every row of the log, per label column.

    Args:
      keys: [rows] the `key_columns`; ids as text.
      times: [rows] int64 microseconds.
      cut: the first moment of eval.
      launch: the declaration.

    Returns:
      Per objective with a ranking head [rows] int8: 1, 0 or `NO_LABEL`; {} where the launch has none. Exact; O(rows log
      rows).

    Raises:
      LogError: if the value column is not a number, or no training row is an impression.
    """
    if not launch.has_ranking_head:
        return {}
    if launch.learns_from_impressions and not launch.log.rows_are_impressions:
        return _from_impressions(keys, times, cut, launch)
    return {objective.label: _from_row(keys, times, objective, launch) for objective in launch.ranking_objectives}


def _from_row(keys: pa.Table, times: np.ndarray, objective: Label, launch: IngestView) -> np.ndarray:
    """Labels that a row holds itself."""
    if objective.label_fn is not None:
        event = None if launch.log.rows_are_impressions else objective.event
        rows = np.ones(len(times), bool) if event is None else _is_event(keys, launch, event)
        return own_labels.label(objective, launch, own_labels.Rows(keys, times), np.flatnonzero(rows), {})
    if launch.log.rows_are_impressions:
        return _fulfils(keys, objective, launch).astype(np.int8)
    return _from_values(keys, objective, launch)


def _from_values(keys: pa.Table, objective: Label, launch: IngestView) -> np.ndarray:
    values = _numbers(keys, launch)
    reached = (values >= objective.value_at_least).astype(np.int8)
    has_value = ~np.isnan(values)
    if objective.event is not None:
        has_value &= _is_event(keys, launch, objective.event)
    return np.where(has_value, reached, np.int8(NO_LABEL))


def _from_impressions(keys: pa.Table, times: np.ndarray, cut: int, launch: IngestView) -> dict[str, np.ndarray]:
    pairs = _pair_codes(keys, launch)
    shown = _is_event(keys, launch, launch.log.impression) & (pairs >= 0)
    in_train = times < cut
    if not np.any(shown & in_train) and not launch.log.starts_empty:
        request = f" and a {launch.log.request!r}" if launch.log.joins_by_request else ""
        problem = f"needs rows with {launch.log.impression!r}{request} before the cut, found none; events are: {_events(keys, launch)}."
        raise LogError(
            f"column {launch.log.event!r}", problem, "Check launch.log.impression, or set it to None to learn without."
        )
    first = {
        objective.name: _first_actions(pairs, times, shown, in_train, _fulfils(keys, objective, launch), launch)
        for objective in launch.objectives
    }
    labels, rows = {}, np.flatnonzero(shown)
    for objective in launch.ranking_objectives:
        if objective.label_fn is not None:
            labels[objective.label] = own_labels.label(objective, launch, own_labels.Rows(keys, times), rows, first)
        else:
            led = (first[objective.name] != attribution.NONE).astype(np.int8)
            labels[objective.label] = np.where(shown, led, np.int8(NO_LABEL))
    return labels


def _first_actions(
    pairs: np.ndarray,
    times: np.ndarray,
    shown: np.ndarray,
    in_train: np.ndarray,
    fulfils: np.ndarray,
    launch: IngestView,
) -> np.ndarray:
    """Returns the row of the first action that each impression led to: [rows] int64, `attribution.NONE` for none."""
    window = round(launch.log.attribution_seconds * MICROSECONDS["s"])
    acted, first = fulfils & (pairs >= 0), np.full(len(times), attribution.NONE)
    for rows, actions in ((shown & in_train, acted & in_train), (shown & ~in_train, acted)):
        pairs_and_times = (pairs[rows], times[rows], pairs[actions], times[actions])
        at = attribution.first_actions(*pairs_and_times, window, last_only=not launch.log.joins_by_request)
        first[rows] = np.append(np.flatnonzero(actions), attribution.NONE)[at]
    return first


def _fulfils(keys: pa.Table, objective: Label, launch: IngestView) -> np.ndarray:
    fulfils = _is_event(keys, launch, objective.event)
    if objective.value_at_least is not None:
        fulfils &= _numbers(keys, launch) >= objective.value_at_least
    return fulfils


def _pair_codes(keys: pa.Table, launch: IngestView) -> np.ndarray:
    """Returns one number per (request, item), or (user, item) without requests: [rows] int64; -1 for no request."""
    askers, _ = _codes(keys[_asker(launch)])
    items, item_count = _codes(keys[launch.log.item])
    return np.where(askers >= 0, askers * item_count + items, -1)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """[rows] int64 positions in the column's distinct values, -1 for null, and how many there are."""
    encoded = column.dictionary_encode().unify_dictionaries()
    codes = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    count = max((len(chunk.dictionary) for chunk in encoded.chunks), default=0)
    return np.concatenate([np.zeros(0, np.int64), *codes]).astype(np.int64), count


def _is_event(keys: pa.Table, launch: IngestView, event: str | None) -> np.ndarray:
    return pc.equal(_texts(keys[launch.log.event]), pa.scalar(event, pa.string())).fill_null(False).to_numpy()


def _events(keys: pa.Table, launch: IngestView) -> str:
    """Some of the events that are there, for people."""
    return ", ".join(sorted(map(repr, pc.unique(_texts(keys[launch.log.event]).drop_null()).to_pylist()[:8]))) or "none"


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column if pa.types.is_string(column.type) else column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        problem = f"the event column needs UTF-8 text or numbers, got {column.type}: {first_line(error)}."
        raise LogError("launch.log.event", problem, "Fix the column or declare another.") from error


def _numbers(keys: pa.Table, launch: IngestView) -> np.ndarray:
    """Returns the value column: [rows] float64, NaN for null."""
    column = keys[launch.log.value]
    kind = column.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    ):
        texts = column.drop_null()
        got = f"{kind}, such as {texts[0].as_py()!r}" if len(texts) else str(kind)
        raise LogError(
            f"column {launch.log.value!r}",
            f"needs numbers (launch.log.value), got {got}.",
            "Fix the column or declare another.",
        )
    number = column.cast(pa.int64()) if pa.types.is_boolean(kind) else column
    return number.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
