"""The guard of the blend: on the validation part it ranks no worse than its best part alone, or than the best rule.

The weights of largest likelihood need not be those that rank best: a part that makes every score a little surer can put the wrong items in front.
So the blend is compared, by NDCG@10 and by the mean of 1 / log2(1 + rank), with each part and rule, and where it loses, weights are searched
from the better one on.
"""

import itertools
from collections.abc import Callable

import numpy as np

from components.models.retrieval.shortlists import Shortlists

Measure = Callable[[np.ndarray], np.ndarray]  # ranks [q] to the value of each [q]
Fit = Callable[[Shortlists], np.ndarray]
CUT = 10
SWEEPS = 3
STEPS = (0.5, -0.5, 0.15, -0.15)


def discounts(ranks: np.ndarray) -> np.ndarray:
    """Returns 1 / log2(1 + rank) of ranks [q] with one relevant item each: NDCG without a cutoff, [q]."""
    return 1 / np.log2(1 + ranks)


def top_discounts(ranks: np.ndarray) -> np.ndarray:
    """Returns the same, but 0 from the eleventh rank on: NDCG@10, [q]."""
    return np.where(ranks <= CUT, discounts(ranks), 0.0)


def ndcg(ranks: np.ndarray) -> float:
    """Returns NDCG@10 of ranks [q]; 0 without any."""
    return float(top_discounts(ranks).mean()) if len(ranks) else 0.0


def gain(ranks: np.ndarray) -> float:
    """Returns the mean of 1 / log2(1 + rank); 0 without any."""
    return float(discounts(ranks).mean()) if len(ranks) else 0.0


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
    """Returns weights [P] with a larger NDCG@10: moves each in turn, in units of its part's deviation, while that helps."""
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


def cross_fit(lists: Shortlists, user: np.ndarray, fit: Fit, measure: Measure) -> np.ndarray:
    """Returns the value of each rank by the weights that are fitted to the questions of the other half of the users: [q].

    What is fitted to some hundred questions ranks these better than it will rank any others.

    Args:
      lists: of q questions.
      user: [q] int, codes of the users.
      fit: shortlists to weights [P].
      measure: the value of a rank.
    """
    values = np.zeros(len(lists))
    for side in (0, 1):
        half = user % 2 != side
        values[half] = measure(lists.of(half).ranks(fit(lists.of(user % 2 == side))))
    return values


def surpasses(values: np.ndarray, others: np.ndarray, errors: float) -> bool:
    """Returns whether values [q] of the same queries are larger on average, by `errors` standard errors of the difference."""
    gains = values - others
    return bool(len(gains)) and bool(gains.mean() > errors * gains.std() / len(gains) ** 0.5)
