"""Weights of the score's parts that rank best: NDCG with smooth ranks, which has a gradient.

Letters: q questions, S slots of a shortlist, M of them that move, P parts.

    rank = 1 + sum over the other candidates j of how many j stands for x sigmoid((score_j - score_target) / SMOOTHNESS)
    value = mean of 1 / log2(1 + rank) - PRIOR / q |(w - w_0) deviation|^2

This is ApproxNDCG (Qin, Liu, Li, "A general approximation framework for direct optimization of information retrieval measures", 2010, section 4) with
one relevant item per question and no cutoff. Likelihood asks for more than an order: where the parts' curves are not those of a probability, it pays
for it at the top of the list.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from components.models.retrieval.shortlists import Shortlists

SMOOTHNESS = 0.3
PRIOR = 0.2
STEPS = 60
STEEPEST = 30.0
# Of each shortlist so many slots move, the best by the weights to start from; the rest count what they count at the start.
MOVING = 200


class _Slots(NamedTuple):
    """The slots that move.

    Attributes:
      differences: [q, M, P] float32, their parts less the target's.
      ahead: [q, M] float32, by how much their scores exceed the target's at the start.
      stands_for: [q, M], see `Shortlists`.
      resting: [q], how many of the others are above the target.
    """

    differences: np.ndarray
    ahead: np.ndarray
    stands_for: np.ndarray
    resting: np.ndarray


def ascend(lists: Shortlists, start: np.ndarray) -> np.ndarray:
    """Returns weights [P] float64 with a larger value than those to start from, [P], which are the prior too; without questions the start."""
    if not len(lists):
        return start
    prior = PRIOR / len(lists) * np.maximum((lists.parts[:, :-1] - lists.parts[:, -1:]).std(axis=(0, 1)), 1e-6) ** 2
    slots = _choose_moving(lists, start)
    flat = slots.differences.reshape(-1, len(start))

    def loss(step: np.ndarray) -> tuple[float, np.ndarray]:
        value, by_score = _smooth(slots.ahead + slots.differences @ step.astype(np.float32), slots)
        return (prior * step**2).sum() - value, 2 * prior * step - by_score.reshape(-1) @ flat

    return start + minimize(loss, np.zeros(len(start)), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x


def _choose_moving(lists: Shortlists, start: np.ndarray) -> _Slots:
    """Returns the slots that move from some weights [P] on."""
    differences = lists.parts[:, :-1] - lists.parts[:, -1:]
    ahead = differences @ start.astype(np.float32)
    best = np.argpartition(-ahead - lists.offset[:, :-1], min(MOVING, ahead.shape[1]) - 1, axis=1)[:, :MOVING]
    every = _count_above(ahead, lists.stands_for)
    ahead, stands_for = (np.take_along_axis(values, best, axis=1) for values in (ahead, lists.stands_for))
    differences = np.take_along_axis(differences, best[:, :, None], axis=1)
    return _Slots(differences, ahead, stands_for, every - _count_above(ahead, stands_for))


def _smooth(ahead: np.ndarray, slots: _Slots) -> tuple[float, np.ndarray]:
    """Returns the mean of 1 / log2(1 + rank), and its slope by each score [q, M] float32, at scores `ahead` of the target's [q, M]."""
    above = _exceed(ahead)
    weighted = slots.stands_for * above
    after_first = 2 + slots.resting + weighted.sum(axis=1)
    logarithm = np.log2(after_first)
    slope = -1 / (logarithm**2 * np.log(2) * after_first * SMOOTHNESS * len(ahead))
    return float((1 / logarithm).mean()), (slope[:, None] * weighted * (1 - above)).astype(np.float32)


def _count_above(ahead: np.ndarray, stands_for: np.ndarray) -> np.ndarray:
    """Returns how many candidates are above the target, smoothly: [q]."""
    return (stands_for * _exceed(ahead)).sum(axis=1)


def _exceed(ahead: np.ndarray) -> np.ndarray:
    """Returns how far scores exceed the target's, from 0 to 1, in the shape of `ahead`."""
    return 1 / (1 + np.exp(-np.clip(ahead / SMOOTHNESS, -STEEPEST, STEEPEST)))
