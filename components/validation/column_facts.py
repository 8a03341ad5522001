"""What one column of a log holds, gathered batch by batch: all that a schema says of it follows from these facts."""

import dataclasses
import typing

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LONGEST_DOMAIN = 100  # with more values a text column is no category


@dataclasses.dataclass
class Seen:
    """What one column held, gathered batch by batch.

    Attributes:
      kind: its type, one of `components.ingest.column_types`.
      rows, filled: how many rows there are, and how many hold a value.
      filled_per_split: how many of the filled ones belong to train and eval; of a catalogue, which has one split, that
        twice.
      low, high: the smallest and the largest number; None for text.
      values: the distinct values, up to the longest domain; None beyond.
      longest: the most values that a row holds; 1 unless the column is a list.
    """

    kind: pa.DataType
    rows: int = 0
    filled: int = 0
    filled_per_split: tuple[int, int] = (0, 0)
    low: float | None = None
    high: float | None = None
    values: set[typing.Any] | None = dataclasses.field(default_factory=set)
    longest: int = 0

    def add(self, column: pa.Array, late: np.ndarray | None) -> None:
        """Looks at the next rows; `late` is [rows] bool, whether they belong to the eval split; None where there is one split."""
        self.rows += len(column)
        self.filled += len(column) - column.null_count
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        early, last = (valid & ~late, valid & late) if late is not None else (valid, valid)
        self.filled_per_split = (
            self.filled_per_split[0] + int(early.sum()),
            self.filled_per_split[1] + int(last.sum()),
        )
        lists = pa.types.is_list(column.type)
        self.longest = max(self.longest, (pc.max(pc.list_value_length(column)).as_py() or 0) if lists else 1)
        parts = (column.flatten() if lists else column).drop_null()
        if pa.types.is_timestamp(parts.type):
            parts = parts.cast(pa.int64())
        if len(parts) and (pa.types.is_integer(parts.type) or pa.types.is_floating(parts.type)):
            ends = pc.min_max(parts).as_py()
            self.low = ends["min"] if self.low is None else min(self.low, ends["min"])
            self.high = ends["max"] if self.high is None else max(self.high, ends["max"])
        if self.values is not None:
            self.values |= set(pc.unique(parts).slice(0, LONGEST_DOMAIN + 1).to_pylist())
            self.values = self.values if len(self.values) <= LONGEST_DOMAIN else None
