"""The offline tables of the feature store: what each user did last, and what the catalogue says of each item.

    user_history   user_id, history (item ids, oldest first), as_of int64 microseconds, event_timestamp
    items          item_id, title, active, the declared columns of the catalogue, event_timestamp

One row per user and one per item: what the online store is to hold. Training does not read them: the pipeline makes its
histories point in time itself, from the examples.

Letters: n events, m of them positive, u users.
"""

import numpy as np
import pyarrow as pa

from components.declaration import Launch
from components.features import histories, item_table
from components.features.id_codes import codes, hashes
from components.registry import vector_file
from components.registry.item_vectors import EVENT_TIMESTAMP

USER, HISTORY, AS_OF = "user_id", "history", "as_of"
_MOMENT = pa.timestamp("us", "UTC")


def user_history(launch: Launch, columns: dict[str, np.ndarray], length: int) -> pa.Table:
    """The last `length` positive items of each user who has any: [u] rows, in the order of the ids.

    Args:
      launch: the declaration.
      columns: of the log: user and item [n] object of bytes, time [n] int64 microseconds, event where one is declared.
      length: items at most.
    """
    kept = _positive(launch, columns)
    user_ids, item_ids, time = (columns[name][kept] for name in (launch.log.user, launch.log.item, launch.log.time))
    (user, users), (item, items) = codes(user_ids), codes(item_ids)
    order = histories.order_by_user_and_time(user, time, launch.seed, item, hashes(user_ids, item_ids))
    end = np.searchsorted(user[order], np.arange(len(users)), side="right")
    start = np.maximum(np.concatenate(([0], end[:-1])), end - length)
    size = end - start
    offsets = np.concatenate(([0], np.cumsum(size)))
    places = np.repeat(start - offsets[:-1], size) + np.arange(offsets[-1])
    flat = _text(items).take(pa.array(item[order][places]))
    as_of = time[order][end - 1] if len(users) else np.zeros(0, np.int64)
    history = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
    return pa.table({USER: _text(users), HISTORY: history, AS_OF: as_of, EVENT_TIMESTAMP: pa.array(as_of, _MOMENT)})


def items(launch: Launch, columns: dict[str, np.ndarray], catalogue: dict[str, np.ndarray]) -> pa.Table:
    """The items of catalogue and log, as of the log's last event.

    Args:
      launch: the declaration.
      columns: of the log, as in `user_history`.
      catalogue: catalogue column to [rows] array; empty without a catalogue.
    """
    known = item_table.build(launch.catalogue, catalogue, columns[launch.log.item])
    rows = vector_file.item_rows(known, launch.catalogue, catalogue)
    # Feast takes float64 only, and reads whole numbers with gaps as floats.
    rows = rows.cast(pa.schema([field.with_type(_wide(rows[field.name])) for field in rows.schema]))
    time = columns[launch.log.time]
    moment = np.full(rows.num_rows, time.max() if len(time) else 0, np.int64)
    return rows.append_column(EVENT_TIMESTAMP, pa.array(moment, _MOMENT))


def _positive(launch: Launch, columns: dict[str, np.ndarray]) -> np.ndarray:
    """[n] bool: a positive event of a user with an id, on an item with one."""
    told = (columns[launch.log.user] != b"") & (columns[launch.log.item] != b"")
    if launch.log.event is None:
        return told
    wanted = [event.encode() for event in launch.positive_events]
    return told & np.isin(columns[launch.log.event].astype(bytes), np.asarray(wanted, bytes))


def _wide(column: pa.ChunkedArray) -> pa.DataType:
    gaps = pa.types.is_integer(column.type) and column.null_count
    return pa.float64() if gaps or pa.types.is_floating(column.type) else column.type


def _text(column: np.ndarray) -> pa.Array:
    return pa.array(column, pa.binary()).cast(pa.string())
