"""The part of the declaration that says what there is: the log, the catalogue, the objectives, the cut in time."""

import dataclasses
import typing

from components.declaration.filters import Filter
from components.declaration.users import LABEL_PREFIX, TIME_UNITS, Users

__all__ = ["LABEL_PREFIX", "ROW_ID", "TIME_UNITS", "Boost", "Catalogue", "Log", "Objective", "Split", "Users"]
ROW_ID = "row_id"  # names the row that an event comes from, where the log has no column of that name


@dataclasses.dataclass(frozen=True)
class Log:
    """The interaction log: one row per event, in CSV, JSONL or Parquet.

    Attributes:
      path: a file, a folder or a glob; relative paths start at the data folder of the settings.
      user: column of the user's id, text or an integer; ids are read as text.
      item: column of the item's id, text or an integer; ids are read as text.
      time: column of the event's time.
      time_unit: "s", "ms", "us" or "ns" for epoch times, "excel" for the days of a spreadsheet, "iso" for ISO 8601
        text. Parquet timestamps need no unit.
      event: column of the kind of event; None if every row is a positive.
      impression: the value of `event` that says an item was shown.
      value: column of a number on the event (rating, dwell seconds).
      request: column that joins the impressions of one answer with the actions they led to; "row_id" is the row that the
        items of a list share.
      position: column of the position at which an impression was shown.
      policy: column of the policy that chose what was shown.
      propensity: column of the probability with which the policy showed the item at its position.
      model_version: column of the version that answered.
      context: columns known when a request is made (device, country); text or numbers.
      delimiter: of CSV files; a tab also reads files ending in .tsv or .inter.
      spans: how many of the newest days (or numbers) are read, of a path with `{YYYY}`, `{MM}`, `{DD}` or `{SPAN}`; None
        for one.
      attribution_seconds: an action counts for an impression of its request up to this many seconds later; without a
        request column, for the user's last impression of the item.
      not_before: the earliest valid time (ISO 8601); None for no floor. Zeros and wrong units end up in the 1970s.
      value_min: the least valid value.
      value_max: the largest valid value.
      drop_duplicates: whether a row that equals an earlier row in every column is invalid.
      max_quarantined: the share of invalid rows up to which they are quarantined and the run continues.
      user_fallbacks: columns of the user's id where `user` is empty, in this order: the anonymous id of a visitor who did
        not log in. `user=("userId", "anonymousId")` declares the same.
      missing_ids: texts in the user or item column that stand for no id ("null", "(not set)", "" for an empty one).
        Their rows are quarantined and do not count towards `max_quarantined`.
      time_format: the form of other text in the time column, as `strptime` has it: "%d.%m.%Y %H:%M".
      rows_are_impressions: whether each row is an impression and `event` its outcome ("0" or "1"): a row with an action
        is both.
      first_position: the first position: 0, or 1 if the log counts from 1.
      starts_empty: whether a run may find no event, or none that an objective names: a launch whose log is what its own
        server will write. Then a rule that needs no event serves first (docs/day-zero.md).
      users: a table of the users, whose columns are further context; None for none.
    """

    path: str
    user: str
    item: str
    time: str
    time_unit: str = "s"
    event: str | None = None
    impression: str | None = None
    value: str | None = None
    request: str | None = None
    position: str | None = None
    policy: str | None = None
    propensity: str | None = None
    model_version: str | None = None
    context: tuple[str, ...] = ()
    delimiter: str = ","
    spans: int | None = None
    attribution_seconds: float = 3600.0
    not_before: str | None = "1980-01-01"
    value_min: float | None = None
    value_max: float | None = None
    drop_duplicates: bool = False
    max_quarantined: float = 0.01
    user_fallbacks: tuple[str, ...] = ()
    missing_ids: tuple[str, ...] = ()
    time_format: str | None = None
    rows_are_impressions: bool = False
    first_position: int = 0
    starts_empty: bool = False
    users: Users | None = None

    def __post_init__(self) -> None:
        """Takes several user columns apart, the first is `user`, the others its fallbacks; adds the users' columns to the context."""
        columns: typing.Any = self.user
        if isinstance(columns, tuple) and columns:
            object.__setattr__(self, "user", columns[0])
            object.__setattr__(self, "user_fallbacks", (*columns[1:], *self.user_fallbacks))
        if isinstance(self.users, Users) and isinstance(self.context, tuple) and isinstance(self.users.columns, tuple):
            added = (name for name in self.users.columns if name not in self.context)
            object.__setattr__(self, "context", (*self.context, *added))

    @property
    def joins_by_request(self) -> bool:
        """Whether impressions and actions share a request; the id of a row (`row_id`) is that of one of them only."""
        return self.request is not None and self.request != ROW_ID

    @property
    def user_columns(self) -> tuple[str, ...]:
        """The part of the context that the table of the users gives."""
        return self.users.columns if self.users else ()

    def columns(self) -> tuple[str, ...]:
        """Returns every column that has a role, in the order of the roles."""
        single = (self.user, self.item, self.time, self.event, self.value, self.request)
        shown = (self.position, self.policy, self.propensity, self.model_version)
        return tuple(name for name in (*single, *shown) if name) + self.context


