"""The guard of the blend: on the validation part it ranks no worse than its best part alone, or than the best rule.

The weights of largest likelihood need not be those that rank best: a part that makes every score a little surer can put the wrong items in front.
So the blend is compared, by NDCG@10 and by the mean of 1 / log2(1 + rank), with each part and rule, and where it loses, weights are searched
from the better one on.
"""

import numpy as np

from components.models.retrieval.shortlists import Shortlists

CUT = 10
SWEEPS = 3
STEPS = (1.0, -1.0, 0.3, -0.3)


def ndcg(ranks: np.ndarray) -> float:
    """NDCG@10 of ranks [q] with one relevant item each; 0 without any."""
    return float(np.where(ranks <= CUT, 1 / np.log2(1 + ranks), 0.0).mean()) if len(ranks) else 0.0


def gain(ranks: np.ndarray) -> float:
    """The mean of 1 / log2(1 + rank): NDCG without a cut; 0 without any."""
    return float((1 / np.log2(1 + ranks)).mean()) if len(ranks) else 0.0


def guarded(lists: Shortlists, weights: np.ndarray, alone: list[np.ndarray]) -> np.ndarray:
    """The weights, or better ones where a part alone ranks better.

    Args:
      lists: of the validation's questions.
      weights: [P], the blend.
      alone: the weights [P] of each part or rule alone.
    """
    ranks = [lists.ranks(each) for each in alone]
    best = max(range(len(alone)), key=lambda place: ndcg(ranks[place]))
    ours = lists.ranks(weights)
    if ndcg(ours) >= ndcg(ranks[best]) and gain(ours) >= max(map(gain, ranks)):
        return weights
    start = max((weights, alone[best]), key=lambda each: ndcg(lists.ranks(each)))
    return climbed(lists, start)


def climbed(lists: Shortlists, weights: np.ndarray) -> np.ndarray:
    """Weights [P] with a larger NDCG@10: each in turn is moved, in units of its part's deviation, while that helps."""
    shown = np.isfinite(lists.offset)
    deviation = np.maximum(lists.parts[shown].std(axis=0), 1e-6)
    unit = max(float((lists.parts[shown] @ weights.astype(np.float32)).std()), 1e-6) / deviation
    best = ndcg(lists.ranks(weights))
    for _ in range(SWEEPS):
        before = best
        for place in range(len(weights)):
            for step in STEPS:
                tried = weights.copy()
                tried[place] += 0.5 * step * unit[place]
                value = ndcg(lists.ranks(tried))
                if value > best:
                    weights, best = tried, value
        if best == before:
            break
    return weights
