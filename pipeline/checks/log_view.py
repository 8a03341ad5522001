"""The declared columns of an entire log in memory, with nulls, and what follows from them: times, users, items, positives.

Letters: n rows.
"""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Launch, Log
from components.ingest.event_time import to_microseconds
from components.ingest.log_layout import Layout
from components.ingest.number_texts import numbers_of
from components.ingest.spans import input_files
from pipeline.onboarding import lenient_log

NO_TIME = np.iinfo(np.int64).min


@dataclasses.dataclass(frozen=True)
class LogView:
    """A log as the declaration sees it.

    Attributes:
      launch: the declaration.
      table: [n] the declared columns that the log has; ids as text, the time as the file has it.
      names: all columns of the log, with or without a role.
    """

    launch: Launch
    table: pa.Table
    names: tuple[str, ...]

    @property
    def rows(self) -> int:
        """n."""
        return int(self.table.num_rows)

    @functools.cached_property
    def users(self) -> np.ndarray:
        """[n] int64 codes of the users; -1 where the id is missing."""
        return codes(self.table[self.launch.log.user])

    @functools.cached_property
    def items(self) -> np.ndarray:
        """[n] int64 codes of the items; -1 where the id is missing."""
        return codes(self.table[self.launch.log.item])

    @functools.cached_property
    def times(self) -> np.ndarray:
        """[n] int64 microseconds since the epoch; `NO_TIME` where there is none that can be read."""
        log = self.launch.log
        parts = [
            to_microseconds(chunk, log.time_unit, log.time_format).fill_null(NO_TIME).to_numpy(zero_copy_only=False)
            for chunk in self.table[log.time].chunks
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """[n] bool, whether a row has a user, an item and a time: the others are quarantined by a run."""
        return (self.users >= 0) & (self.items >= 0) & (self.times != NO_TIME)

    @functools.cached_property
    def events(self) -> pa.ChunkedArray | None:
        """[n] the event column as text; None if the launch has none."""
        event = self.launch.log.event
        return None if event is None else self.table[event].cast(pa.string())

    @functools.cached_property
    def shown(self) -> np.ndarray:
        """[n] bool, whether a row is an impression."""
        if self.launch.log.rows_are_impressions:
            return np.ones(self.rows, bool)
        return self.is_event(self.launch.log.impression) if self.launch.log.impression else np.zeros(self.rows, bool)

    @functools.cached_property
    def positive(self) -> np.ndarray:
        """[n] bool, whether a row counts as a positive interaction."""
        if self.events is None:
            return np.ones(self.rows, bool)
        positive_events = pa.array(self.launch.positive_events, pa.string())
        return mask(pc.is_in(self.events, value_set=positive_events))

    def is_event(self, event: str | None) -> np.ndarray:
        """[n] bool, whether a row has that event; all rows for None."""
        if self.events is None or event is None:
            return np.ones(self.rows, bool)
        return mask(pc.equal(self.events, pa.scalar(event, pa.string())))

    def has(self, column: str | None) -> bool:
        """Returns whether a role is declared and the log has its column."""
        return column is not None and column in self.table.schema.names


def read(launch: Launch, base: Path) -> LogView:
    """Reads the declared columns of the log.

    Raises:
      LogError: if a file cannot be read, an id is no id, or there is no row.
    """
    log = launch.log
    files = input_files(log.path, str(base), log.spans, log.starts_empty)
    if not files:
        return _empty(launch)
    reader = lenient_log.reader_of(files, Layout.of_log(log))
    names = tuple(reader.types)
    present = [name for name in (*log.columns(), *log.user_fallbacks) if name in names] or list(names[:1])
    table = _with_numbers(reader.settle(present), log)
    # Files that come later may bring a column that the first does not have.
    return LogView(launch, table, tuple(reader.types))


def _empty(launch: Launch) -> LogView:
    """Returns the view of a log to which the server has not written yet."""
    log = launch.log
    kinds: dict[str | None, pa.DataType] = {log.time: pa.int64(), log.position: pa.int64()}
    kinds |= {log.propensity: pa.float64(), log.value: pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in log.columns()])
    return LogView(launch, schema.empty_table(), log.columns())


def _with_numbers(table: pa.Table, log: Log) -> pa.Table:
    """Returns the table with text in numeric columns read as numbers, as in a run; other text becomes null."""
    for name in (log.value, log.position, log.propensity):
        if name and name in table.schema.names and pa.types.is_string(table[name].type):
            numbers = pa.chunked_array([numbers_of(chunk, pa.float64()) for chunk in table[name].chunks], pa.float64())
            if 2 * (len(numbers) - numbers.null_count) < len(numbers) - table[name].null_count:
                continue  # a column of words, which is said as that
            table = table.set_column(table.schema.get_field_index(name), name, numbers)
    return table


def codes(column: pa.ChunkedArray) -> np.ndarray:
    """[n] int64 numbers of the different values; -1 for null."""
    whole = column.dictionary_encode().unify_dictionaries()
    indices = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in whole.chunks]
    return np.concatenate([np.zeros(0, np.int64), *indices]).astype(np.int64)


def mask(values: pa.ChunkedArray) -> np.ndarray:
    """[n] bool; false for null."""
    return np.asarray(pc.fill_null(values, False).to_numpy()).astype(bool)
