"""What the declaration says of the columns of a log or a catalogue, and whether the data keep to it."""

import collections.abc
import dataclasses

from components.declaration import Catalogue, Log
from components.declaration.views import CatalogueSource
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
      not_before: the floor of times, ISO 8601.
      value, value_min, value_max: a column of numbers, if there is one, and their range.
      unique: whether a row that repeats another exactly is wrong.
    """

    ids: tuple[str, ...]
    declared: tuple[str, ...]
    request: str | None = None
    time: str | None = None
    time_unit: str = "s"
    delimiter: str = ","
    not_before: str | None = None
    value: str | None = None
    value_min: float | None = None
    value_max: float | None = None
    unique: bool = False

    @classmethod
    def of_log(cls, log: Log) -> "Layout":
        """The layout of an interaction log."""
        return cls(
            ids=(log.user, log.item),
            declared=log.columns(),
            request=log.request,
            time=log.time,
            time_unit=log.time_unit,
            delimiter=log.delimiter,
            not_before=log.not_before,
            value=log.value,
            value_min=log.value_min,
            value_max=log.value_max,
            unique=log.drop_duplicates,
        )

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue | CatalogueSource) -> "Layout":
        """The layout of a catalogue."""
        return cls((catalogue.item,), catalogue.columns(), delimiter=catalogue.delimiter)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which a row is no row."""
        return self.ids + ((self.time,) if self.time else ())

    @property
    def checked(self) -> tuple[str, ...]:
        """The columns that can make a row wrong."""
        return self.needed + ((self.value,) if self.value else ())

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
        fix = "Name the right column in the declaration, or set the role to None if the log has none; check the delimiter."
        raise LogError(file, problem, f"{fix} A folder holds the files of one table only.")