@dataclasses.dataclass(frozen=True)
class Boost:
    """A wish of the product that no log knows: more, less, or nothing of some items. It holds for rules and model alike.

    Attributes:
      column: of the catalogue; it may have another role too.
      value: the items with this value there, written as text ("true" for a flag, "3" for a number).
      factor: the scores of the items are multiplied by it; 0 hides the items, as if they were not active.
    """

    column: str
    value: str
    factor: float


class CatalogueColumns:
    """Which columns of a catalogue are read: by its declaration, or by a view of it."""

    item: str
    title: str | None
    categories: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    active: str | None
    added: str | None
    priority: str | None
    boosts: tuple[typing.Any, ...]
    filters: tuple[typing.Any, ...]

    @property
    def filterable(self) -> tuple[str, ...]:
        """The columns that a request may filter by."""
        return tuple(dict.fromkeys((*self.categories, *self.texts, *self.numbers)))

    def columns(self) -> tuple[str, ...]:
        """Returns every column that is read, once each."""
        features = (*self.categories, *self.texts, *self.numbers)
        boosted = (part.column for part in (*self.boosts, *self.filters))
        single = (self.item, self.title, self.active, self.added, self.priority)
        return tuple(dict.fromkeys(name for name in (*single[:2], *features, *single[2:], *boosted) if name))


@dataclasses.dataclass(frozen=True)
class Catalogue(CatalogueColumns):
    """The items: one row per item.

    Attributes:
      path: as in `Log`.
      item: the id column; its values are those of the log's item column.
      title: column shown to people.
      categories: columns with one category per item.
      texts: columns with words, split at white space.
      numbers: columns with a number per item.
      active: column that is true or 1 for the items that may be recommended; None if all may.
      added: column of the time since which the item is there, a date or a number that grows; the rule `newest` reads it.
      priority: column of a number above 0 that says how much an item counts (known popularity, a shop's own order); the
        rule `priority` reads it.
      delimiter: as in `Log`.
      max_quarantined: as in `Log`.
      boosts: what counts more, less or not at all; the factors of an item that several name are multiplied.
      filters: which items may be shown to a request; all of them have to hold.
    """

    path: str
    item: str
    title: str | None = None
    categories: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    active: str | None = None
    delimiter: str = ","
    max_quarantined: float = 0.01
    boosts: tuple[Boost, ...] = ()
    filters: tuple[Filter, ...] = ()
    added: str | None = None
    priority: str | None = None


@dataclasses.dataclass(frozen=True)
class Objective:
    """Something the product wants from a recommendation.

    Attributes:
      name: of the objective; the examples carry its label as `label_<name>`.
      weight: in the value model: value = sum over objectives of weight x probability.
      event: the event that fulfils it; None where the log has no event column.
      value_at_least: the event counts from this value on (a rating of 4); None if any value does.
      auc_decides: whether an AUC below `Promotion.min_auc` keeps a model from being pushed; if not, the verdict warns.
        `new` writes False for a threshold that it guessed.
      label_fn: the dotted path of a function of yours that labels the joined rows for the ranking head instead
        (docs/extend.md); `event` still says which rows are positives of the retrieval.
    """

    name: str
    weight: float = 1.0
    event: str | None = None
    value_at_least: float | None = None
    auc_decides: bool = True
    label_fn: str | None = None

    @property
    def label(self) -> str:
        """The column of the examples that holds this objective's label (int64: 0 or 1)."""
        return LABEL_PREFIX + self.name


@dataclasses.dataclass(frozen=True)
class Split:
    """Where the log is cut in time: train before the cut, eval from it on. Exactly one field is set.

    Attributes:
      eval_share: the last share of all events, in (0, 0.5].
      eval_days: the last days of the log.
      eval_from: a moment, ISO 8601; without a zone it is UTC.
    """

    eval_share: float | None = None
    eval_days: float | None = None
    eval_from: str | None = None
