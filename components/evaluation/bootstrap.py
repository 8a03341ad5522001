"""How sure a difference between two contenders is: a paired bootstrap over users.

    q  queries      u  users      r  repeats

Queries of one user resemble each other, so users are drawn, not queries: a cluster bootstrap (Efron & Tibshirani 1993, chapters 8 and 13).
Each repeat draws u users with replacement and compares both contenders on the same draw; a mean over queries is then the ratio of
two sums over users. Intervals are percentiles of the repeats. Equal seeds draw equal users, for every comparison of a run.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DRAWS_AT_ONCE = 4_000_000


@dataclasses.dataclass(frozen=True)
class Interval:
    """A figure with the range that holds the truth in `level` of all such samples.

    Attributes:
      point: the figure itself.
      low, high: the ends; infinite where the sample says nothing (fewer than two users).
      level: the nominal coverage, in (0, 1).
    """

    point: float
    low: float
    high: float
    level: float = 0.95

    def to_dict(self) -> dict[str, float | str]:
        """Plain values for JSON, which knows no infinity: it becomes the text "Infinity" or "-Infinity", as in Protobuf's JSON."""
        return {name: value if math.isfinite(value) else json.dumps(value) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, float | str]) -> "Interval":
        """The inverse of `to_dict`."""
        return cls(**{name: float(value) for name, value in values.items()})


def paired_difference(gains_a: Floats, gains_b: Floats, users: Ints, seed: int, repeats: int = 1000, level: float = 0.95) -> Interval:
    """The interval of mean(gains_a) - mean(gains_b).

    Args:
      gains_a, gains_b: [q] float64, what each contender gains on the same queries.
      users: [q] int codes of the users that ask.
      seed: of the draws.
      repeats: r; 1000 leave about 3 % of noise on the interval's width.
      level: of the interval.

    Returns:
      The interval; from -inf to inf with fewer than two users.

    Raises:
      ValueError: if the three arrays differ in length.

    Cost: O(r u) draws, independent of q; memory is bounded by drawing in chunks.
    """
    sums = _sums_by_user(gains_a, gains_b, users)
    return _interval(sums, lambda a, b, count: (a - b) / np.maximum(count, 1), seed, repeats, level)


def relative_gain(gains_a: Floats, gains_b: Floats, users: Ints, seed: int, repeats: int = 1000, level: float = 0.95) -> Interval:
    """The interval of mean(gains_a) / mean(gains_b) - 1: 0.31 is a gain of 31 % over b.

    Where b gains nothing, a gain of a is infinite and none is 0. Arguments, result and cost as in `paired_difference`.
    """
    return _interval(_sums_by_user(gains_a, gains_b, users), lambda a, b, count: _ratio(a, b) - 1, seed, repeats, level)


def _sums_by_user(gains_a: Floats, gains_b: Floats, users: Ints) -> Floats:
    """Per user the sum of a, the sum of b and the number of queries: [3, u]."""
    if not len(gains_a) == len(gains_b) == len(users):
        raise ValueError(f"gains and users must be of the same queries, got {len(gains_a)}, {len(gains_b)} and {len(users)}.")
    _, code = np.unique(users, return_inverse=True)
    return np.stack([np.bincount(code, gains_a), np.bincount(code, gains_b), np.bincount(code)]) if len(users) else np.zeros((3, 0))


def _ratio(a: Floats, b: Floats) -> Floats:
    """a / b, where x / 0 is inf and 0 / 0 is 1."""
    unequal = np.where(a > 0, np.inf, 1.0)
    return np.divide(a, b, out=unequal, where=b > 0)


def _interval(sums: Floats, figure: Callable[[Floats, Floats, Floats], Floats], seed: int, repeats: int, level: float) -> Interval:
    """The percentile interval of `figure(sum_a, sum_b, count)` over draws of users."""
    point = float(figure(*sums.sum(axis=1, keepdims=True))[0])
    if sums.shape[1] < 2:
        return Interval(point, -math.inf, math.inf, level)
    drawn = np.sort(np.concatenate([figure(*part) for part in _draws(sums, seed, repeats)]))
    # The outer order statistics instead of np.quantile, which makes NaN of two infinities.
    tail = (1 - level) / 2 * (repeats - 1)
    return Interval(point, float(drawn[math.floor(tail)]), float(drawn[math.ceil(repeats - 1 - tail)]), level)


def _draws(sums: Floats, seed: int, repeats: int) -> Iterator[Floats]:
    """The sums over drawn users, in chunks of [3, repeats of the chunk]."""
    rng = np.random.default_rng(seed)
    users = sums.shape[1]
    chunk = max(_DRAWS_AT_ONCE // users, 1)
    for start in range(0, repeats, chunk):
        drawn = rng.integers(users, size=(min(chunk, repeats - start), users), dtype=np.int32)
        yield np.stack([row[drawn].sum(axis=1) for row in sums])
