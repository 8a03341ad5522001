"""The declared columns of a log or a catalogue, and the check that the data have them."""

import collections.abc
import dataclasses

from components.declaration import Catalogue, Log, Users
from components.declaration.views import CatalogueSource
from components.errors import LogError


@dataclasses.dataclass(frozen=True)
class Layout:
    """The declared columns.

    Attributes:
      ids: id columns that every row needs.
      declared: all columns that must exist.
      request: an id column that rows may leave empty.
      time, time_unit, time_format: the time column, if there is one, and how it is written.
      delimiter: of CSV files.
      not_before: the floor of times, ISO 8601.
      value, value_min, value_max: a column of numbers, if there is one, and their range.
      unique: whether a row that repeats another exactly is wrong.
      item: the item's id column, which may hold a list of items.
      fallbacks: columns that give the user's id where its own column is empty, in this order.
      event: the column with the kind of event, which comes out as text.
      numbers: more columns of numbers, in which a text is a value that is wrong.
      missing_ids: texts that stand for no id.
      words: columns whose lists become words of one text.
      single: columns that hold one value per row, never a list.
      may_be_empty: whether there may be no row.
      every: whether all nested columns are opened, and not only those that the declaration names.
      optional: columns that are read where a file has them.
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
    item: str | None = None
    fallbacks: tuple[str, ...] = ()
    event: str | None = None
    numbers: tuple[str, ...] = ()
    missing_ids: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    time_format: str | None = None
    may_be_empty: bool = False
    every: bool = False
    optional: tuple[str, ...] = ()

    @classmethod
    def of_log(cls, log: Log) -> "Layout":
        """Returns the layout of an interaction log."""
        return cls(
            ids=(log.user, log.item),
            declared=tuple(name for name in log.columns() if name not in log.user_columns),
            request=log.request,
            time=log.time,
            time_unit=log.time_unit,
            delimiter=log.delimiter,
            not_before=log.not_before,
            value=log.value,
            value_min=log.value_min,
            value_max=log.value_max,
            unique=log.drop_duplicates,
            item=log.item,
            fallbacks=log.user_fallbacks,
            event=log.event,
            numbers=tuple(name for name in (log.position, log.propensity) if name),
            missing_ids=log.missing_ids,
            time_format=log.time_format,
            single=log.columns()[1:],
            may_be_empty=log.starts_empty,
            optional=log.user_columns,
        )

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue | CatalogueSource) -> "Layout":
        """Returns the layout of a catalogue."""
        return cls(
            (catalogue.item,),
            catalogue.columns(),
            delimiter=catalogue.delimiter,
            words=catalogue.texts,
            single=_single(catalogue),
        )

    @classmethod
    def of_users(cls, users: Users) -> "Layout":
        """Returns the layout of a table of the users."""
        return cls(
            ids=(users.user,),
            declared=(users.user, *((users.time,) if users.time else ()), *users.columns),
            time=users.time,
            time_unit=users.time_unit,
            time_format=users.time_format,
            delimiter=users.delimiter,
            single=users.columns,
        )

    @property
    def mandatory(self) -> tuple[str, ...]:
        """The columns that every row must fill."""
        return self.ids + ((self.time,) if self.time else ())

    @property
    def to_check(self) -> tuple[str, ...]:
        """The columns whose values can make a row invalid."""
        return self.mandatory + ((self.value,) if self.value else ())

    @property
    def to_parse(self) -> tuple[str, ...]:
        """The columns that are read as numbers or times whatever their type."""
        return tuple(name for name in (self.time, self.value, *self.numbers) if name)

    @property
    def role_names(self) -> tuple[str, ...] | None:
        """The columns that have a role; None where every one is read."""
        return (
            None
            if self.every
            else tuple(dict.fromkeys((*self.all_ids, *self.fallbacks, *self.to_parse, *self.declared, *self.optional)))
        )

    def reads(self, name: str) -> bool:
        """Returns whether a nested or partition column of that name is read."""
        return self.role_names is None or name in self.role_names

    @property
    def all_ids(self) -> tuple[str, ...]:
        """The columns that are read as text whatever their type."""
        return self.ids + ((self.request,) if self.request else ())


def _single(catalogue: Catalogue | CatalogueSource) -> tuple[str, ...]:
    return tuple(name for name in catalogue.columns() if name not in catalogue.texts)


def check_columns(
    file: str,
    needed: collections.abc.Iterable[str],
    found: collections.abc.Iterable[str],
    ignored: collections.abc.Mapping[str, object],
) -> None:
    """Raises `LogError` that names the columns that are missing, or nested, and lists those that are there."""
    present = list(found)
    missing = [name for name in needed if name not in present]
    if missing:
        nested = [name for name in missing if name in ignored]
        if nested:
            problem = f"column {nested[0]!r} holds {ignored[nested[0]]}, needs numbers, text, true/false, times or lists of them."
            raise LogError(file, problem, f"Name the field below it, as {nested[0]}.FIELD.")
        problem = f"lacks the column{'s' * (len(missing) > 1)} {', '.join(map(repr, missing))}; it has {', '.join(map(repr, present[:40]))}."
        fix = "Name the right column in the declaration, or set the role to None if the log has none; check the delimiter."
        raise LogError(file, problem, f"{fix} A folder holds the files of one table only.")
