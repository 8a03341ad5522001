"""The facts about one column of a log, collected batch by batch, from which its schema is proposed."""

import dataclasses
import typing

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LONGEST_DOMAIN = 100  # with more values a text column is no category


@dataclasses.dataclass
class ColumnFacts:
    """The facts about one column, collected batch by batch.

    Attributes:
      kind: its type, one of `components.ingest.column_types`.
      rows, filled: the number of rows, and of rows that hold a value.
      filled_per_split: the number of filled rows in train and eval; equal for a catalogue, which has one split.
      low, high: the smallest and the largest number; None for text.
      values: the distinct values; None for more than `LONGEST_DOMAIN`.
      longest: the largest number of values in a row; 1 unless the column is a list.
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
        """Adds the next rows; `late` is [rows] bool, whether they are of the eval split, or None for a single split."""
        self.rows += len(column)
        self.filled += len(column) - column.null_count
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        train, evaluation = (valid & ~late, valid & late) if late is not None else (valid, valid)
        self.filled_per_split = (
            self.filled_per_split[0] + int(train.sum()),
            self.filled_per_split[1] + int(evaluation.sum()),
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
