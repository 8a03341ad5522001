"""How long an experiment takes: the smallest gain that d days of traffic would show.

    d  days, newest first      n  users with a request in these days      V  var(psi) over these users (see `reading`)

    v(d)   = (V / n_1 + V / n_0) / rho^2         variance of the log gain, with n_1 = n_0 = share n / 2
    MDE(d) = exp(2.8 sqrt(v(d))) - 1             2.8 = z_.975 + z_.80: seen in 80% of such experiments, two-sided 5%

No model of arrivals: the users of d days are those that the log's newest d days hold.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.experiment.reading import measure_ratio

LONGEST = 28
DEVIATIONS = 2.8

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class PlanRow:
    """The gain that an experiment of a number of days would detect.

    Attributes:
      days: d.
      users: enrolled users of these days, both arms.
      variance: v(d) of the log gain; infinite where there is nothing to measure.
    """

    days: int
    users: int
    variance: float

    @property
    def smallest_gain(self) -> float:
        """MDE(d), the smallest relative gain that would be seen: 0.03 is +3%."""
        return math.expm1(min(DEVIATIONS * math.sqrt(self.variance), 700.0))


def build_plan(
    user: Ints, age: Ints, requests: Floats, actions: Floats, share: float = 1.0, longest: int = LONGEST
) -> list[PlanRow]:
    """Returns a row per number of days, 1 to `longest` or as many as the log has.

    Args:
      user: [r] int64 codes; a row is what a user did on a day.
      age: [r] int64, how many days before the newest one; 0 is the newest.
      requests, actions: [r] float64.
      share: of the users that are enrolled, in (0, 1].
      longest: the most days.

    Cost: O(days users).
    """
    if not len(user):
        return []
    days = min(longest, int(age.max()) + 1)
    _, code = np.unique(user, return_inverse=True)
    count = int(code.max()) + 1
    sums = np.zeros((2, count))
    rows = []
    for day in range(days):
        of_day = age == day
        sums[0] += np.bincount(code[of_day], requests[of_day], minlength=count)
        sums[1] += np.bincount(code[of_day], actions[of_day], minlength=count)
        rows.append(_plan_row(day + 1, sums[0], sums[1], share))
    return rows


def _plan_row(days: int, requests: Floats, actions: Floats, share: float) -> PlanRow:
    with_requests = requests > 0
    users = int(np.count_nonzero(with_requests))
    if users < 2 or actions[with_requests].sum() <= 0:
        return PlanRow(days, math.floor(users * share), math.inf)
    ratio = measure_ratio(requests[with_requests], actions[with_requests])
    return PlanRow(days, math.floor(users * share), 4 * ratio.variance / share / ratio.value**2)


def count_days(rows: Sequence[PlanRow], effect: float) -> int | None:
    """Returns the fewest days that would show a relative gain of `effect`; None if more than the plan holds."""
    return next((row.days for row in rows if row.smallest_gain <= effect), None)


def project_variance(rows: Sequence[PlanRow], days: int) -> float:
    """Returns the variance of the gain expected after `days` days; infinite without a row.

    Beyond the log's own days it falls like 1 / days, as if new users came at the rate of the log: only the timing of
    the looks depends on it.
    """
    if not rows:
        return math.inf
    row = rows[min(days, len(rows)) - 1]
    return row.variance * row.days / max(days, row.days)
