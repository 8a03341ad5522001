"""Group sequential boundaries: when a difference is significant although a run looks at it every day.

A run a day is a look a day, and the usual 95% interval raises far more than 5% false alarms over many looks. Here the
error is spent over the looks (Lan and DeMets, Biometrika 1983). With t the share of the planned information,

    O'Brien-Fleming type, two-sided   alpha(t) = 4 (1 - Phi(z_{alpha/4} / sqrt t))   wins and losses of the objective
    Pocock type, one-sided            alpha(t) = alpha ln(1 + (e - 1) t)             guards: harm is seen early

and the boundary of a look is what spends alpha(t_k) - alpha(t_{k-1}), given that no earlier boundary was crossed. That
probability follows from the recursion of Armitage, McPherson and Rowe (JRSS A 1969): the density of the score S_k = z_k
sqrt(I_k), whose increments are independent and normal with variance I_k - I_{k-1}, is carried from look to look over
the region in which the experiment went on.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from components.registry.experiment_state import Look

ALPHA, GUARD_ALPHA = 0.05, 0.025
_NODES, _FAR = 161, 9.0
_SMALLEST = 1e-12
_QUADRATURE = np.polynomial.legendre.leggauss(_NODES)

Floats = npt.NDArray[np.float64]


def spend_like_obrien_fleming(share: float, alpha: float = ALPHA) -> float:
    """Returns the two-sided error spent up to a share of the information, in [0, alpha]."""
    if share <= 0:
        return 0.0
    return float(4 * special.ndtr(special.ndtri(alpha / 4) / math.sqrt(min(share, 1.0))))


def spend_like_pocock(share: float, alpha: float = GUARD_ALPHA) -> float:
    """Returns the one-sided error spent up to a share of the information, in [0, alpha]."""
    return alpha * math.log1p((math.e - 1) * min(max(share, 0.0), 1.0))


def share_of_plan(planned_variance: float, variance: float, day: float, days: float) -> float:
    """Returns t of a look: v_plan / v, but 1 only on the last planned day, when the rest is spent.

    More users than planned cannot end the spending early: t is at most the share of the days that are over (Lan and
    DeMets, 1989: calendar time).

    Args:
      planned_variance: of the gain, at the end of the plan.
      variance: of the gain, now; above 0.
      day: how many days are over.
      days: how many were planned.
    """
    if day >= days:
        return 1.0
    return max(min(planned_variance / variance, day / days), 0.0)


def add_look(looks: Sequence[Look], look: Look) -> tuple[Look, ...]:
    """Returns the looks with a new one; a look that brings no information over the last one is that one again."""
    if looks and (look.information <= looks[-1].information * (1 + 1e-9) or look.share < looks[-1].share):
        return tuple(looks)
    return (*looks, look)


def two_sided_boundaries(looks: Sequence[Look], alpha: float = ALPHA) -> list[float]:
    """Returns the z that |z| has to exceed at each look; infinite where nothing may be spent yet."""
    spent = [spend_like_obrien_fleming(look.share, alpha) for look in looks]
    return _boundaries([look.information for look in looks], spent, two_sided=True)


def harm_boundaries(looks: Sequence[Look], alpha: float = GUARD_ALPHA) -> list[float]:
    """Returns the b at each look such that z < -b means harm; infinite where nothing may be spent yet."""
    spent = [spend_like_pocock(look.share, alpha) for look in looks]
    return _boundaries([look.information for look in looks], spent, two_sided=False)


def _boundaries(information: Sequence[float], spent: Sequence[float], two_sided: bool) -> list[float]:
    """Returns the boundary of each look.

    Args:
      information: [k] rising, 1 / v of each look.
      spent: [k] not falling, the error spent up to each look.
      two_sided: whether the error is that of |z| > b or of z > b.
    """
    bounds: list[float] = []
    nodes, density = np.zeros(1), np.ones(1)
    before, last = 0.0, 0.0
    for now, total in zip(information, spent, strict=True):
        step = math.sqrt(now - before)
        bound = _solve(nodes, density, step, math.sqrt(now), total - last, two_sided)
        bounds.append(bound)
        edge = min(bound, _FAR) * math.sqrt(now)
        nodes, density = _carry(nodes, density, step, (-edge if two_sided else -_FAR * math.sqrt(now), edge))
        before, last = now, total
    return bounds


def _solve(nodes: Floats, density: Floats, step: float, scale: float, error: float, two_sided: bool) -> float:
    """Returns b such that the carried density crosses it with probability `error`."""
    if error < _SMALLEST:
        return math.inf

    def excess(bound: float) -> float:
        crossing = special.ndtr((nodes - bound * scale) / step)
        if two_sided:
            crossing = crossing + special.ndtr((-bound * scale - nodes) / step)
        return float(density @ crossing) - error

    return float(optimize.brentq(excess, -_FAR if not two_sided else 0.0, _FAR, xtol=1e-10))


def _carry(nodes: Floats, density: Floats, step: float, region: tuple[float, float]) -> tuple[Floats, Floats]:
    """Returns the next look's nodes and weighted density over the region in which the experiment continues.

    Gauss-Legendre. The region is cut to where density can be, so that a first look with little information does not
    make later ones coarse.
    """
    reach = _FAR * step
    low, high = max(region[0], float(nodes.min()) - reach), min(region[1], float(nodes.max()) + reach)
    points, weights = _QUADRATURE
    places = (high + low) / 2 + (high - low) / 2 * points
    moved = np.exp(-(((places[:, None] - nodes[None, :]) / step) ** 2) / 2) @ density / (step * math.sqrt(2 * math.pi))
    return places, moved * weights * (high - low) / 2
