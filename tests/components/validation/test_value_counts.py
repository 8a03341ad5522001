import collections
import random

import pyarrow as pa
import pytest

from components.validation import value_counts
from components.validation.value_counts import ValueCounts, largest


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pending", [10, 1 << 20])
def test_the_counts_are_those_of_all_batches_together(seed, pending, monkeypatch):
    monkeypatch.setattr(value_counts, "PENDING_VALUES", pending)
    draw = random.Random(seed)
    batches = [[f"v{draw.randrange(40)}".encode() for _ in range(draw.randrange(30))] for _ in range(25)]
    counts = ValueCounts()
    for batch in batches:
        counts.add(pa.array(batch, pa.large_binary()))
    total = counts.total()
    expected = collections.Counter(value for batch in batches for value in batch)
    assert dict(zip(total.field("values").to_pylist(), total.field("counts").to_pylist(), strict=True)) == expected


def test_the_largest_are_the_most_frequent_and_of_these_the_last_in_the_alphabet():
    counts = ValueCounts()
    counts.add(pa.array([b"a", b"b", b"b", b"c", b"d", b"d"], pa.large_binary()))
    assert largest(counts.total(), 3) == [(b"d", 2), (b"b", 2), (b"c", 1)]
    assert largest(counts.total(), 9)[3:] == [(b"a", 1)]


def test_without_a_value_there_is_nothing():
    assert len(ValueCounts().total()) == 0
