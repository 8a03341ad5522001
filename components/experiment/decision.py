"""A run's decision about a running experiment: the first that applies.

    void   do not read it: the arms are not comparable, or the experiment's record does not fit the log
    harm   a guard or the objective is significantly worse: the control serves everybody
    won    the objective is significantly better, the last stage lasted seven days, no guard is broken: the model serves
    ended  the days are over and nothing is significant: the control stays
    ramp   the stage lasted a day and has enough users per arm, no guard is broken: more users are enrolled
    wait   none of these

Significant is what crosses the boundary of this look (`components.experiment.looks`).
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

from components.experiment.reading import Gain
from components.experiment.sample_ratio import SampleRatio

Kind = Literal["void", "harm", "won", "ended", "ramp", "wait"]
LAST_STAGE_DAYS = 7.0
STAGE_DAYS = 1.0
SERVED_AS_ASSIGNED = 0.99


@dataclasses.dataclass(frozen=True)
class Metric:
    """The reading of one objective at one look.

    Attributes:
      name: of the objective.
      gain: of the treatment over the control; None while there is nothing to read.
      boundary: |z| beyond which the difference is significant, two-sided; infinite before the first look.
      harm_boundary: z < -harm_boundary is harm, one-sided.
    """

    name: str
    gain: Gain | None
    boundary: float = math.inf
    harm_boundary: float = math.inf

    @property
    def earliest(self) -> float:
        """How many standard errors the first of both boundaries is away: that of harm, in the first days."""
        return min(self.boundary, self.harm_boundary)

    @property
    def deviations(self) -> float:
        """How many standard errors the range spans to each side: up to the boundary that decides."""
        return self.earliest if self.is_worse else self.boundary

    @property
    def better(self) -> bool:
        """Whether the treatment is significantly better."""
        return self.gain is not None and self.gain.z > self.boundary

    @property
    def is_worse(self) -> bool:
        """Whether the treatment is significantly worse."""
        return self.gain is not None and self.gain.z < -self.earliest


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of an experiment.

    Attributes:
      stage, stages: the current ramp stage, counted from 0, and how many there are.
      day, days: days since the start, and how many were planned.
      stage_day: days since the stage began.
      users: (control, treatment), of the current stage.
      min_users: per arm, without which nothing is read and no stage ends.
    """

    stage: int
    stages: int
    day: float
    days: float
    stage_day: float
    users: tuple[int, int]
    min_users: int

    @property
    def is_last_stage(self) -> bool:
        """Whether no stage follows."""
        return self.stage == self.stages - 1

    @property
    def has_users(self) -> bool:
        """Whether both arms of the stage have enough users."""
        return min(self.users) >= self.min_users


@dataclasses.dataclass(frozen=True)
class Decision:
    """A decision and its cause.

    Attributes:
      kind: one of six.
      cause: for `void` the reasons in words, for `harm` the names of the objectives that are worse; () otherwise.
      days_left: for `wait`, about how many days are left; None where that depends on users to come.
    """

    kind: Kind
    cause: tuple[str, ...] = ()
    days_left: int | None = None


def decide(
    progress: Progress,
    objective: Metric,
    guards: Sequence[Metric],
    ratios: Sequence[SampleRatio],
    problems: Sequence[str] = (),
) -> Decision:
    """Returns the first decision that applies.

    Args:
      progress: how far the experiment is.
      objective: the metric that decides.
      guards: the metrics that must not get worse.
      ratios: [stages] users per arm.
      problems: why the record does not fit the log, in words; () where it does.
    """
    mismatches = tuple(f"stage {index + 1}: {_describe(ratio)}" for index, ratio in enumerate(ratios) if ratio.mismatch)
    if problems or mismatches:
        return Decision("void", (*problems, *mismatches))
    if worse := tuple(metric.name for metric in (objective, *guards) if metric.is_worse):
        return Decision("harm", worse)
    if objective.better and progress.is_last_stage and progress.stage_day >= LAST_STAGE_DAYS:
        return Decision("won")
    if progress.day >= progress.days and not objective.better:
        return Decision("ended")
    if not progress.is_last_stage and progress.stage_day >= STAGE_DAYS and progress.has_users:
        return Decision("ramp")
    return Decision("wait", days_left=estimate_days_left(progress, objective.better))


def estimate_days_left(progress: Progress, better: bool) -> int | None:
    """Returns about how many days are left, at least 1; None while a stage waits for its users.

    A difference that is significant already waits only for the seven days of the last stage.
    """
    if not progress.is_last_stage and progress.stage_day >= STAGE_DAYS and not progress.has_users:
        return None
    days_left = progress.days - progress.day
    if better and progress.is_last_stage:
        days_left = LAST_STAGE_DAYS - progress.stage_day
    return max(math.ceil(days_left), 1)


def _describe(ratio: SampleRatio) -> str:
    return f"{ratio.control:,} users in control and {ratio.treatment:,} in treatment, p = {ratio.p:.1g}"
