"""The guard of the blend: on the validation part it ranks no worse than its best part alone, or than the best rule.

The weights of largest likelihood need not be those that rank best: a part that makes every score a little surer can put the wrong items in front.
So the blend is compared, by NDCG@10 and by the mean of 1 / log2(1 + rank), with each part and rule, and where it loses, weights are searched
from the better one on.
"""

import itertools

import numpy as np

from components.models.retrieval.shortlists import Shortlists

CUT = 10
SWEEPS = 3
STEPS = (0.5, -0.5, 0.15, -0.15)


def ndcg(ranks: np.ndarray) -> float:
    """NDCG@10 of ranks [q] with one relevant item each; 0 without any."""
    return float(np.where(ranks <= CUT, 1 / np.log2(1 + ranks), 0.0).mean()) if len(ranks) else 0.0


def gain(ranks: np.ndarray) -> float:
    """Returns the mean of 1 / log2(1 + rank): NDCG without a cutoff; 0 without any."""
    return float((1 / np.log2(1 + ranks)).mean()) if len(ranks) else 0.0


def guard(lists: Shortlists, weights: np.ndarray, alone: list[np.ndarray]) -> np.ndarray:
    """Returns the weights, or better ones if a part alone ranks better.

    Args:
      lists: of the validation's questions.
      weights: [P], the blend.
      alone: the weights [P] of each part or rule alone.
    """
    ranks = [lists.ranks(scores) for scores in alone]
    best = max(range(len(alone)), key=lambda place: ndcg(ranks[place]))
    ours = lists.ranks(weights)
    if ndcg(ours) >= ndcg(ranks[best]) and gain(ours) >= max(map(gain, ranks)):
        return weights
    start = max((weights, alone[best]), key=lambda each: ndcg(lists.ranks(each)))
    return climb(lists, start)


def climb(lists: Shortlists, weights: np.ndarray) -> np.ndarray:
    """Weights [P] with a larger NDCG@10: each in turn is moved, in units of its part's deviation, while that helps."""
    shown = np.isfinite(lists.offset)
    deviation = np.maximum(lists.parts[shown].std(axis=0), 1e-6)
    unit = max(float((lists.parts[shown] @ weights.astype(np.float32)).std()), 1e-6) / deviation
    start, weights = weights, weights.astype(float)
    scores = lists.parts @ weights.astype(np.float32)
    best = ndcg(lists.ranks_of(scores))
    for _ in range(SWEEPS):
        before = best
        for place, move in itertools.product(range(len(weights)), STEPS):
            tried = scores + np.float32(move * unit[place]) * lists.parts[:, :, place]
            value = ndcg(lists.ranks_of(tried))
            if value > best:
                scores, best = tried, value
                weights[place] += move * unit[place]
        if best == before:
            break
    # The moves were added up in another order than the weighted sum: what they gained must be there in the sum, too.
    return weights if ndcg(lists.ranks(weights)) >= ndcg(lists.ranks(start)) else start
