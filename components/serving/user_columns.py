"""The users' columns for requests that do not send them: the interface of a store, and the one from the declared table.

Another store (a feature store, a profile service) is a class with the same method; `python -m pipeline serve --users
PATH` takes the dotted path of a function `(launch, home)` that makes it from the declaration and the folder of the
launch's runs.
"""

import collections.abc
import dataclasses
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from components.declaration import Launch, Users
from components.declaration.request_names import input_name
from components.errors import DayoneError
from components.ingest.user_table import UserTable, table_mark, user_files
from components.serving import request_values
from components.serving.predict_request import USER, PredictRequest
from components.serving.request_errors import RequestError

_LOGGER = logging.getLogger("dayone.serving")
POLL_SECONDS = 30.0

Values = Mapping[str, Any]


class UserStore(Protocol):
    """The interface of a store of users' columns. Called from several threads; what it raises is logged and counted, and fails no request."""

    def get(self, users: Sequence[bytes]) -> Sequence[Values]:
        """Per user, column to value: text, number, true or false, or None; empty for an unknown user."""


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """The table as it holds now.

    Attributes:
      rows: user to row.
      table: of all rows.
      mark: of the files.
      until: the moment, in microseconds, at which another row begins to hold; None for never.
    """

    rows: Mapping[bytes, int]
    table: UserTable | None
    mark: str
    until: int | None


class TableUsers:
    """The declared table in memory, read again when its files change or a row begins to hold."""

    def __init__(self, users: Users, base: str):
        """Knows nobody until `look` has read the table.

        Args:
          users: the table's declaration.
          base: the data folder.
        """
        self._users, self._base = users, base
        self._loaded = _Loaded({}, None, "", None)

    def look(self) -> bool:
        """Reads the table if it has changed; a table that cannot be read is named, and the last one kept.

        Returns:
          Whether it was read.
        """
        now, mark = time.time_ns() // 1_000, table_mark(self._users, self._base)
        last = self._loaded
        if mark == last.mark and (last.until is None or now < last.until):
            return False
        try:
            changed = mark != last.mark or last.table is None
            table = UserTable(self._users, user_files(self._users, self._base)) if changed else last.table
            assert table is not None
            rows, until = table.newest(now)
        except (DayoneError, OSError) as problem:
            _LOGGER.warning("the table of the users cannot be read: %s", problem)
            self._loaded = dataclasses.replace(last, mark=mark, until=None)
            return False
        self._loaded = _Loaded(rows, table, mark, until)
        _LOGGER.info("columns of %d users", len(rows))
        return True

    def follow(self, seconds: float = POLL_SECONDS) -> threading.Thread:
        """Looks now and again in a thread, so that the server answers meanwhile."""

        def look_again() -> None:
            while True:
                try:
                    self.look()
                except Exception:
                    _LOGGER.exception("the table of the users could not be looked at")
                time.sleep(seconds)

        thread = threading.Thread(target=look_again, name="users", daemon=True)
        thread.start()
        return thread

    def get(self, users: Sequence[bytes]) -> Sequence[Values]:
        """See `UserStore`."""
        loaded = self._loaded
        return [self._values(loaded, user) for user in users]

    def _values(self, loaded: _Loaded, user: bytes) -> Values:
        row = loaded.rows.get(user)
        if row is None or loaded.table is None:
            return {}
        return {name: values[row].as_py() for name, values in loaded.table.columns.items()}


class UserColumns:
    """Fills the columns that a request does not send."""

    def __init__(self, launch: Launch, store: UserStore, count_failures: collections.abc.Callable[[int], None]):
        """Takes the store.

        Args:
          launch: the declaration.
          store: of the columns.
          count_failures: told how many rows or values the store did not give.
        """
        self._columns = {input_name(column): column for column in launch.log.user_columns}
        self._store, self._count_failures = store, count_failures

    def fill(self, request: PredictRequest, dtypes: Mapping[str, str]) -> None:
        """Fills the missing columns of each row, from the store; what the caller sends counts before it.

        Args:
          request: its rows are changed.
          dtypes: of the signature's inputs.
        """
        names = [name for name in self._columns if name in dtypes]
        lacking = [row for row in request.rows if row.get(USER) and any(_is_blank(row, name, dtypes) for name in names)]
        if not names or not lacking:
            return
        try:
            stored = self._store.get([row[USER] for row in lacking])
            for row, values in zip(lacking, stored, strict=True):
                row |= {name: self._value(values, name, dtypes) for name in names if _is_blank(row, name, dtypes)}
        except Exception:
            _LOGGER.exception("the store of the users' columns does not answer")
            self._count_failures(len(lacking))

    def _value(self, values: Values, name: str, dtypes: Mapping[str, str]) -> Any:
        """Returns a value as the signature takes it; what stands for a missing one if it does not fit."""
        value, dtype = values.get(self._columns[name]), dtypes[name]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if dtype == "string" and isinstance(value, int | float):
            value = str(value)
        elif isinstance(value, bool):
            value = int(value)
        try:
            return request_values.to_scalar(value, dtype, name)
        except RequestError as problem:
            _LOGGER.debug("the store of the users' columns: %s", problem)
            self._count_failures(1)
            return request_values.BLANK[dtype]


def _is_blank(row: Mapping[str, Any], name: str, dtypes: Mapping[str, str]) -> bool:
    """Returns whether a row has the value that stands for a missing one; NaN is unequal to itself."""
    value = row[name]
    return bool(value == request_values.BLANK[dtypes[name]] or value != value)  # noqa: PLR0124
