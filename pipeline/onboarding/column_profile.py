"""What can be seen of a column without knowing what it means: name, type, values, order."""

import dataclasses
import functools
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.ingest.event_time import MICROSECONDS, NUMBER_TEXT, to_microseconds
from pipeline.onboarding.role_words import ITEMS, USERS

MOST_LISTED = 60
_MARK = re.compile(r":(token|float)(_seq)?$")  # RecBole's atomic files write the type behind the name
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# The years 1985 to 2040: epoch numbers outside of it have another unit, or are no times.
_FIRST, _LAST = 473_385_600_000_000, 2_208_988_800_000_000
_ENOUGH = 0.99
_MOSTLY = 0.95


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a sample.

    Attributes:
      name: as in the file.
      values: [rows] of one of the types that `plain_type` gives.
    """

    name: str
    values: pa.Array

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the name, lower case: `userId:token` gives user, id."""
        words = [word.lower() for word in _WORD.findall(_MARK.sub("", self.name))]
        return tuple(part for word in words for part in _without_id(word))

    @functools.cached_property
    def present(self) -> pa.Array:
        """The values that are there."""
        return self.values.drop_null()

    @functools.cached_property
    def distinct(self) -> int:
        """How many different values there are; 0 for lists."""
        return 0 if pa.types.is_list(self.values.type) else int(pc.count_distinct(self.present).as_py())

    @functools.cached_property
    def listed(self) -> tuple[str, ...]:
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
        found = pc.min_max(self.present).as_py()
        return float(found["min"]), float(found["max"])

    @functools.cached_property
    def mean_words(self) -> float:
        """How many words a text has on average; 0 for other types."""
        return float(pc.mean(pc.add(pc.count_substring(self.present, " "), 1)).as_py() or 0.0) if self.is_text else 0.0

    @functools.cached_property
    def time_unit(self) -> str:
        """The unit in which nearly all values are times of 1985 to 2040: "s", "ms", "us" or "iso"; "" if in none."""
        if pa.types.is_timestamp(self.values.type):
            return "iso"
        units = ("iso", *MICROSECONDS) if self.is_text else tuple(MICROSECONDS) if self.is_number else ()
        return next((unit for unit in units if self._share_of_times(unit) >= _ENOUGH), "")

    def _share_of_times(self, unit: str) -> float:
        times = to_microseconds(self.present, unit)
        plausible = pc.and_(pc.greater_equal(times, _FIRST), pc.less(times, _LAST)).fill_null(False)
        return pc.sum(plausible).as_py() / len(times) if len(times) else 0.0

    @functools.cached_property
    def as_number(self) -> "Column":
        """The column with texts that are nearly all numbers as numbers, the others as missing; any other column as it is."""
        if not self.is_text or not len(self.present):
            return self
        fits = pc.match_substring_regex(self.values, NUMBER_TEXT)
        if (pc.mean(fits.cast(pa.float64())).as_py() or 0.0) < _MOSTLY:
            return self
        texts = pc.utf8_trim_whitespace(self.values)
        return Column(self.name, pc.if_else(fits, texts, pa.scalar(None, pa.string())).cast(pa.float64()))

    def has(self, words: frozenset[str]) -> bool:
        """Whether the name has one of the words."""
        return not words.isdisjoint(self.words)

    def example(self) -> str:
        """The first value as text."""
        return repr(self.present[0].as_py())[:40] if len(self.present) else "no value"

    def described(self) -> str:
        """Type, number of values and an example: "string, 18 different values such as 'mobile'"."""
        many = f"{self.distinct:,} different value{'' if self.distinct == 1 else 's'}"
        return f"{self.values.type}, {many} such as {self.example()}" if len(self.present) else "no value at all"


def _without_id(word: str) -> tuple[str, ...]:
    """`userid` in one word is user, id."""
    stem = word[:-2] if word.endswith("id") else ""
    return (stem, "id") if stem in USERS | ITEMS else (word,)


def varies_within(values: pa.Array, owners: pa.Array) -> float:
    """The share of owners with more than one row that have more than one value: how much a column is not the owner's own.

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
