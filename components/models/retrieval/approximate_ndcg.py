"""Weights of the score's parts that rank best: NDCG with smooth ranks, which has a gradient.

Letters: q questions, S slots of a shortlist, P parts.

    rank = 1 + sum over the other candidates j of how many j stands for x sigmoid((score_j - score_target) / SMOOTHNESS)
    value = mean of 1 / log2(1 + rank) - PRIOR / q |(w - w_0) deviation|^2

This is ApproxNDCG (Qin, Liu, Li, "A general approximation framework for direct optimization of information retrieval measures", 2010, section 4) with
one relevant item per question and no cutoff. Likelihood asks for more than an order: where the parts' curves are not those of a probability, it pays
for it at the top of the list.
"""

import numpy as np
from scipy.optimize import minimize

from components.models.retrieval.shortlists import Shortlists

SMOOTHNESS = 0.3
PRIOR = 0.2
STEPS = 60
STEEPEST = 30.0


def ascend(lists: Shortlists, start: np.ndarray) -> np.ndarray:
    """Returns weights [P] float64 with a larger value than those to start from, [P], which are the prior too; without questions the start."""
    if not len(lists):
        return start
    differences = lists.parts[:, :-1] - lists.parts[:, -1:]
    flat = differences.reshape(-1, len(start))
    deviation = np.maximum(flat.std(axis=0), 1e-6)
    base, prior = differences @ start.astype(np.float32), PRIOR / len(lists)

    def loss(step: np.ndarray) -> tuple[float, np.ndarray]:
        value, by_score = _smooth(base + differences @ step.astype(np.float32), lists.stands_for)
        gradient = by_score.reshape(-1) @ flat
        return prior * ((step * deviation) ** 2).sum() - value, 2 * prior * step * deviation**2 - gradient

    return start + minimize(loss, np.zeros(len(start)), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x


def _smooth(ahead: np.ndarray, stands_for: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the mean of 1 / log2(1 + rank), and its slope by each score [q, S - 1] float32.

    Args:
      ahead: [q, S - 1] float32, by how much each candidate's score exceeds the target's.
      stands_for: [q, S - 1], see `Shortlists`.
    """
    above = 1 / (1 + np.exp(-np.clip(ahead / SMOOTHNESS, -STEEPEST, STEEPEST)))
    weighted = stands_for * above
    after_first = 2 + weighted.sum(axis=1)
    logarithm = np.log2(after_first)
    slope = -1 / (logarithm**2 * np.log(2) * after_first * SMOOTHNESS * len(ahead))
    return float((1 / logarithm).mean()), (slope[:, None] * weighted * (1 - above)).astype(np.float32)
