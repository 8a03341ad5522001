"""The table of the users, joined to events as of their time: an event gets the values that held then, never later ones.

Of a user's rows the newest one from before the event, or from its very moment, counts. Without a time column a user has
one row, which counts for every event. A value that the log itself holds is kept: the server logs the values that it
answered with.

Letters: m rows of the table, n events.
"""

import collections.abc
import dataclasses
import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Log, Users
from components.errors import LogError
from components.ingest.column_types import Types, unify
from components.ingest.log_files import content_digest, find_files, split_pattern
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.spans import any_span, input_files

FIELD = "launch.log.users"
NONE = -1


@dataclasses.dataclass(frozen=True)
class Joined:
    """The users' columns for the events of a log.

    Attributes:
      columns: name to [m] values.
      rows: [n] int64, the row of the table that holds for each event; `NONE` for none.
    """

    columns: dict[str, pa.Array]
    rows: np.ndarray

    def part(self, events: slice) -> "Joined":
        """Returns the join of some events, with the rows that they need and no others."""
        used, rows = np.unique(self.rows[events], return_inverse=True)
        rows_in_use = used[used >= 0]
        columns = {name: values.take(pa.array(rows_in_use)) for name, values in self.columns.items()}
        return Joined(columns, rows.reshape(-1) - (len(used) - len(rows_in_use)))

    def types(self, of_log: Types) -> Types:
        """Returns the columns of the log with those of the table, each in the type that holds the values of both."""
        return of_log | {
            name: unify(of_log.get(name, pa.null()), values.type, name, "the users' table")
            for name, values in self.columns.items()
        }

    def add_to(self, batch: pa.RecordBatch, start: int = 0) -> pa.RecordBatch:
        """Returns a batch of the log, which begins with the event `start`, with the users' columns."""
        types = self.types({field.name: field.type for field in batch.schema})
        rows = self.rows[start : start + batch.num_rows]
        places = pa.array(rows, mask=rows < 0)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name, column in self.columns.items():
            values, logged = column.take(places).cast(types[name]), columns.get(name)
            columns[name] = values if logged is None else pc.coalesce(logged.cast(types[name]), values)
        return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))

    def add_to_table(self, events: pa.Table) -> pa.Table:
        """Returns a table of all n events with the users' columns."""
        batches, start = [], 0
        for batch in events.to_batches():
            batches.append(self.add_to(batch, start))
            start += batch.num_rows
        return pa.Table.from_batches(batches) if batches else events


