"""The outcome of one run: measurements and decision, from the traffic and the experiment's state.

    r  requests      u  users

Each request belongs to the ramp stage in which it was made, its user's arm follows from the id, and whether its user
was enrolled from the share of that stage. Nothing here knows what was really served, but for the share that was served
as assigned.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.declaration.experiment import Experiment
from components.experiment import assignment, looks, reading, sample_ratio
from components.experiment.decision import Decision, Metric, Progress, decide
from components.experiment.reading import Gain, StageCounts, StageReading
from components.experiment.sample_ratio import SampleRatio
from components.registry.experiment_state import Look, State

DAY = 86_400
BEFORE_DAYS = 28

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Traffic:
    """The requests of the log, from 28 days before the experiment on.

    Attributes:
      users: [u] ids; "" for requests without a user.
      user: [r] int64 positions in `users`.
      time: [r] int64 seconds since the epoch.
      actions: objective to [r] float64, how many actions are attributed to the request.
      version: [r] int64, the version that answered, -1 where the log does not say.
    """

    users: Sequence[str]
    user: Ints
    time: Ints
    actions: Mapping[str, Floats]
    version: Ints


@dataclasses.dataclass(frozen=True)
class Enrolled:
    """Each request's arm and day in the experiment.

    Attributes:
      stage: [r] int64; -1 before the experiment.
      arm: [u] int8, which arm each user belongs to once enrolled.
      member: [r] bool, made during the experiment by a user that its stage enrols.
    """

    stage: Ints
    arm: npt.NDArray[np.int8]
    member: npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The measurements and the decision of one run.

    Attributes:
      decision, progress: see `decision`.
      objective, guards: what was measured.
      ratios: [stages so far] users per arm.
      stages: per stage so far the objective's gain; None where a stage has too few users.
      served: the share of the enrolled users' requests that were served as assigned; None where the log does not say.
      looks: all looks so far, with this one.
    """

    decision: Decision
    progress: Progress
    objective: Metric
    guards: tuple[Metric, ...]
    ratios: tuple[SampleRatio, ...]
    stages: tuple[StageReading | None, ...]
    served: float | None
    looks: tuple[Look, ...]


def assess(
    traffic: Traffic, state: State, declared: Experiment, problems: Sequence[str] = (), cuped: bool = True
) -> Outcome:
    """Returns the outcome of a run.

    Args:
      traffic: what the log holds.
      state: of the experiment.
      declared: its declaration.
      problems: why the record does not fit what is served, in words.
      cuped: whether users were assigned by id, so that the time before may explain them.
    """
    place = enrol(traffic, state)
    ratios = _count_users(traffic, state, place)
    progress = _measure_progress(traffic, state, declared, place)
    names = (declared.objective, *declared.guards)
    stages = {name: _read_stages(traffic, state, place, name, declared.min_users, cuped) for name in names}
    gains = {name: reading.combine_stages([stage for stage in readings if stage]) for name, readings in stages.items()}
    looks = _take_look(state, gains[declared.objective], progress)
    objective, *guards = (_judge(name, gain, looks) for name, gain in gains.items())
    decision = decide(progress, objective, guards, ratios, problems)
    kept = state.looks if decision.kind == "void" else looks
    served, read = share_served(traffic, state, place), tuple(stages[declared.objective])
    return Outcome(decision, progress, objective, tuple(guards), ratios, read, served, kept)


def enrol(traffic: Traffic, state: State) -> Enrolled:
    """Returns each request's stage and membership, and each user's arm."""
    stage = np.searchsorted(np.asarray(state.began), traffic.time, side="right").astype(np.int64) - 1
    arm = assignment.split_users(state.id, traffic.users)
    drawn = assignment.hash_users(f"{state.id}/{assignment.ENROLMENT}", traffic.users)
    share = np.asarray(state.ramp)[np.maximum(stage, 0)]
    member = (stage >= 0) & (drawn[traffic.user] < share) & (arm[traffic.user] >= 0)
    return Enrolled(stage, arm, member)


def share_served(traffic: Traffic, state: State, place: Enrolled) -> float | None:
    """Returns the share of enrolled users' requests that their own arm answered; None where the log does not say."""
    counted = place.member & (traffic.version >= 0)
    if not counted.any():
        return None
    expected = np.where(place.arm[traffic.user] == assignment.TREATMENT, state.treatment, state.control)
    return float(np.mean(expected[counted] == traffic.version[counted]))


