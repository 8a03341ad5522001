"""Labels: what each objective says of a row, 1, 0 or nothing.

With impressions, a label belongs to an impression: 1 if an action that fulfils the objective has the same request and item and is
not earlier than the impression. For an impression of the training time only actions before the cut count: no label of
train may know what happened in eval. Without impressions a label belongs to every row of the objective's event that has a value.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Launch, Objective
from components.errors import LogError

NO_LABEL = -1


def key_columns(launch: Launch) -> tuple[str, ...]:
    """The columns that labels are made from, besides the time."""
    if not launch.has_ranking_head:
        return ()
    log = launch.log
    names = (log.item, log.event, log.request, log.value) if launch.learns_from_impressions else (log.event, log.value)
    return tuple(name for name in names if name)


def label_rows(keys: pa.Table, times: np.ndarray, cut: int, launch: Launch) -> dict[str, np.ndarray]:
    """The labels of every row of the log, per label column.

    Args:
      keys: [rows] the `key_columns`; request and item as text.
      times: [rows] int64 microseconds.
      cut: the first moment of eval.
      launch: the declaration.

    Returns:
      Per objective with a ranking head [rows] int8: 1, 0 or `NO_LABEL`; {} where the launch has none. Exact; O(rows log rows).

    Raises:
      LogError: if the value column is not a number, or no training row is an impression.
    """
    if not launch.has_ranking_head:
        return {}
    if launch.learns_from_impressions:
        return _from_impressions(keys, times, cut, launch)
    return {objective.label: _from_values(keys, objective, launch) for objective in launch.ranking_objectives}


def _from_values(keys: pa.Table, objective: Objective, launch: Launch) -> np.ndarray:
    values = _numbers(keys, launch)
    reached = (values >= objective.value_at_least).astype(np.int8)
    known = ~np.isnan(values)
    if objective.event is not None:
        known &= _is_event(keys, launch, objective.event)
    return np.where(known, reached, np.int8(NO_LABEL))


def _from_impressions(keys: pa.Table, times: np.ndarray, cut: int, launch: Launch) -> dict[str, np.ndarray]:
    pairs = _pair_codes(keys, launch)
    shown = _is_event(keys, launch, launch.log.impression) & (pairs >= 0)
    in_train = times < cut
    if not np.any(shown & in_train):
        found = ", ".join(sorted(map(repr, pc.unique(_texts(keys[launch.log.event]).drop_null()).to_pylist()[:8])))
        problem = f"needs rows with {launch.log.impression!r} and a {launch.log.request!r} before the cut, found none; events are: {found}."
        raise LogError(f"column {launch.log.event!r}", problem, "Check launch.log.impression, or set it to None to learn without.")
    labels = {}
    for objective in launch.ranking_objectives:
        acted = _fulfils(keys, objective, launch) & (pairs >= 0)
        label = np.full(len(times), NO_LABEL, np.int8)
        for rows, actions in ((shown & in_train, acted & in_train), (shown & ~in_train, acted)):
            label[rows] = _acted_later(pairs[rows], times[rows], pairs[actions], times[actions])
        labels[objective.label] = label
    return labels


def _fulfils(keys: pa.Table, objective: Objective, launch: Launch) -> np.ndarray:
    fulfils = _is_event(keys, launch, objective.event)
    if objective.value_at_least is not None:
        fulfils &= _numbers(keys, launch) >= objective.value_at_least
    return fulfils


def _acted_later(pairs: np.ndarray, times: np.ndarray, action_pairs: np.ndarray, action_times: np.ndarray) -> np.ndarray:
    """Whether the latest action of the same pair is not before the row's time: [rows] bool."""
    if len(action_pairs) == 0:
        return np.zeros(len(pairs), bool)
    order = np.lexsort((action_times, action_pairs))
    ordered = action_pairs[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    known, latest = ordered[last], action_times[order][last]
    at = np.minimum(np.searchsorted(known, pairs), len(known) - 1)
    return (known[at] == pairs) & (latest[at] >= times)


def _pair_codes(keys: pa.Table, launch: Launch) -> np.ndarray:
    """One number per (request, item): [rows] int64; -1 where the request is missing."""
    requests, _ = _codes(keys[launch.log.request])
    items, item_count = _codes(keys[launch.log.item])
    return np.where(requests >= 0, requests * item_count + items, -1)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """[rows] int64 positions in the column's distinct values, -1 for null, and how many there are."""
    encoded = column.dictionary_encode().unify_dictionaries()
    codes = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    count = max((len(chunk.dictionary) for chunk in encoded.chunks), default=0)
    return np.concatenate([np.zeros(0, np.int64), *codes]).astype(np.int64), count


def _is_event(keys: pa.Table, launch: Launch, event: str | None) -> np.ndarray:
    return pc.equal(_texts(keys[launch.log.event]), pa.scalar(event, pa.string())).fill_null(False).to_numpy()


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _numbers(keys: pa.Table, launch: Launch) -> np.ndarray:
    """The value column: [rows] float64, NaN for null."""
    column = keys[launch.log.value]
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
        texts = column.drop_null()
        got = f"{kind}, such as {texts[0].as_py()!r}" if len(texts) else str(kind)
        raise LogError(f"column {launch.log.value!r}", f"needs numbers (launch.log.value), got {got}.", "Fix the column or declare another.")
    number = column.cast(pa.int64()) if pa.types.is_boolean(kind) else column
    return number.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
