"""Figures of the verdict in words: gains with their intervals, and how many more events would show one.

How many more events a gain takes follows from its standard error, which falls with 1 / sqrt(queries):

    queries in all = queries now x ((z_level + z_power) x standard error / effect)^2

with z_level = 1.96 for intervals of 95% and z_power = 0.84: if the effect is real, that many events show it in four of
five cases (the sample size of a z-test; Cohen, Statistical Power Analysis, 1988). It assumes that new users keep
arriving at the current rate.
"""

import math
import statistics

from components.metrics.bootstrap import Interval

POWER = 0.8
MOST = 1e9


def more_queries_needed(gain: Interval, effect: float, queries: int) -> int | None:
    """Returns about how many more queries show an effect, by the formula of the module.

    Returns:
      At least 0, rounded up to two digits; None if the effect is not above 0, the standard error is not known, or it
      takes more than 1e9.
    """
    if effect <= 0 or not math.isfinite(effect) or not math.isfinite(gain.error):
        return None
    normal = statistics.NormalDist()
    deviations = normal.inv_cdf((1 + gain.level) / 2) + normal.inv_cdf(POWER)
    total = queries * (deviations * gain.error / effect) ** 2
    if total > MOST:
        return None
    missing = max(math.ceil(total) - queries, 0)
    unit = int(10 ** max(len(str(missing)) - 2, 0))
    return math.ceil(missing / unit) * unit


def percent(share: float) -> str:
    """Returns a relative change as people read it: 0.31 -> "+31%", 0.031 -> "+3.1%", infinite -> "unbounded"."""
    if not math.isfinite(share):
        return "unbounded"
    return f"{100 * share:+.{1 if abs(share) < 0.0995 else 0}f}%"


def describe_gain(gain: Interval) -> str:
    """Returns a gain with its interval: "+31% (95% CI +18% to +45%)"; over one that has nothing, "up from 0"."""
    if gain.point == math.inf:
        return "up from 0"
    if math.isinf(gain.low) and math.isinf(gain.high) and gain.low < gain.high:
        return f"{percent(gain.point)} (too little data for an interval)"
    return f"{percent(gain.point)} ({100 * gain.level:g}% CI {percent(gain.low)} to {percent(gain.high)})"


def compare_gain(gain: Interval, margin: float) -> str:
    """Returns how a gain compares with a margin: "significantly above the margin of +5.0%", "not significant"."""
    bar = "zero" if margin == 0 else f"the margin of {percent(margin)}"
    if gain.low > margin:
        return "significant" if margin == 0 else f"significantly above {bar}"
    if gain.high < 0:
        return "significantly worse"
    if gain.high < margin:
        return f"significantly below {bar}"
    return "not significant" if margin == 0 else f"not significantly above {bar}"
