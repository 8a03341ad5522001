"""The reading of an experiment: the relative gain of treatment over control, per ramp stage and combined.

    u  users      s  stages      a  arms (0 control, 1 treatment)

The unit is the user, because the requests of a user resemble each other. With R requests and C attributed actions per
user, an arm's metric is a ratio of sums, and its variance follows from the delta method (Deng, Knoblich, Lu: Applying
the Delta Method in Metric Analytics, KDD 2018):

    rho = sum C / sum R        psi_u = (C_u - rho R_u) / mean R        Var(rho) = var(psi) / n
    gain = ln rho_1 - ln rho_0        v = Var(rho_1) / rho_1^2 + Var(rho_0) / rho_0^2

CUPED (Deng, Xu, Kohavi, Walker, WSDM 2013) removes what was known before the experiment: rho_a - theta (mean x_a - mean
x), with one theta of both arms, theta = cov(psi, x) / var(x).

Stages are read apart and combined by 1 / v: the metric may change between them. A user of two stages counts in both, so
the variance of the combination sums what each user contributes over all stages, g = sum of w_s gain_s -> Var(g) = sum
over u of (sum over s of w_s l_us)^2, where l_us = psi_us / (rho n) is the user's influence on gain_s.
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class StageCounts:
    """The requests and actions of the users of one ramp stage.

    Attributes:
      user: [u] int64 codes, each once.
      arm: [u] int8, 0 control and 1 treatment.
      requests: [u] float64 of at least 0; a user with none tells nothing.
      actions: [u] float64, those attributed to these requests.
      before: [u] float64, the covariate x of CUPED (0 for new users); None for a reading without.
    """

    user: Ints
    arm: npt.NDArray[np.int8]
    requests: Floats
    actions: Floats
    before: Floats | None = None


@dataclasses.dataclass(frozen=True)
class Ratio:
    """One arm's metric.

    Attributes:
      value: rho, adjusted by CUPED where there is a covariate.
      users: n.
      psi: [n] float64, each user's deviation; its mean is 0.
    """

    value: float
    users: int
    psi: Floats

    @property
    def variance(self) -> float:
        """Var(rho), unbiased over users."""
        return float(self.psi @ self.psi) / (self.users - 1) / self.users


@dataclasses.dataclass(frozen=True)
class Gain:
    """A log ratio of the two arms with its variance.

    Attributes:
      log_gain: ln rho_1 - ln rho_0; 0.03 is about +3%.
      variance: of `log_gain`.
    """

    log_gain: float
    variance: float

    @property
    def error(self) -> float:
        """The standard error of `log_gain`."""
        return math.sqrt(self.variance)

    @property
    def z(self) -> float:
        """How many standard errors lie between the gain and none."""
        return self.log_gain / self.error

    def bounds(self, deviations: float) -> tuple[float, float]:
        """Returns the relative gain `deviations` standard errors below and above; (-1, inf) where they are infinite."""
        spread = deviations * self.error
        return _relative(self.log_gain - spread), _relative(self.log_gain + spread)

    @property
    def relative(self) -> float:
        """rho_1 / rho_0 - 1."""
        return _relative(self.log_gain)


@dataclasses.dataclass(frozen=True)
class StageReading:
    """The reading of one stage, with each user's influence on it."""

    gain: Gain
    user: Ints
    influence: Floats
    rates: tuple[float, float]
    users: tuple[int, int]


def _relative(log_gain: float) -> float:
    return math.inf if log_gain > 700 else math.expm1(log_gain)


def measure_ratio(requests: Floats, actions: Floats) -> Ratio:
    """Returns an arm's metric and each user's deviation.

    Args:
      requests, actions: [n] float64, R and C of the arm's users.

    Raises:
      ValueError: without a request.
    """
    total = float(requests.sum())
    if total <= 0:
        raise ValueError(f"an arm needs at least one request, got {total:g} of {len(requests)} users.")
    rho = float(actions.sum()) / total
    return Ratio(rho, len(requests), (actions - rho * requests) * (len(requests) / total))


def estimate_theta(requests: Floats, actions: Floats, before: Floats) -> float:
    """Returns the CUPED coefficient of both arms together: cov(psi, x) / var(x), 0 where x does not vary."""
    centred = before - before.mean()
    spread = float(centred @ centred)
    return float(measure_ratio(requests, actions).psi @ centred) / spread if spread > 0 else 0.0


