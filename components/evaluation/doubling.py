"""Predicts what twice the users would bring, from a model trained on a quarter, on half and on all of them.

    q  queries      u  users that ask      r  resamples

With every doubling, the distance h of the metric from the origin rises by the same amount: a line through the three
values over the logarithm of the users, whose slope is half the difference of the outer two. A metric that cannot exceed
1 has h(y) = -ln(1 - y), so that every doubling removes the same share of what is still missed, and no prediction exceeds
1; for small values that is y itself. Any other metric has h(y) = y. On seven logs with a known doubling h(y) = y was
closer than a power law and than the last doubling alone; where recall is above .5 it promises too much.

A learning curve says little beyond its last point (Viering and Loog, "The Shape of Learning Curves", TPAMI 2023), so
nothing is said beyond one doubling, the range is never below half of the prediction, and the difference of the last two
doublings widens it.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from components.metrics import bootstrap
from components.metrics.bootstrap import Interval

LEAST_QUERIES = 500
LEVEL, DEVIATIONS = 0.95, 1.96

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a doubling of the users would bring.

    Attributes:
      gain: the relative gain; None where it cannot be told.
      refusal: why not; "" if it can.
    """

    gain: Interval | None
    refusal: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {"gain": None if self.gain is None else self.gain.to_dict(), "refusal": self.refusal}


def predict(curve: Floats, users: Ints, seed: int) -> Prediction:
    """Predicts the relative gain of the next doubling, with its range.

    gain = y3 / y2 - 1, with h(y3) = h(y2) + (h(y2) - h(y0)) / 2, for the values y0, y1, y2; the range is the larger of
    half the gain and sqrt((1.96 standard error)^2 + (last doubling's gain - the gain of the one before)^2), and ends
    where the metric does.

    Args:
      curve: [q, 3] float64, what each query gains by the model of a quarter, half and all of the users.
      users: [q] int codes of the users that ask.
      seed: of the resamples.
    """
    if refusal := _find_refusal(curve, users, seed):
        return Prediction(None, refusal)
    values, limit = curve.mean(axis=0), 1.0 if curve.max() <= 1 else math.inf
    drawn = bootstrap.resample_sums(np.column_stack([curve, np.ones(len(curve))]), users, seed)
    error = float(np.std(_extrapolate(drawn[:, :3] / drawn[:, 3:], limit)))
    gain = float(_extrapolate(values, limit))
    before, last = (values[1:] / values[:-1]).tolist()
    width = max(math.hypot(DEVIATIONS * error, last - before), abs(gain) / 2)
    high = min(gain + width, limit / float(values[2]) - 1)
    return Prediction(Interval(gain, gain - width, high, LEVEL, width / DEVIATIONS))


def _find_refusal(curve: Floats, users: Ints, seed: int) -> str:
    """Returns why nothing can be predicted; "" if it can."""
    if len(curve) < LEAST_QUERIES:
        return f"{len(curve):,} queries, {LEAST_QUERIES} are needed"
    if not curve.any(axis=0).all():
        return "the model of a part of the users hits nothing"
    last = bootstrap.relative_gain(curve[:, 2], curve[:, 1], users, seed)
    return "the last doubling of the users brought no significant gain" if last.low <= 0 else ""


def _extrapolate(values: Floats, limit: float) -> Floats:
    """Returns the relative gain of the next doubling: [..., 3] values of a metric up to `limit` to [...]."""
    quarter, whole = values[..., 0], values[..., 2]
    if math.isinf(limit):
        return (whole - quarter) / 2 / whole
    missed, before = limit - whole, limit - quarter
    share = np.sqrt(np.divide(missed, before, out=np.zeros_like(missed), where=before > 0))
    return (limit - missed * share) / whole - 1
