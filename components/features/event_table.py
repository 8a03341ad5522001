"""Reads the log's examples into columns: one array per role, one row per event.

Letters: n events. Examples are parsed after batching, about ten times cheaper than per record.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from components.declaration.views import EventsView
from components.features.id_codes import hashes
from components.features.item_table import MISSING_INT

BATCH_ROWS = 8192


@dataclasses.dataclass(frozen=True)
class EventTable:
    """The events of one or more splits.

    Attributes:
      user: [n] object, user ids as bytes.
      item: [n] object, item ids as bytes.
      time: [n] int64, microseconds since the epoch, UTC.
      positive: [n] bool, whether the event counts as a positive interaction.
      position: [n] int64, the slot an impression was shown in; negative if unknown.
      labels: objective name to [n] int64: 1, 0, or negative where the row has no label.
      context: column name to [n] array (object of bytes, or float32) as the log has it.
      late: [n] bool, whether the row belongs to the eval split.
      request: [n] object, request ids as bytes; None unless read with `requests=True` (only the evaluation needs them).
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    positive: np.ndarray
    position: np.ndarray
    labels: dict[str, np.ndarray]
    context: dict[str, np.ndarray]
    late: np.ndarray
    request: np.ndarray | None = None

    def __len__(self) -> int:
        """Returns the number of events."""
        return len(self.time)

    @functools.cached_property
    def tie(self) -> np.ndarray:
        """[n] int64, a hash of each event's ids; it breaks ties between events of equal time."""
        return hashes(self.user, self.item)

    def rows(self, chosen: np.ndarray) -> "EventTable":
        """Returns a table of the chosen rows; `chosen` is a mask [n] bool or indices [m] int."""
        return EventTable(
            **{name: getattr(self, name)[chosen] for name in ("user", "item", "time", "positive", "position", "late")},
            labels={name: column[chosen] for name, column in self.labels.items()},
            context={name: column[chosen] for name, column in self.context.items()},
            request=None if self.request is None else self.request[chosen],
        )


def feature_spec(launch: EventsView, schema_spec: dict, requests: bool = False) -> dict[str, tf.io.VarLenFeature]:
    """Returns the parsing spec of an example: each declared column as a variable-length feature of its schema's dtype.

    Args:
      launch: the declaration.
      schema_spec: column to parsing feature, of the curated schema.
      requests: whether the request ids are read, too.
    """
    dtypes = {launch.log.user: tf.string, launch.log.item: tf.string, launch.log.time: tf.int64}
    optional = [launch.log.event, launch.log.position, *launch.log.context]
    dtypes |= {name: schema_spec[name].dtype for name in optional if name and name in schema_spec}
    if requests and launch.log.request:
        dtypes[launch.log.request] = tf.string
    dtypes |= {objective.label: tf.int64 for objective in launch.ranking_objectives}
    return {name: tf.io.VarLenFeature(dtype) for name, dtype in dtypes.items()}


def read_columns(files: Sequence[str], spec: dict[str, tf.io.VarLenFeature]) -> dict[str, np.ndarray]:
    """Reads gzip TFRecords of tf.Example into columns.

    Args:
      files: TFRecord files.
      spec: column to parsing feature.

    Returns:
      Column to [n] array; a missing value is b"" for strings, `MISSING_INT` for integers, NaN for floats.
    """
    defaults = {tf.string: b"", tf.int64: MISSING_INT, tf.float32: float("nan")}

    @tf.autograph.experimental.do_not_convert  # nothing branches on a tensor, and reading all of this code takes time
    def parse(records: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.size(records)
        parsed = tf.io.parse_example(records, spec)
        return {name: _first_values(column, count, defaults[spec[name].dtype]) for name, column in parsed.items()}

    dataset = tf.data.TFRecordDataset(list(files), compression_type="GZIP", num_parallel_reads=None)
    texts: dict[bytes, bytes] = {}
    batches = [_intern_strings(batch, texts) for batch in dataset.batch(BATCH_ROWS).map(parse).as_numpy_iterator()]
    empty = {tf.string: object, tf.int64: np.int64, tf.float32: np.float32}
    return {
        name: np.concatenate([batch[name] for batch in batches]) if batches else np.zeros(0, empty[feature.dtype])
        for name, feature in spec.items()
    }


def _intern_strings(batch: dict[str, np.ndarray], texts: dict[bytes, bytes]) -> dict[str, np.ndarray]:
    """Returns the columns with equal strings stored as one object.

    One object per cell would take at least 40 bytes each, half of a log's memory.
    """
    strings = {name: column.tolist() for name, column in batch.items() if column.dtype == object}
    interned = {name: list(map(texts.setdefault, column, column)) for name, column in strings.items()}
    return batch | {name: np.array([*column, None], object)[:-1] for name, column in interned.items()}


def _first_values(column: tf.SparseTensor, count: tf.Tensor, default: object) -> tf.Tensor:
    """Returns the first value of each row of a sparse column, [count]; `default` where a row is empty."""
    first = tf.sparse.SparseTensor(
        column.indices, column.values, [tf.cast(count, tf.int64), tf.maximum(column.dense_shape[1], 1)]
    )
    return tf.sparse.to_dense(first, default_value=default)[:, 0]


def read_events(
    launch: EventsView, splits: Iterable[tuple[Sequence[str], bool]], schema_spec: dict, requests: bool = False
) -> EventTable:
    """Reads the events of one or more splits into one table.

    Args:
      launch: the declaration.
      splits: pairs of (files, whether they are the eval split).
      schema_spec: column to parsing feature, of the curated schema.
      requests: whether the request ids are read, too.
    """
    spec = feature_spec(launch, schema_spec, requests)
    tables = [_table(launch, read_columns(files, spec), late) for files, late in splits]
    return tables[0] if len(tables) == 1 else _concatenate(tables)


def _table(launch: EventsView, columns: dict[str, np.ndarray], late: bool) -> EventTable:
    count = len(columns[launch.log.time])
    all_rows = np.ones(count, bool)
    event = columns.get(launch.log.event or "")
    positives = [positive.encode() for positive in launch.positive_events]
    return EventTable(
        user=columns[launch.log.user],
        item=columns[launch.log.item],
        time=columns[launch.log.time],
        positive=all_rows if event is None else np.isin(event.astype(bytes), np.asarray(positives, bytes)),
        position=_to_int(columns.get(launch.log.position or "", np.full(count, MISSING_INT, np.int64))),
        labels={objective.name: columns[objective.label] for objective in launch.ranking_objectives},
        context={name: columns[name] for name in launch.log.context},
        late=all_rows if late else ~all_rows,
        request=columns.get(launch.log.request or ""),
    )


def _to_int(column: np.ndarray) -> np.ndarray:
    """Converts floats to int64, NaN to `MISSING_INT`; a log with missing positions may hold floats."""
    if column.dtype.kind != "f":
        return column
    finite = np.isfinite(column)
    return np.where(finite, np.where(finite, column, 0.0).astype(np.int64), MISSING_INT)


def _concatenate(tables: list[EventTable]) -> EventTable:
    def join(parts: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate(list(parts))

    names = ("user", "item", "time", "positive", "position", "late")
    return EventTable(
        **{name: join(getattr(table, name) for table in tables) for name in names},
        labels={name: join(table.labels[name] for table in tables) for name in tables[0].labels},
        context={name: join(table.context[name] for table in tables) for name in tables[0].context},
        request=None
        if tables[0].request is None
        else join(table.request for table in tables if table.request is not None),
    )
