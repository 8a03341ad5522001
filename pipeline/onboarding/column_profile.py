"""The profile of a column, without its meaning: name, type, values, order."""

import dataclasses
import functools
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.ingest.number_texts import numbers_of
from components.ingest.role_columns import event_texts
from pipeline.onboarding import time_readings
from pipeline.onboarding.role_words import IDS, ITEMS, USERS
from pipeline.onboarding.time_readings import Reading

MOST_LISTED = 60
_MARK = re.compile(r":(token|float)(_seq)?$")  # RecBole's atomic files write the type behind the name
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MOSTLY = 0.95


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a sample.

    Attributes:
      name: as in the file.
      values: [rows] of one of the types that `plain_type` gives.
      spelled: [rows] string, the values as a run reads them where the column holds ids; None for types that hold none.
      coded: [rows] string, the values as a run reads them where the column holds events; None where the values say it.
    """

    name: str
    values: pa.Array
    spelled: pa.Array | None = None
    coded: pa.Array | None = None

    @functools.cached_property
    def as_event(self) -> "Column":
        """The column as the kinds of events that a run reads: text, of a CSV file "True" and "1.0" as it spells them."""
        return Column(self.name, event_texts(self.values) if self.coded is None else self.coded, self.spelled)

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the name, lower case: `userId:token` gives user, id."""
        words = [word.lower() for word in _WORD.findall(_MARK.sub("", self.name))]
        return tuple(part for word in words for part in _without_id(word))

    @property
    def leaf_words(self) -> tuple[str, ...]:
        """The words that name the value itself: of `properties.product_id` product, id; of `device.id`, as id alone says nothing, all."""
        leaf = Column(self.name.rpartition(".")[2], self.values).words
        return self.words if set(leaf) <= IDS else leaf

    @functools.cached_property
    def present(self) -> pa.Array:
        """The values that are there."""
        return self.values.drop_null()

    @functools.cached_property
    def distinct(self) -> int:
        """How many different values there are; 0 for lists and where there is no value."""
        uncounted = pa.types.is_list(self.values.type) or pa.types.is_null(self.values.type)
        return 0 if uncounted else int(pc.count_distinct(self.present).as_py())

    @functools.cached_property
    def ids(self) -> pa.Array:
        """[rows] string, the values as ids: as the file spells them, "007" and "7"."""
        return self.values.cast(pa.string()) if self.spelled is None else self.spelled

    @functools.cached_property
    def distinct_ids(self) -> int:
        """How many different ids there are."""
        return self.distinct if self.spelled is None else int(pc.count_distinct(self.spelled.drop_null()).as_py())

    @property
    def is_list(self) -> bool:
        """Whether a row holds a list."""
        return bool(pa.types.is_list(self.values.type))

    @functools.cached_property
    def top_values(self) -> tuple[str, ...]:
        """The different values as text, the most frequent first; none if there are more than 60."""
        if not 0 < self.distinct <= MOST_LISTED:
            return ()
        counts = self.present.value_counts()
        order = np.argsort(-counts.field("counts").to_numpy(), kind="stable")
        return tuple(str(counts.field("values")[int(at)].as_py()) for at in order)

    @property
    def is_text(self) -> bool:
        """Whether the values are strings."""
        return pa.types.is_string(self.values.type)

    @property
    def is_blank(self) -> bool:
        """Whether the values are texts of blanks, or empty lists."""
        if self.is_list:
            return not len(self.present.flatten())
        return self.is_text and not "".join(self.top_values).strip() and 0 < self.distinct <= MOST_LISTED

    @property
    def is_whole(self) -> bool:
        """Whether the values are integers, or floats without a fraction."""
        if pa.types.is_float64(self.values.type):
            return bool(pc.all(pc.equal(pc.floor(self.present), self.present)).as_py())
        return pa.types.is_int64(self.values.type)

    @property
    def is_number(self) -> bool:
        """Whether the values are integers or floats."""
        return pa.types.is_int64(self.values.type) or pa.types.is_float64(self.values.type)

    @functools.cached_property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number; (0, 0) where there is none."""
        if not self.is_number or not len(self.present):
            return 0.0, 0.0
        limits = pc.min_max(self.present).as_py()
        return float(limits["min"]), float(limits["max"])

    @functools.cached_property
    def mean_words(self) -> float:
        """How many words a text has on average; 0 for other types."""
        return float(pc.mean(pc.add(pc.count_substring(self.present, " "), 1)).as_py() or 0.0) if self.is_text else 0.0

    @functools.cached_property
    def time_readings(self) -> tuple[Reading, ...]:
        """The ways in which nearly all values are times of 1985 to 2040; several where day and month could be either."""
        return time_readings.find(self.present)

    @property
    def time_unit(self) -> str:
        """The unit of the first of them: "s", "ms", "us", "ns" or "iso"; "" if there is none."""
        return self.time_readings[0].unit if self.time_readings else ""

    @functools.cached_property
    def as_number(self) -> "Column":
        """The column with texts that are nearly all numbers or yes and no as numbers, the others as missing; any other column as it is."""
        if not self.is_text or not len(self.present):
            return self
        numbers = numbers_of(self.values, pa.float64())
        return (
            Column(self.name, numbers, self.spelled)
            if len(numbers) - numbers.null_count >= _MOSTLY * len(self.present)
            else self
        )

    def has(self, words: frozenset[str]) -> bool:
        """Returns whether the name has one of the words."""
        return not words.isdisjoint(self.words)

    def example(self) -> str:
        """Returns the first value as text."""
        return repr(self.present[0].as_py())[:40] if len(self.present) else "no value"

    def describe(self) -> str:
        """Type, number of values and an example: "string, 18 different values such as 'mobile'"."""
        many = f"{self.distinct:,} different value{'' if self.distinct == 1 else 's'}"
        return f"{self.values.type}, {many} such as {self.example()}" if len(self.present) else "no value at all"

    def describe_ids(self) -> str:
        """Describes the values as ids, which are text whatever their type: "120 different ids such as '007'"."""
        if self.spelled is None or not len(self.present):
            return self.describe()
        example = (
            repr(self.spelled.drop_null()[0].as_py())[:40] if self.spelled.null_count < len(self.spelled) else "no id"
        )
        return f"{self.distinct_ids:,} different id{'' if self.distinct_ids == 1 else 's'} such as {example}"


def _without_id(word: str) -> tuple[str, ...]:
    """`userid` in one word is user, id."""
    stem = word[:-2] if word.endswith("id") else ""
    return (stem, "id") if stem in USERS | ITEMS else (word,)


def varies_within(values: pa.Array, owners: pa.Array) -> float:
    """Returns the share of owners, of those with several rows, that have several values.

    Args:
      values: [rows] of a column.
      owners: [rows] ids of users or items.
    """
    table = pa.table({"owner": owners, "value": values}).filter(pc.and_(values.is_valid(), owners.is_valid()))
    groups = table.group_by("owner").aggregate([("value", "count"), ("value", "count_distinct")])
    several = groups.filter(pc.greater(groups["value_count"], 1))
    if not several.num_rows:
        return 0.0
    return float(pc.mean(pc.greater(several["value_count_distinct"], 1).cast(pa.float64())).as_py())
