"""Exact ranks over the whole catalogue, by counting what scores above the target: nothing is sorted.

    q  queries      n  items of the catalogue      k  recommended items

Ranking against sampled candidates is not offered: it orders systems wrongly (Krichene & Rendle, "On Sampled Metrics for Item
Recommendation", KDD 2020).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

UNKNOWN = -1


def ranks_by_counting(scores: Scores, target: Ints, masked: Mask | None = None) -> Ranks:
    """The rank of each query's target among all items that are not masked; ties give the middle of the ranks they span.

    rank = 1 + #{items scoring above the target} + 1/2 #{other items scoring the same}

    The middle is the mean rank over random orders of the ties: a contender that scores everything alike gets (n + 1) / 2, not 1.
    Exact; O(q n) comparisons and two temporary [q, n] bool arrays: a quarter of float32 scores each, nothing wider.

    Args:
      scores: [q, n] float; -inf marks an item that is not to be recommended.
      target: [q] int, the item that was acted on; -1 where the contender does not know it.
      masked: [q, n] bool, items that do not compete (already seen); None masks nothing.

    Returns:
      [q] float64, from 1; inf (a miss at every k) where the target is unknown or scored -inf.

    Raises:
      ValueError: if a score is NaN, a target is masked, or shapes or targets do not fit.
    """
    _check(scores, target, masked)
    queries = np.arange(len(target))
    known = target != UNKNOWN
    at = np.where(known, target, 0)
    hidden = 0 if masked is None else int((masked[queries, at] & known).sum())
    if hidden:
        raise ValueError(f"targets must not be masked, but {hidden} of {len(target)} are: unmask each query's own item.")
    own = scores[queries, at]
    above = _count(np.greater(scores, own[:, None]), masked)
    tied = _count(np.equal(scores, own[:, None]), masked) - 1
    return np.where(known & (own > -np.inf), 1 + above + 0.5 * tied, np.inf)


def top_k(scores: Scores, k: int, masked: Mask | None = None) -> Ints:
    """The k best items per query, best first; of items that score the same the one with the lower index comes first.

    Exact; k passes of argmax over one copy of the scores, O(k q n): a partition would choose among ties by chance.

    Args:
      scores: [q, n] float; items at -inf are not recommended.
      k: how many items.
      masked: [q, n] bool, items that are not recommended; None masks nothing.

    Returns:
      [q, k] int64; -1 where fewer than k items may be recommended.

    Raises:
      ValueError: if a score is NaN or the mask's shape differs.
    """
    _check(scores, None, masked)
    left = np.array(scores) if masked is None else np.where(masked, -np.inf, scores).astype(scores.dtype, copy=False)
    best = np.full((len(scores), k), UNKNOWN, dtype=np.int64)
    queries = np.arange(len(scores))
    for place in range(min(k, scores.shape[1])):
        item = left.argmax(axis=1)
        best[:, place] = np.where(left[queries, item] > -np.inf, item, UNKNOWN)
        left[queries, item] = -np.inf
    return best


def _count(condition: Mask, masked: Mask | None) -> Ints:
    """How many items of each row fulfil the (fresh) condition and are not masked: [q] int64."""
    if masked is not None:
        np.greater(condition, masked, out=condition)  # condition and not masked, without a third [q, n] array
    return np.asarray(np.count_nonzero(condition, axis=1))


def _check(scores: Scores, target: Ints | None, masked: Mask | None) -> None:
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"scores must be [queries, items] with at least one item, got shape {scores.shape}.")
    if masked is not None and masked.shape != scores.shape:
        raise ValueError(f"masked must have the shape of scores {scores.shape}, got {masked.shape}.")
    # The minimum of an array with a NaN is NaN: no [q, n] temporary.
    if scores.size and np.isnan(scores.min()):
        rows = int(np.isnan(scores).any(axis=1).sum())
        raise ValueError(f"scores must be numbers, got NaN in {rows} of {len(scores)} queries: the contender is broken, not good or bad.")
    if target is not None and target.shape != scores.shape[:1]:
        raise ValueError(f"target must have one item per query {scores.shape[:1]}, got shape {target.shape}.")
    if target is not None and target.size and not UNKNOWN <= target.min() <= target.max() < scores.shape[1]:
        raise ValueError(f"targets must lie in [-1, {scores.shape[1]}), got {target.min()} to {target.max()}.")