class UserTable:
    """The table of the users, in memory.

    Attributes:
      columns: name to [m] values, in the order of users and times.
      ids: [users] each user once.
      reader: of its files; it knows the quarantined rows.
    """

    def __init__(self, declared: Users, files: collections.abc.Sequence[str]):
        """Reads the files.

        Raises:
          LogError: if they cannot be read, lack a column, or a user is there more than once (at one time).
        """
        self.reader = LogReader(files, Layout.of_users(declared))
        needed = dict.fromkeys((declared.user, *filter(None, (declared.time,)), *declared.columns))
        table = self.reader.settle(tuple(needed))
        self.ids = pc.unique(table[declared.user]).drop_null()
        users = _places(table[declared.user], self.ids)
        times = table[declared.time].to_numpy() if declared.time else np.full(len(users), np.iinfo(np.int64).min)
        order = np.lexsort((times, users))
        self._users, self._times = users[order], times[order]
        self.columns = {name: _whole(table[name]).take(pa.array(order)) for name in declared.columns}
        self._check_unique(declared)

    def __len__(self) -> int:
        """m: returns the number of rows."""
        return len(self._users)

    def join(self, users: pa.ChunkedArray, times: np.ndarray) -> Joined:
        """Joins events.

        Args:
          users: [n] their users' ids, as text.
          times: [n] int64 microseconds since the epoch.

        Returns:
          The row of each event: the newest of its user's that is not newer than the event. Exact; O((m + n) log(m + n)).
        """
        user_rows = _places(users, self.ids)
        if len(self.ids) == len(self._users) and (not len(times) or (self._times <= times.min()).all()):
            return Joined(self.columns, user_rows)
        in_table, count = np.flatnonzero(user_rows >= 0), len(self._users)
        every_user = np.concatenate([self._users, user_rows[in_table]])
        every_time = np.concatenate([self._times, times[in_table]])
        is_event = np.arange(len(every_user)) >= count  # at one moment the table's row comes first
        order = np.lexsort((is_event, every_time, every_user))
        newest = np.maximum.accumulate(np.where(order < count, order, NONE))
        # A row of another user comes before the first one of this user, where none holds yet.
        right = (newest >= 0) & (self._users[newest] == every_user[order])
        rows, events = np.full(len(times), NONE), order >= count
        rows[in_table[order[events] - count]] = np.where(right, newest, NONE)[events]
        return Joined(self.columns, rows)

    def newest(self, moment: int) -> tuple[dict[bytes, int], int | None]:
        """Returns the row of each user that holds at a moment, and the next moment at which another begins to hold.

        Args:
          moment: microseconds since the epoch.
        """
        holding = np.flatnonzero(self._times <= moment)
        last = dict(zip(self._users[holding].tolist(), holding.tolist(), strict=True))  # the newest row comes last
        later = self._times[self._times > moment]
        ids = self.ids.to_pylist()
        return {ids[user].encode(): row for user, row in last.items()}, int(later.min()) if len(later) else None

    def _check_unique(self, declared: Users) -> None:
        twice = np.flatnonzero((np.diff(self._users) == 0) & (np.diff(self._times) == 0))
        if not len(twice):
            return
        example = self.ids[int(self._users[twice[0]])].as_py()
        at = f" with the same {declared.time!r}" if declared.time else ""
        fix = "Keep one row per user and time." if declared.time else f"Keep one row per user, or name {FIELD}.time."
        problem = f"{len(twice):,} rows repeat a user{at}, such as {example!r}: which one holds is not known."
        raise LogError(f"the users' table, column {declared.user!r}", problem, fix)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def user_files(declared: Users, base: str) -> tuple[str, ...]:
    """Returns the files of the table; `base` is the data folder, where relative paths start."""
    return input_files(declared.path, base)


def join_users(log: Log, keys: pa.Table, base: str) -> Joined | None:
    """Returns the declared table joined to a log; None where none is declared.

    Args:
      log: the log's declaration.
      keys: [n] at least its user, as text, and its time in microseconds.
      base: the data folder.
    """
    if log.users is None:
        return None
    return UserTable(log.users, user_files(log.users, base)).join(keys[log.user], keys[log.time].to_numpy())


def files_mark(folder: str, pattern: str) -> str:
    """Returns a digest that changes with the files: of their content up to 32 MB, beyond that of sizes and times; "" for none."""
    digest = content_digest(folder, any_span(pattern))
    if digest:
        return digest
    try:
        files = find_files(folder, any_span(pattern))
    except LogError:
        return ""
    stamps = (os.stat(file) for file in files)
    return ";".join(
        f"{os.path.basename(file)}:{stamp.st_size}:{stamp.st_mtime_ns}"
        for file, stamp in zip(files, stamps, strict=True)
    )


def table_mark(declared: Users, base: str) -> str:
    """Returns `files_mark` of the declared table."""
    return files_mark(*split_pattern(declared.path, base))


def _places(users: pa.ChunkedArray, ids: pa.Array) -> np.ndarray:
    """Returns the index of each user among the ids: [n] int64, `NONE` for one that is not there."""
    if not len(ids):
        return np.full(len(users), NONE)
    positions = pc.index_in(users.cast(pa.string()), value_set=ids)
    return np.asarray(positions.fill_null(NONE).to_numpy()).astype(np.int64)
