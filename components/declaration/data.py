"""The part of the declaration that says what there is: the log, the catalogue, the objectives, the cut in time."""

import dataclasses

from components.declaration.checks import LABEL_PREFIX

ROW_ID = "row_id"  # names the row that an event comes from, where the log has no column of that name


@dataclasses.dataclass(frozen=True)
class Log:
    """The interaction log: one row per event, in CSV, JSONL or Parquet.

    Attributes:
      path: a file, a folder or a glob; relative paths start at the data folder of the settings.
      user, item, time: columns that every log has. Ids may be strings or integers; the pipeline reads them as strings.
      user_fallbacks: columns that give the user's id where `user` is empty, in this order: an anonymous id of visitors who did not log in.
        `user=("userId", "anonymousId")` says the same.
      missing_ids: texts in the user or item column that stand for no id ("null", "(not set)", "" for an empty one). Their rows are quarantined
        and do not count towards `max_set_aside`.
      time_unit: "s", "ms", "us" or "ns" for epoch times, "excel" for days of a spreadsheet, "iso" for ISO 8601 text. Parquet timestamps need
        no unit.
      time_format: of other text, as `strptime` has it: "%d.%m.%Y %H:%M"; None for what `time_unit` says.
      event: column with the kind of event; None if every row is a positive.
      impression: the value of `event` that says an item was shown.
      rows_are_impressions: whether each row is an impression, and `event` what came of it ("0" or "1"): a row with an action is both.
      value: column with a number on the event (rating, dwell seconds).
      request: column that joins the impressions of one answer with the actions they led to; `row_id` is the row that the items of a list share.
      position, policy, propensity, model_version: what was shown where, by whom, with which probability.
      first_position: the position of the first place: 0, or 1 where the log counts from 1.
      context: columns known when a request is made (device, country); strings or numbers.
      delimiter: of CSV files; a tab also reads files ending in .tsv or .inter.
      spans: of a path with `{YYYY}`, `{MM}` and `{DD}` (or `{SPAN}`) in it, how many of the newest days (numbers) are read; None for one.
      attribution_seconds: an action counts for an impression of its request (no request column: the user's last of the item) up to so much later.
      not_before: a row with an earlier time is wrong (ISO 8601): zeros and wrong units end up in the 1970s. None for no floor.
      value_min, value_max: a row with a value outside is wrong; drop_duplicates: so is one that equals an earlier row in every column.
      max_set_aside: the share of wrong rows up to which they are set aside and the run goes on.
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
    max_set_aside: float = 0.01
    user_fallbacks: tuple[str, ...] = ()
    missing_ids: tuple[str, ...] = ()
    time_format: str | None = None
    rows_are_impressions: bool = False
    first_position: int = 0

    def __post_init__(self) -> None:
        """Takes several user columns apart: the first is `user`, the others its fallbacks."""
        if isinstance(self.user, tuple) and self.user:
            user, *others = self.user
            object.__setattr__(self, "user", user)
            object.__setattr__(self, "user_fallbacks", (*others, *self.user_fallbacks))

    @property
    def joins_by_request(self) -> bool:
        """Whether impressions and actions share a request; the id of a row (`row_id`) is that of one of them only."""
        return self.request is not None and self.request != ROW_ID

    def columns(self) -> tuple[str, ...]:
        """Every column that has a role, in the order of the roles."""
        single = (self.user, self.item, self.time, self.event, self.value, self.request)
        shown = (self.position, self.policy, self.propensity, self.model_version)
        return tuple(name for name in (*single, *shown) if name) + self.context


@dataclasses.dataclass(frozen=True)
class Boost:
    """A wish of the product that no log knows: more, less, or nothing of some items. It holds for rules and model alike.

    Attributes:
      column: of the catalogue; it may have another role too.
      value: the items with this value there, written as text ("true" for a flag, "3" for a number).
      factor: above 1 they count so many times, below 1 less; 0 hides them, as if they were not active.
    """

    column: str
    value: str
    factor: float


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """The items: one row per item.

    Attributes:
      path: as in `Log`.
      item: the id column; its values are those of the log's item column.
      title: column shown to people.
      categories: columns with one category per item.
      texts: columns with words, split at white space.
      numbers: columns with a number per item.
      active: column that is true or 1 for the items that may be recommended; None if all may.
      delimiter, max_set_aside: as in `Log`.
      boosts: what counts more, less or not at all; the factors of an item that several name are multiplied.
    """

    path: str
    item: str
    title: str | None = None
    categories: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    active: str | None = None
    delimiter: str = ","
    max_set_aside: float = 0.01
    boosts: tuple[Boost, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once each."""
        named = (self.item, self.title, *self.categories, *self.texts, *self.numbers, self.active, *(boost.column for boost in self.boosts))
        return tuple(dict.fromkeys(name for name in named if name))


@dataclasses.dataclass(frozen=True)
class Objective:
    """Something the product wants from a recommendation.

    Attributes:
      name: of the objective; the examples carry its label as `label_<name>`.
      weight: in the value model: value = sum over objectives of weight x probability.
      event: the event that fulfils it; None where the log has no event column.
      value_at_least: the event counts from this value on (a rating of 4); None if any value does.
    """

    name: str
    weight: float = 1.0
    event: str | None = None
    value_at_least: float | None = None

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
