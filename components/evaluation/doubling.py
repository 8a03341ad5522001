"""Predicts what twice the users would bring, from a model trained on a quarter, on half and on all of them.

    q  queries      u  users that ask      r  resamples

The metric is taken to rise by the same amount with every doubling: a line through the three values over the logarithm
of the users, whose slope is half the difference of the outer two. On seven logs with a known doubling this was closer
than a power law and than the last doubling alone. A learning curve says little beyond its last point (Viering and Loog,
"The Shape of Learning Curves", TPAMI 2023), so nothing is said beyond one doubling, the range is never below half of
the prediction, and the difference of the last two doublings widens it.
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

    gain = (y2 - y0) / 2 / y2 for the values y0, y1, y2; the range is the larger of half the gain and
    sqrt((1.96 standard error)^2 + (last doubling's gain - the gain of the one before)^2).

    Args:
      curve: [q, 3] float64, what each query gains by the model of a quarter, half and all of the users.
      users: [q] int codes of the users that ask.
      seed: of the resamples.
    """
    if len(curve) < LEAST_QUERIES:
        return Prediction(None, f"{len(curve):,} queries, {LEAST_QUERIES} are needed")
    quarter, half, whole = curve.sum(axis=0)
    if not quarter * half * whole:
        return Prediction(None, "the model of a part of the users hits nothing")
    last = bootstrap.relative_gain(curve[:, 2], curve[:, 1], users, seed)
    if last.low <= 0:
        return Prediction(None, "the last doubling of the users brought no significant gain")
    drawn = bootstrap.resample_sums(curve, users, seed)
    error = float(np.std((drawn[:, 2] - drawn[:, 0]) / 2 / drawn[:, 2]))
    gain = float((whole - quarter) / 2 / whole)
    bend = (whole / half - 1) - (half / quarter - 1)
    width = max(math.hypot(DEVIATIONS * error, bend), abs(gain) / 2)
    return Prediction(Interval(gain, gain - width, gain + width, LEVEL, width / DEVIATIONS))