def adjust_ratio(ratio: Ratio, before: Floats, centre: float, theta: float) -> Ratio:
    """Returns an arm's metric less what the covariate explains.

    Args:
      ratio: of the arm.
      before: [n] float64, the covariate of the arm's users.
      centre: the covariate's mean over both arms.
      theta: of `estimate_theta`.
    """
    mean = float(before.mean())
    return Ratio(ratio.value - theta * (mean - centre), ratio.users, ratio.psi - theta * (before - mean))


def read_stage(counts: StageCounts) -> StageReading | None:
    """Returns the gain of one stage; None without two users in each arm, or without an action."""
    with_requests = counts.requests > 0
    rows = [np.flatnonzero(with_requests & (counts.arm == arm)) for arm in (0, 1)]
    if min(map(len, rows)) < 2:
        return None
    ratios = _measure_arms(counts, rows)
    scaled = _scale(ratios, [float(counts.requests[row].sum()) for row in rows])
    if scaled is None:
        return None
    logs, influences = scaled
    variance = sum(float(part @ part) * len(part) / (len(part) - 1) for part in influences)
    gain = Gain(logs[1] - logs[0], variance)
    users = np.concatenate([counts.user[row] for row in rows])
    influence = np.concatenate([-influences[0], influences[1]])
    return StageReading(gain, users, influence, (ratios[0].value, ratios[1].value), (len(rows[0]), len(rows[1])))


def _measure_arms(counts: StageCounts, rows: list[Ints]) -> list[Ratio]:
    """Returns both arms' metrics, adjusted where there is a covariate and the adjusted ones are still above 0."""
    ratios = [measure_ratio(counts.requests[row], counts.actions[row]) for row in rows]
    if counts.before is None or min(ratio.value for ratio in ratios) <= 0:
        return ratios
    pooled = np.concatenate(rows)
    theta = estimate_theta(counts.requests[pooled], counts.actions[pooled], counts.before[pooled])
    centre = float(counts.before[pooled].mean())
    adjusted = [adjust_ratio(ratio, counts.before[row], centre, theta) for ratio, row in zip(ratios, rows, strict=True)]
    return adjusted if min(ratio.value for ratio in adjusted) > 0 else ratios


def _scale(ratios: list[Ratio], totals: list[float]) -> tuple[list[float], list[Floats]] | None:
    """Returns each arm's ln rho and [n] influences on it; None where neither arm has an action.

    An arm without an action gets half a one (Haldane, Annals of Human Genetics 1956), and the variance that makes z
    that of the difference where both arms vary like the other one: a model that nobody clicks on must not go unseen.
    """
    logs, influences = [], []
    for ratio, total, other in zip(ratios, totals, ratios[::-1], strict=True):
        if ratio.value > 0:
            logs.append(math.log(ratio.value))
            influences.append(ratio.psi / (ratio.value * ratio.users))
        elif other.value > 0:
            logs.append(math.log(0.5 / total))
            gap, noise = logs[-1] - math.log(other.value), other.variance / other.value**2
            size = math.sqrt(max(2 * gap**2 - 1, 1.0) * noise * (ratio.users - 1)) / ratio.users
            influences.append(np.where(np.arange(ratio.users) % 2, size, -size))
        else:
            return None
    return logs, influences


def combine_stages(readings: list[StageReading]) -> Gain | None:
    """Returns the gain over all stages, each weighted by 1 / v; None without a stage that says something.

    Exact in that a user of several stages is one draw; O(users log users).
    """
    usable = [reading for reading in readings if reading.gain.variance > 0]
    if not usable:
        return None
    weights = np.array([1 / reading.gain.variance for reading in usable])
    weights /= weights.sum()
    log_gain = float(sum(weight * reading.gain.log_gain for weight, reading in zip(weights, usable, strict=True)))
    if len(usable) == 1:
        return usable[0].gain
    users, code = np.unique(np.concatenate([reading.user for reading in usable]), return_inverse=True)
    parts = np.concatenate([weight * reading.influence for weight, reading in zip(weights, usable, strict=True)])
    influence = np.bincount(code.ravel(), parts, minlength=len(users))
    return Gain(log_gain, float(influence @ influence) * len(users) / (len(users) - 1))


def covariate(requests: Floats, actions: Floats) -> Floats:
    """Returns CUPED's x of each user: C - rho R of the time before, and 0 for who was not there: [u] float64.

    Args:
      requests, actions: [u] float64 of the 28 days before the experiment; 0 for new users.
    """
    total = float(requests.sum())
    return actions - (float(actions.sum()) / total if total > 0 else 0.0) * requests