def _count_users(traffic: Traffic, state: State, place: Enrolled) -> tuple[SampleRatio, ...]:
    """Returns, per stage so far, the users that the log first holds in it."""
    first = np.full(len(traffic.users), len(state.began), np.int64)
    np.minimum.at(first, traffic.user[place.member], place.stage[place.member])
    enrolled = first < len(state.began)
    return tuple(sample_ratio.check_stages(first[enrolled], place.arm[enrolled], len(state.began)))


def _measure_progress(traffic: Traffic, state: State, declared: Experiment, place: Enrolled) -> Progress:
    """Returns how far the experiment is by the log's newest request."""
    now = int(traffic.time.max(initial=state.began[0]))
    current = place.member & (place.stage == state.stage)
    arms = place.arm[np.unique(traffic.user[current])]
    users = (int(np.count_nonzero(arms == 0)), int(np.count_nonzero(arms == 1)))
    day, stage_day = (_count_days(began, now) for began in (state.began[0], state.began[-1]))
    return Progress(state.stage, len(state.ramp), day, state.days, stage_day, users, declared.min_users)


def _count_days(began: int, now: int) -> float:
    """Returns the days between two moments, to a tenth: a daily run reads up to some minutes before the full day."""
    return round(max(now - began, 0) / DAY, 1)


def _read_stages(
    traffic: Traffic, state: State, place: Enrolled, name: str, min_users: int, cuped: bool
) -> list[StageReading | None]:
    """Returns the reading of each stage so far; None where an arm has fewer than `min_users`."""
    before = _sum_before(traffic, state, place, name) if cuped else None
    readings = []
    for stage in range(len(state.began)):
        rows = place.member & (place.stage == stage)
        requests = _count_requests(traffic, rows)
        actions = _sum_actions(traffic, rows, name)
        users = np.flatnonzero(requests)
        arm = place.arm[users]
        x = None if before is None else before[users]
        enough = len(users) and min(np.bincount(arm, minlength=2)) >= min_users
        counts = StageCounts(users, arm, requests[users], actions[users], x)
        readings.append(reading.read_stage(counts) if enough else None)
    return readings


def _sum_before(traffic: Traffic, state: State, place: Enrolled, name: str) -> Floats:
    """Returns CUPED's covariate of each user: [u] float64."""
    rows = (place.stage < 0) & (traffic.time >= state.began[0] - BEFORE_DAYS * DAY)
    requests = _count_requests(traffic, rows)
    return reading.covariate(requests, _sum_actions(traffic, rows, name))


def _count_requests(traffic: Traffic, rows: npt.NDArray[np.bool_]) -> Floats:
    return np.bincount(traffic.user[rows], minlength=len(traffic.users)).astype(np.float64)


def _sum_actions(traffic: Traffic, rows: npt.NDArray[np.bool_], name: str) -> Floats:
    return np.bincount(traffic.user[rows], traffic.actions[name][rows], minlength=len(traffic.users)).astype(np.float64)


def _take_look(state: State, gain: Gain | None, progress: Progress) -> tuple[Look, ...]:
    if gain is None:
        return state.looks
    share = looks.share_of_plan(state.planned_variance, gain.variance, progress.day, progress.days)
    return looks.add_look(state.looks, Look(1 / gain.variance, share))


def _judge(name: str, gain: Gain | None, taken: Sequence[Look]) -> Metric:
    """Returns a metric with the boundaries of the last look; a guard's looks are those of the objective."""
    if gain is None or not taken:
        return Metric(name, gain)
    return Metric(name, gain, looks.two_sided_boundaries(taken)[-1], looks.harm_boundaries(taken)[-1])


def read_holdout(traffic: Traffic, state: State, name: str) -> Gain | None:
    """Returns what the model is worth now, against the users that kept the rules; None where that cannot be read.

    Args:
      traffic: its newest 28 days are read, from the win on: before it, both arms served those who are held out now.
      state: after a win.
      name: of the objective.
    """
    held = assignment.hold_out_users(state.launch, state.holdout, traffic.users)
    newest = int(traffic.time.max(initial=0))
    named = np.fromiter((bool(user) for user in traffic.users), bool, len(traffic.users))
    rows = named[traffic.user] & (traffic.time > newest - BEFORE_DAYS * DAY) & (traffic.time >= state.began[-1])
    requests = _count_requests(traffic, rows)
    users = np.flatnonzero(requests)
    arm = np.where(held[users], assignment.CONTROL, assignment.TREATMENT).astype(np.int8)
    read = reading.read_stage(StageCounts(users, arm, requests[users], _sum_actions(traffic, rows, name)[users]))
    return read.gain if read else None
