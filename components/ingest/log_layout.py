"""What the declaration says of the columns of a log or a catalogue, and whether the data keep to it."""

import collections.abc
import dataclasses

import numpy as np
import pyarrow as pa

from components.declaration import Catalogue, Log
from components.errors import LogError


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the declaration says of the columns.

    Attributes:
      ids: id columns that every row needs.
      declared: all columns that must exist.
      request: an id column that rows may leave empty.
      time, time_unit: the time column, if there is one.
      delimiter: of CSV files.
    """

    ids: tuple[str, ...]
    declared: tuple[str, ...]
    request: str | None = None
    time: str | None = None
    time_unit: str = "s"
    delimiter: str = ","

    @classmethod
    def of_log(cls, log: Log) -> "Layout":
        """The layout of an interaction log."""
        return cls((log.user, log.item), log.columns(), log.request, log.time, log.time_unit, log.delimiter)

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue) -> "Layout":
        """The layout of a catalogue."""
        named = (catalogue.item, catalogue.title, *catalogue.categories, *catalogue.texts, *catalogue.numbers, catalogue.active)
        return cls((catalogue.item,), tuple(dict.fromkeys(name for name in named if name)), delimiter=catalogue.delimiter)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which a row is no row."""
        return self.ids + ((self.time,) if self.time else ())

    @property
    def all_ids(self) -> tuple[str, ...]:
        """The columns that are read as text whatever their type."""
        return self.ids + ((self.request,) if self.request else ())


def check_columns(file: str, needed: collections.abc.Iterable[str], found: collections.abc.Iterable[str]) -> None:
    """Raises `LogError` that names the columns that are missing and lists those that are there."""
    there = list(found)
    missing = [name for name in needed if name not in there]
    if missing:
        problem = f"lacks the column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, there[:40]))}."
        raise LogError(file, problem, "Name the right column in the declaration, or set the role to None if the log has none; check the delimiter.")


class Gaps:
    """Counts the rows of a column that every row needs and that is null, and remembers the first."""

    def __init__(self, name: str, layout: Layout):
        """Starts at none."""
        self._name, self._layout = name, layout
        self._count, self._first = 0, ""

    def add(self, file: str, first_row: int, raw: pa.RecordBatch, values: pa.Array) -> None:
        """Looks at the values read from a batch whose first row is number `first_row` of the file."""
        if values.null_count == 0:
            return
        if self._count == 0:
            at = int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])
            source = raw.column(raw.schema.get_field_index(self._name))[at].as_py() if self._name in raw.schema.names else None
            self._first = f"the first in {file}, row {first_row + at}: {source!r}"
        self._count += values.null_count

    def check(self, rows: int) -> None:
        """Raises `LogError` with the count and the first row, if there was any."""
        if self._count == 0:
            return
        where = f"column {self._name!r}"
        if self._name == self._layout.time:
            problem = f"{self._count:,} of {rows:,} rows have no time that can be read as {self._layout.time_unit!r}, {self._first}."
            raise LogError(where, problem, "Fix the rows, or launch.log.time_unit (one of s, ms, us, iso).")
        raise LogError(where, f"{self._count:,} of {rows:,} rows have no id, {self._first}.", "Drop or fix these rows.")
