"""How much each part of the model's score counts: weights learnt on questions that the parts have not seen.

Letters: q questions, S candidates per question, P parts.

    loss = sum over questions of -log softmax(sum_p w_p part_p)[target] + PRIOR / 2 |w - w_0|^2

The parts learn from training events and would look better on these than they are, so the questions come from a later
time (`validation`). The loss is convex; Newton's method takes a few steps. With few questions the weights stay near
w_0, with none they are w_0.
"""

import numpy as np

PRIOR = 2.0
STEPS = 20
SMALL = 1e-4


def fit(parts: np.ndarray, target: np.ndarray, offset: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Returns the weights with the smallest loss.

    Args:
      parts: [q, S, P] float32.
      target: [q] int, the candidate that was acted on.
      offset: [q, S] float32, added to the scores: -inf for a candidate that is not shown, the log of what a sampled one
        stands for.
      start: [P], w_0.

    Returns:
      [P] float64.
    """
    weights, best = start.astype(float), _loss(parts, target, offset, start, start)
    for _ in range(STEPS):
        step = _newton(parts, target, offset, weights, start)
        while (loss := _loss(parts, target, offset, weights - step, start)) > best and np.abs(step).max() > SMALL:
            step = step / 2
        if loss > best or np.abs(step).max() <= SMALL:
            break
        weights, best = weights - step, loss
    return weights


def _scores(parts: np.ndarray, offset: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return parts @ weights.astype(parts.dtype) + offset


def _loss(parts: np.ndarray, target: np.ndarray, offset: np.ndarray, weights: np.ndarray, start: np.ndarray) -> float:
    scores = _scores(parts, offset, weights)
    highest = scores.max(axis=1, initial=-np.inf, keepdims=True)
    total = np.log(np.exp(scores - highest).sum(axis=1)) + highest[:, 0]
    target_score = np.take_along_axis(scores, target[:, None], axis=1)[:, 0]
    return float((total - target_score).sum() + PRIOR / 2 * ((weights - start) ** 2).sum())


def _newton(
    parts: np.ndarray, target: np.ndarray, offset: np.ndarray, weights: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Returns the Newton step: the inverse Hessian times the gradient, [P]."""
    scores = _scores(parts, offset, weights)
    chance = np.exp(scores - scores.max(axis=1, initial=-np.inf, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    mean = (chance[:, None] @ parts)[:, 0]
    target_parts = np.take_along_axis(parts, target[:, None, None], axis=1)[:, 0]
    gradient = (mean - target_parts).sum(axis=0) + PRIOR * (weights - start)
    # As one product of matrices: `einsum` does this sum without BLAS, in five times the CPU.
    flat = parts.reshape(-1, len(weights))
    spread = (parts * chance[..., None]).reshape(flat.shape).T @ flat - mean.T @ mean
    return np.linalg.solve(spread + PRIOR * np.eye(len(weights)), gradient)
