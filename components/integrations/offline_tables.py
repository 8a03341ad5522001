"""The offline tables of the feature store: the latest history of each user and the catalogue features of each item.

    user_history   user_id, history (item ids, oldest first), as_of int64 microseconds, event_timestamp
    items          item_id, title, active, the declared columns of the catalogue, event_timestamp

The online store gets one row per user and one per item. Training does not read these tables: the pipeline builds its
point-in-time histories from the examples.

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
    """Returns the last `length` positive items of each user who has any: [u] rows, sorted by user id.

    Args:
      launch: the declaration.
      columns: of the log: user and item [n] object of bytes, time [n] int64 microseconds, event if one is declared.
      length: maximum items of a history.
    """
    positive = _positive(launch, columns)
    user_ids, item_ids, time = (columns[name][positive] for name in (launch.log.user, launch.log.item, launch.log.time))
    (user, users), (item, items) = codes(user_ids), codes(item_ids)
    order = histories.order_by_user_and_time(user, time, launch.seed, item, hashes(user_ids, item_ids))
    end = np.searchsorted(user[order], np.arange(len(users)), side="right")
    start = np.maximum(np.concatenate(([0], end[:-1])), end - length)
    size = end - start
    offsets = np.concatenate(([0], np.cumsum(size)))
    indices = np.repeat(start - offsets[:-1], size) + np.arange(offsets[-1])
    flat = _text(items).take(pa.array(item[order][indices]))
    as_of = time[order][end - 1] if len(users) else np.zeros(0, np.int64)
    history = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
    return pa.table({USER: _text(users), HISTORY: history, AS_OF: as_of, EVENT_TIMESTAMP: pa.array(as_of, _MOMENT)})


def items(launch: Launch, columns: dict[str, np.ndarray], catalogue: dict[str, np.ndarray]) -> pa.Table:
    """Returns the items of catalogue and log, timestamped with the log's last event.

    Args:
      launch: the declaration.
      columns: of the log, as in `user_history`.
      catalogue: catalogue column to [rows] array; empty without a catalogue.
    """
    table = item_table.build(launch.catalogue, catalogue, columns[launch.log.item])
    rows = vector_file.item_rows(table, launch.catalogue, catalogue)
    # Feast has no float32, and reads integer columns with missing values as floats.
    rows = rows.cast(pa.schema([field.with_type(_wide(rows[field.name])) for field in rows.schema]))
    time = columns[launch.log.time]
    moment = np.full(rows.num_rows, time.max() if len(time) else 0, np.int64)
    return rows.append_column(EVENT_TIMESTAMP, pa.array(moment, _MOMENT))


def _positive(launch: Launch, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Returns [n] bool: whether the event is positive and has a user and an item id."""
    has_ids = (columns[launch.log.user] != b"") & (columns[launch.log.item] != b"")
    if launch.log.event is None:
        return has_ids
    positive_events = [event.encode() for event in launch.positive_events]
    return has_ids & np.isin(columns[launch.log.event].astype(bytes), np.asarray(positive_events, bytes))


def _wide(column: pa.ChunkedArray) -> pa.DataType:
    has_gaps = pa.types.is_integer(column.type) and column.null_count
    return pa.float64() if has_gaps or pa.types.is_floating(column.type) else column.type


def _text(column: np.ndarray) -> pa.Array:
    return pa.array(column, pa.binary()).cast(pa.string())
