"""Counts how often each value of a text column occurs, batch by batch."""

import pyarrow as pa
import pyarrow.compute as pc

# Values of batches that are kept before they are summed: some 50 MB of ids.
PENDING_VALUES = 1 << 20
_COUNTS = pa.struct([("values", pa.large_binary()), ("counts", pa.int64())])


class ValueCounts:
    """Exact counts of one column's values; its memory grows with the distinct values, not with the rows."""

    def __init__(self) -> None:
        """Starts without a value."""
        self._parts: list[pa.StructArray] = [pa.array([], _COUNTS)]
        self._pending = 0

    def add(self, values: pa.Array) -> None:
        """Adds a batch of values, without nulls."""
        counts = values.value_counts()
        self._parts.append(counts)
        self._pending += len(counts)
        if self._pending >= PENDING_VALUES:
            self._parts = [self.total()]
            # Else a column of distinct values would be summed anew with every batch.
            self._pending = 0

    def total(self) -> pa.StructArray:
        """Returns each value and its count, as a struct array with the fields `values` and `counts`."""
        parts = {
            field.name: pa.chunked_array([part.field(field.name) for part in self._parts], field.type)
            for field in _COUNTS
        }
        summed = pa.table(parts).group_by("values").aggregate([("counts", "sum")])
        columns = [summed[name].combine_chunks() for name in ("values", "counts_sum")]
        return pa.StructArray.from_arrays(columns, names=[field.name for field in _COUNTS])


def largest(counts: pa.StructArray, size: int) -> list[tuple[bytes, int]]:
    """Returns the `size` most frequent values with their counts, of at least one; ties go to the later in the alphabet."""
    table = pa.table({"values": counts.field("values"), "counts": counts.field("counts")})
    order = pc.select_k_unstable(
        table, k=min(size, len(table)), sort_keys=[("counts", "descending"), ("values", "descending")]
    )
    chosen = table.take(order)
    return list(zip(chosen["values"].to_pylist(), chosen["counts"].to_pylist(), strict=True))
