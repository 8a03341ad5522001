"""Bars of a column's values, the splits next to each other on the same bins: geometry for a page, no script.

Letters: s splits, b bins.
"""

import collections.abc
import dataclasses
import math
import typing

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import statistics_pb2

Floats = npt.NDArray[np.float64]
Column: typing.TypeAlias = statistics_pb2.FeatureNameStatistics

BINS, MOST_WORDS, WIDEST_RANGE = 16, 8, 9
WIDTH, HEIGHT = 320.0, 90.0


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar in a chart of `WIDTH` by `HEIGHT`.

    Attributes:
      split: the index of its split, from 0.
      x, y, width, height: in the chart's units.
      share: of the split's values, in [0, 1].
      bin: the index of its bin.
    """

    split: int
    x: float
    y: float
    width: float
    height: float
    share: float
    bin: int


def share_numbers(columns: collections.abc.Sequence[Column | None]) -> tuple[Floats, Floats] | None:
    """Returns edges [b + 1] and shares [s, b] of numbers on common bins of equal width.

    A split's own buckets are spread over the common bins as if their values were uniform. None where no split has a
    finite histogram; a split without one has shares of 0.
    """
    histograms = [_standard(column) for column in columns]
    ends = [end for buckets in histograms for low, high, _ in buckets for end in (low, high)]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    edges = np.linspace(low, high if high > low else low + 1, (BINS if high > low else 1) + 1)
    return edges, np.stack([_spread(buckets, edges) for buckets in histograms])


def share_integers(columns: collections.abc.Sequence[Column | None]) -> tuple[list[int], Floats] | None:
    """Returns the integers [b] from the least to the greatest, and the share [s, b] of each split's values that they are.

    TensorFlow Data Validation counts in ten buckets of equal width, so a bucket holds at most one integer if they span
    at most `WIDEST_RANGE`. None for a wider range, for floats, and where no split has a histogram.
    """
    histograms = [_standard(column) for column in columns]
    ends = [end for buckets in histograms for low, high, _ in buckets for end in (low, high)]
    kinds = {column.type for column in columns if column is not None}
    if not ends or kinds != {statistics_pb2.FeatureNameStatistics.INT} or max(ends) - min(ends) > WIDEST_RANGE:
        return None
    least = round(min(ends))
    counts = np.zeros((len(columns), round(max(ends)) - least + 1))
    for split, buckets in enumerate(histograms):
        for low, high, count in buckets:
            counts[split, round((low + high) / 2) - least] += count
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return list(range(least, least + counts.shape[1])), shares


def share_words(columns: collections.abc.Sequence[Column | None]) -> tuple[list[str], Floats]:
    """Returns the most frequent texts of all splits, and the share of each split's values that they are: [s, b]."""
    counts = [
        {} if column is None else {value.value: value.frequency for value in column.string_stats.top_values}
        for column in columns
    ]
    totals = [1.0 if column is None else count_values(column) for column in columns]
    shares = [
        {word: n / max(total, 1) for word, n in word_counts.items()}
        for word_counts, total in zip(counts, totals, strict=True)
    ]
    best: dict[str, float] = {}
    for word_counts in shares:
        for word, share in word_counts.items():
            best[word] = max(best.get(word, 0.0), share)
    words = sorted(best, key=lambda word: (-best[word], word))[:MOST_WORDS]
    return words, np.array([[word_counts.get(word, 0.0) for word in words] for word_counts in shares]).reshape(
        len(shares), -1
    )


def count_values(column: Column) -> float:
    """Returns how many values a column has in all rows; several per row for a list."""
    common = column.num_stats.common_stats if column.HasField("num_stats") else column.string_stats.common_stats
    return float(common.tot_num_values or common.num_non_missing)


def draw_bars(shares: Floats) -> list[Bar]:
    """Returns the bars of shares [s, b]: those of a bin next to each other, the highest as high as the chart."""
    splits, bins = shares.shape
    room = WIDTH / max(bins, 1)
    width = room * 0.85 / max(splits, 1)
    most = float(shares.max(initial=0.0)) or 1.0
    return [
        Bar(split, room * (place + 0.075) + width * split, HEIGHT - size, width, size, float(share), place)
        for (split, place), share in np.ndenumerate(shares)
        if share > 0
        for size in (max(HEIGHT * float(share) / most, 1.0),)
    ]


def _standard(column: Column | None) -> list[tuple[float, float, float]]:
    """Low, high and count of each bucket of equal width."""
    for histogram in column.num_stats.histograms if column is not None else ():
        if histogram.type == statistics_pb2.Histogram.STANDARD:
            buckets = [(bucket.low_value, bucket.high_value, bucket.sample_count) for bucket in histogram.buckets]
            return [bucket for bucket in buckets if all(map(math.isfinite, bucket))]
    return []


def _spread(buckets: list[tuple[float, float, float]], edges: Floats) -> Floats:
    counts = np.zeros(len(edges) - 1)
    for low, high, count in buckets:
        if high <= low:
            counts[min(int(np.searchsorted(edges, low, side="right")) - 1, len(counts) - 1)] += count
        else:
            counts += count * np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) / (high - low)
    return counts / max(counts.sum(), 1)
