"""Finds the invalid rows of a log: each row gets the first reason that applies.

A row is wrong if a column that every row needs is missing or cannot be read, its time is before the declared floor or
later than tomorrow, its value is no number or out of the declared range, or, where the declaration asks, it repeats an
earlier row exactly.
"""

import collections.abc
import dataclasses
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import LogError
from components.ingest.event_time import DAY, to_microseconds
from components.ingest.log_layout import Layout

UNREADABLE_LINE = "line unreadable"
REPEATED = "repeated"


@dataclasses.dataclass(frozen=True)
class Quarantined:
    """The number of rows read, and of invalid rows per reason."""

    rows_in: int
    counts: dict[str, int]
    expected: int = 0

    @property
    def rows(self) -> int:
        """All rows that are quarantined."""
        return sum(self.counts.values())

    @property
    def share(self) -> float:
        """Of the rows that were read, without those that the declaration expects to have no id."""
        return (self.rows - self.expected) / max(self.rows_in, 1)

    def __str__(self) -> str:
        """For people: "14 quarantined: 9 no time, 5 repeated"."""
        return f"{self.rows:,} quarantined: " + ", ".join(
            f"{count:,} {reason}" for reason, count in self.counts.items()
        )


class RowChecks:
    """The row checks of a layout.

    Attributes:
      reasons: code to text; code 0 is a row that is right.
      expected: the first of them, which the declaration expects: they do not count as wrong.
    """

    def __init__(self, layout: Layout):
        """Takes the moment it is made as "now": a time later than a day from then is in the future."""
        self._layout = layout
        self._latest = int(time.time() * 1_000_000) + DAY
        self._earliest = to_microseconds(pa.array([layout.not_before]), "iso")[0].as_py() if layout.not_before else None
        # Rows that the declaration expects to have no id come first: they are no sign that something is wrong.
        self._missing = sorted(set(layout.missing_ids))
        self.expected = tuple(f"no {name}, as declared" for name in layout.ids) if self._missing else ()
        texts = [*self.expected, *(text for name in layout.mandatory for text in (f"no {name}", f"{name} unreadable"))]
        texts += [f"{layout.time} before {layout.not_before}", f"{layout.time} in the future"] if layout.time else []
        texts += [f"{layout.value} unreadable", f"{layout.value} out of range"] if layout.value else []
        texts += [f"{name} unreadable" for name in layout.numbers]
        self.reasons = ("", *texts, REPEATED)

    def codes(self, raw: pa.RecordBatch, batch: pa.RecordBatch) -> np.ndarray:
        """Returns the reason code of each row of a batch.

        Args:
          raw: [rows] as the file has them.
          batch: [rows] as the reader understood them: the columns of the layout, null where it could not.

        Returns:
          [rows] int8 codes, see `reasons`.
        """
        codes = np.zeros(batch.num_rows, np.int8)
        for code, mask in enumerate(self._masks(raw, batch), 1):
            if mask is not None:
                codes[(codes == 0) & _numpy(mask)] = code
        return codes

    def _masks(self, raw: pa.RecordBatch, batch: pa.RecordBatch) -> collections.abc.Iterator[pa.Array | None]:
        for name in self._layout.ids if self._missing else ():
            yield self._stands_for_none(_column(raw, name), _column(batch, name))
        for name in self._layout.mandatory:
            values = _column(batch, name)
            yield _missing(_column(raw, name), values)
            yield values.is_null() if values.null_count else None
        if self._layout.time:
            times = _column(batch, self._layout.time)
            yield None if self._earliest is None else pc.less(times, self._earliest)
            yield pc.greater(times, self._latest)
        if self._layout.value:
            values, source = _column(batch, self._layout.value), _column(raw, self._layout.value)
            yield pc.and_(values.is_null(), source.is_valid()) if values.null_count > source.null_count else None
            yield self._out_of_range(values)
        for name in (name for name in self._layout.numbers if name in batch.schema.names):
            values, source = _column(batch, name), _column(raw, name)
            yield pc.and_(values.is_null(), source.is_valid()) if values.null_count > source.null_count else None

    def _stands_for_none(self, source: pa.Array, values: pa.Array) -> pa.Array | None:
        """Returns whether an id is one of the declared missing texts; "" among them means an empty id."""
        missing = (
            pc.is_in(values, value_set=pa.array(self._missing, pa.string()))
            if pa.types.is_string(values.type)
            else None
        )
        empty = _missing(source, values) if "" in self._missing else None
        masks = [mask for mask in (missing, empty) if mask is not None]
        return pc.or_(*masks) if len(masks) == 2 else next(iter(masks), None)

    def _out_of_range(self, values: pa.Array) -> pa.Array | None:
        """Returns whether a value is out of range; NaN counts as missing, as many tools write it, infinity as out."""
        kind, least, most = values.type, self._layout.value_min, self._layout.value_max
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return None
        numbers = values.cast(pa.float64(), safe=False)
        wrong = [pc.is_inf(numbers)] if pa.types.is_floating(kind) else []
        wrong += [pc.less(numbers, float(least))] if least is not None else []
        wrong += [pc.greater(numbers, float(most))] if most is not None else []
        total = None
        for mask in wrong:
            total = mask if total is None else pc.or_(total, mask)
        return total


def find_repeats(rows: pa.Table) -> np.ndarray:
    """Which rows equal an earlier one in every column: [rows] bool. Exact; holds the columns, as Arrow has them, in memory.

    Raises:
      LogError: for a column of lists, which cannot be compared.
    """
    for field in rows.schema:
        if pa.types.is_list(field.type):
            fix = "Set launch.log.drop_duplicates to False, or drop the column."
            raise LogError(
                f"column {field.name!r}", "holds lists, which cannot be compared to find repeated rows.", fix
            )
    # A name with a dot would mean a nested field to pyarrow, and a column of nothing tells no rows apart.
    kept = {f"c{at}": column for at, column in enumerate(rows.columns) if not pa.types.is_null(column.type)}
    numbered = pa.table(kept | {"row": pa.array(np.arange(rows.num_rows))})
    first = numbered.group_by(list(kept)).aggregate([("row", "min")])["row_min"].to_numpy()
    duplicate = np.ones(rows.num_rows, bool)
    duplicate[first] = False
    return duplicate


def _missing(source: pa.Array, values: pa.Array) -> pa.Array | None:
    """Null in the file, or a text that is empty or blank: no id."""
    mask = source.is_null() if source.null_count else None
    if not pa.types.is_string(values.type):
        return mask
    blank = pc.fill_null(pc.or_(pc.equal(pc.binary_length(values), 0), pc.utf8_is_space(values)), False)
    return blank if mask is None else pc.or_(mask, blank)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Returns a column of the batch; nulls where it lacks it."""
    at = batch.schema.get_field_index(name)
    return batch.column(at) if at >= 0 else pa.nulls(batch.num_rows)


def _numpy(mask: pa.Array) -> np.ndarray:
    return pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
