"""Exact ranks over the full catalogue, by counting the items that score above the target: nothing is sorted.

    q  queries      n  items of the catalogue      k  recommended items

An item that does not compete (already seen) has the score -inf. Ranking against sampled candidates is not offered: it
orders systems wrongly (Krichene & Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.float64]

UNKNOWN = -1
# Half of a core's usual second-level cache: a block of scores is compared several times while it is still there. Twice
# as fast at 200,000 items as reading all scores anew for each comparison.
BLOCK_BYTES = 512 * 1024


def blocks(scores: Scores) -> Iterator[slice]:
    """Slices of queries whose scores [q, n] fit the cache together; one query each where a single one does not."""
    size = max(BLOCK_BYTES // max(scores[:1].nbytes, 1), 1)
    return (slice(start, min(start + size, len(scores))) for start in range(0, len(scores), size))


def ranks_by_counting(scores: Scores, target: Ints) -> Ranks:
    """Returns the rank of each query's target among all items; ties get the middle of the ranks they span.

    rank = 1 + #{items scoring above the target} + 1/2 #{other items scoring the same}

    The middle is the mean rank over random orders of the ties: a contender that scores everything alike gets (n + 1) /
      2, not 1. The
    target's score is taken from the same row as the others': computed apart it may differ in its last bit, and ties
    would be lost.
    Exact; O(q n) comparisons and one temporary [q, n] bool array: a quarter of float32 scores, nothing wider. Fastest
    on one of `blocks`.

    Args:
      scores: [q, n] float; -inf marks an item that does not compete.
      target: [q] int, the item that was acted on; -1 where the contender does not know it.

    Returns:
      [q] float64, from 1; inf (a miss at every k) where the target is unknown or scored -inf.

    Raises:
      ValueError: if a score is NaN, or shapes or targets do not fit.
    """
    _check(scores)
    if target.shape != scores.shape[:1]:
        raise ValueError(f"target must have one item per query {scores.shape[:1]}, got shape {target.shape}.")
    if target.size and not UNKNOWN <= target.min() <= target.max() < scores.shape[1]:
        raise ValueError(f"targets must lie in [-1, {scores.shape[1]}), got {target.min()} to {target.max()}.")
    target_score = scores[np.arange(len(target)), np.maximum(target, 0)]
    mask = np.greater(scores, target_score[:, None])
    above = _counts(mask)
    tied = _counts(np.equal(scores, target_score[:, None], out=mask)) - 1
    return np.where((target != UNKNOWN) & (target_score > -np.inf), 1 + above + 0.5 * tied, np.inf)


def top_k(scores: Scores, k: int) -> Ints:
    """Returns the k best items per query, best first; of items with equal scores the lower index comes first.

    Exact; k passes of argmax over one copy of the scores, O(k q n): a partition would choose among ties by chance, and
    a search by the best of groups of items was no faster up to 200,000 items. Fastest on one of `blocks`.

    Args:
      scores: [q, n] float; items at -inf are not recommended.
      k: how many items.

    Returns:
      [q, k] int64; -1 where fewer than k items may be recommended.

    Raises:
      ValueError: if a score is NaN.
    """
    best = np.full((len(scores), k), UNKNOWN, dtype=np.int64)
    if not k:
        return best
    _check(scores)
    remaining, queries = np.array(scores), np.arange(len(scores))
    for place in range(min(k, scores.shape[1])):
        item = remaining.argmax(axis=1)
        best[:, place] = np.where(remaining[queries, item] > -np.inf, item, UNKNOWN)
        remaining[queries, item] = -np.inf
    return best


def _counts(found: npt.NDArray[np.bool_]) -> Ints:
    """Returns the number of true values of each row [q, n]: [q]. Row by row: with an axis numpy is ten times slower."""
    return np.fromiter(map(np.count_nonzero, found), np.int64, len(found))


def _check(scores: Scores) -> None:
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"scores must be [queries, items] with at least one item, got shape {scores.shape}.")
    # The minimum of an array with a NaN is NaN: no [q, n] temporary.
    if scores.size and np.isnan(scores.min()):
        rows = int(np.isnan(scores).any(axis=1).sum())
        raise ValueError(
            f"scores must be numbers, got NaN in {rows} of {len(scores)} queries: the contender is broken, not good or bad."
        )
