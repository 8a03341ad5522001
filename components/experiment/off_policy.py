"""Off-policy evaluation: the estimated reward of another policy, from the log of the one that served, or a refusal.

    n  rows, one per item shown      k  positions      w = pi(item at k | request) / propensity

Item-position model (Li et al., Offline Evaluation of Ranking Policies with Click Models, KDD 2018): a row's reward
depends on item, position and context only, so positions are weighted apart. Per position self-normalised inverse
propensity scoring (SNIPS; Swaminathan and Joachims, NeurIPS 2015)

    V_k = sum w r / sum w      influence of a row  w (r - V_k) / sum w      V = sum of V_k, actions per request

and, with a reward model q that was fitted without the row's user, the doubly robust estimate (Dudik, Langford, Li, ICML
2011)

    DR_k = mean of E_pi[q] + sum w (r - q) / sum w

Standard errors sum the influence per user. An estimate is refused, with the reasons, where the log cannot support it.
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

MOST_UNSUPPORTED = 0.01
LEAST_EFFECTIVE = 100.0
LARGEST_WEIGHT = 0.10
MEAN_ERRORS, MEAN_TOLERANCE = 3.0, 0.05

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of the log that both policies can be evaluated on.

    Attributes:
      user: [n] int64 codes; a row without a user has a code of its own.
      position: [n] int64, counted from 0.
      propensity: [n] float64 in (0, 1], that the logging policy shows this item at this position.
      target: [n] float64 in [0, 1], the same of the policy to be judged.
      reward: [n] float64.
      unsupported: [n] float64, the share of the target's mass at this position and request on items that the logging
        policy never shows there; None where the log does not say, then only the mean weight shows it.
    """

    user: Ints
    position: Ints
    propensity: Floats
    target: Floats
    reward: Floats
    unsupported: Floats | None = None

    @property
    def weight(self) -> Floats:
        """w of each row: [n] float64."""
        return self.target / self.propensity


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Actions per request under the judged policy.

    Attributes:
      value: V.
      error: its standard error.
      effective: the smallest effective sample size of any position, (sum w)^2 / sum w^2.
    """

    value: float
    error: float
    effective: float

    def bounds(self, deviations: float = 1.96) -> tuple[float, float]:
        """Returns the interval of `deviations` standard errors."""
        return self.value - deviations * self.error, self.value + deviations * self.error


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why no estimate is possible, in words."""

    reasons: tuple[str, ...]


def estimate_snips(rows: Rows) -> Estimate | Refusal:
    """Returns the value of the judged policy by SNIPS per position, or why it cannot be told. O(n log n)."""
    reasons = find_reasons(rows)
    return Refusal(reasons) if reasons else _estimate(rows, np.zeros(len(rows.reward)), np.zeros(len(rows.reward)))


def estimate_doubly_robust(rows: Rows, logged: Floats, expected: Floats) -> Estimate | Refusal:
    """Returns the doubly robust value, or why it cannot be told.

    Args:
      rows: of the log.
      logged: [n] float64, q of the item shown, from a model that did not learn from the row's user
        (`reward_model.cross_fit`).
      expected: [n] float64, E_pi[q] at the row's position and request.
    """
    reasons = find_reasons(rows)
    return Refusal(reasons) if reasons else _estimate(rows, logged, expected)


def find_reasons(rows: Rows) -> tuple[str, ...]:
    """Returns why the log cannot tell the value of the judged policy; () where it can."""
    if not len(rows.reward):
        return ("needs rows with an impression and its propensity, got none",)
    if float(rows.propensity.min()) <= 0:
        return (f"needs propensities above 0, got {float(rows.propensity.min()):g}",)
    reasons = [] if rows.unsupported is None else _check_support(float(rows.unsupported.mean()))
    for position in np.unique(rows.position).tolist():
        subset = rows.position == position
        reasons += [
            f"position {position + 1} {reason}" for reason in _check_weights(rows.weight[subset], rows.user[subset])
        ]
    return tuple(reasons)


def _check_support(share: float) -> list[str]:
    if share <= MOST_UNSUPPORTED:
        return []
    return [f"needs at most 1% of the policy on items that were never shown, got {100 * share:.1f}%"]


def _check_weights(weight: Floats, user: Ints) -> list[str]:
    """Returns what is wrong with the weights of one position."""
    total = float(weight.sum())
    if total <= 0:
        return ["shows no item that the policy would show"]
    reasons = []
    effective = _effective(weight)
    if effective < LEAST_EFFECTIVE:
        reasons.append(
            f"needs an effective sample of {LEAST_EFFECTIVE:.0f} rows, got {effective:.1f} of {len(weight):,}"
        )
    if float(weight.max()) > LARGEST_WEIGHT * total:
        reasons.append(f"needs each weight to be at most 10% of all, got {100 * float(weight.max()) / total:.0f}%")
    mean = total / len(weight)
    error = math.sqrt(_sum_squares(weight - mean, user)) / len(weight)
    if abs(mean - 1) > max(MEAN_ERRORS * error, MEAN_TOLERANCE):
        described = f"needs a mean weight of 1, got {mean:.2f} (standard error {error:.2f})"
        reasons.append(f"{described}: the propensities are not those of the log")
    return reasons


def _estimate(rows: Rows, logged: Floats, expected: Floats) -> Estimate:
    weight, value, effective = rows.weight, 0.0, math.inf
    influence = np.zeros(len(weight))
    for position in np.unique(rows.position).tolist():
        subset = np.flatnonzero(rows.position == position)
        total = float(weight[subset].sum())
        residual = rows.reward[subset] - logged[subset]
        shift, model = float(weight[subset] @ residual) / total, float(expected[subset].mean())
        value += model + shift
        influence[subset] = weight[subset] * (residual - shift) / total + (expected[subset] - model) / len(subset)
        effective = min(effective, _effective(weight[subset]))
    return Estimate(value, math.sqrt(_sum_squares(influence, rows.user)), effective)


def _effective(weight: Floats) -> float:
    return float(weight.sum()) ** 2 / float(weight @ weight)


def _sum_squares(values: Floats, user: Ints) -> float:
    """Returns the sum over users of the squared sum of each one's values."""
    _, code = np.unique(user, return_inverse=True)
    sums = np.bincount(code.ravel(), values)
    return float(sums @ sums)
