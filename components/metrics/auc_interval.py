"""The interval of an area under the ROC curve, from the area and the counts of both kinds of labels alone.

    Q1 = A / (2 - A),  Q2 = 2 A^2 / (1 + A)
    error^2 = (A (1 - A) + (p - 1)(Q1 - A^2) + (n - 1)(Q2 - A^2)) / (p n)

with p positive and n negative labels (Hanley & McNeil, Radiology 1982). Labels count as independent; those of one user
resemble each other, so the interval is a little too narrow.
"""

import math
import statistics

from components.metrics.bootstrap import Interval


def auc_interval(area: float, positives: float, negatives: float, level: float = 0.95) -> Interval:
    """Returns the interval of an area, cut to [0, 1].

    Args:
      area: A, in [0, 1].
      positives, negatives: p and n; with none of either the interval is [0, 1].
      level: of the interval.
    """
    if positives < 1 or negatives < 1:
        return Interval(area, 0.0, 1.0, level)
    square = area * area
    first, second = area / (2 - area) - square, 2 * square / (1 + area) - square
    variance = (area * (1 - area) + (positives - 1) * first + (negatives - 1) * second) / (positives * negatives)
    error = math.sqrt(max(variance, 0.0))
    reach = statistics.NormalDist().inv_cdf((1 + level) / 2) * error
    return Interval(area, max(area - reach, 0.0), min(area + reach, 1.0), level, error)
