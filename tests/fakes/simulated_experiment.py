"""Users with known rates, who return: the truth that readings, looks and decisions are held against."""

import dataclasses

import numpy as np

from components.declaration.experiment import Experiment
from components.experiment.assignment import assign_users
from components.experiment.outcome import DAY, Traffic, assess
from components.experiment.reading import Gain, StageCounts, combine_stages, covariate, read_stage
from components.registry.experiment_push import begin_state, move_state

START = 1_790_000_000 // DAY * DAY
CLICKS = 0.6  # per request


class World:
    """Users whose rates differ, each active on some days: requests and clicks by day."""

    def __init__(self, seed, users=1500, activity=0.25, spread=0.8):
        self.rng = np.random.default_rng(seed)
        self.ids = [f"w{seed}-{index}" for index in range(users)]
        self.rate = CLICKS * self.rng.lognormal(-(spread**2) / 2, spread, users)
        self.activity = np.clip(self.rng.gamma(2.0, activity / 2.0, users), 0.01, 0.9)

    def play_day(self, factor):
        """[u] requests and clicks of a day, where a user's rate is multiplied by `factor`, a number or [u]."""
        active = self.rng.random(len(self.ids)) < self.activity
        requests = np.where(active, 1 + self.rng.poisson(1.0, len(self.ids)), 0).astype(float)
        return requests, self.rng.poisson(requests * self.rate * factor).astype(float)

    def sum_days(self, days, factor=1.0):
        played = [self.play_day(factor) for _ in range(days)]
        return sum(requests for requests, _ in played), sum(clicks for _, clicks in played)


def read_daily(world, arm, effect=0.0, days=14, cuped=False):
    """The gain after each day, all users enrolled from the first."""
    before = covariate(*world.sum_days(28)) if cuped else None
    requests, clicks = np.zeros(len(arm)), np.zeros(len(arm))
    gains: list[Gain] = []
    for _ in range(days):
        more = world.play_day(np.where(arm == 1, 1 + effect, 1.0))
        requests, clicks = requests + more[0], clicks + more[1]
        counts = StageCounts(np.arange(len(arm)), arm, requests, clicks, before)
        gains.append(combine_stages([stage for stage in [read_stage(counts)] if stage]))
    return gains


def start_experiment(name, declared, planned_variance=0.002, treatment=20, control=10):
    begin = {"launch": "sim", "ramp": declared.ramp, "days": declared.days, "holdout": declared.holdout}
    state = begin_state(begin | {"planned_variance": planned_variance}, control, treatment, START)
    return dataclasses.replace(state, id=name)


def make_traffic(world, days, lost=None):
    """The log of some days, (first second, requests, clicks, version) each, as the step reads it."""
    rows = list(days)
    user = np.concatenate([np.repeat(np.arange(len(world.ids)), requests.astype(int)) for _, requests, _, _ in rows])
    time = np.concatenate([np.full(int(requests.sum()), second) for second, requests, _, _ in rows])
    shares = [
        np.divide(clicks, requests, out=np.zeros_like(clicks), where=requests > 0) for _, requests, clicks, _ in rows
    ]
    clicks = np.concatenate(
        [np.repeat(share, requests.astype(int)) for share, (_, requests, _, _) in zip(shares, rows, strict=True)]
    )
    version = np.concatenate([np.repeat(version, requests.astype(int)) for _, requests, _, version in rows])
    kept = np.ones(len(user), bool) if lost is None else ~lost[user]
    return Traffic(world.ids, user[kept], time[kept], {"click": clicks[kept]}, version[kept])


def play_launch(world, declared, effect, name, growth=0.0, most_days=30, lost=None, before=3):
    """A run a day until the decision is final; (final outcome, the state then, largest share of users treated)."""
    state = start_experiment(name, declared)
    days = []
    for day in range(-before, 0):
        requests, clicks = world.play_day(1.0)
        days.append((START + day * DAY + 60, requests, clicks, np.full(len(world.ids), state.control)))
    treated = 0.0
    for day in range(most_days):
        arm = assign_users(state.id, state.share, world.ids)
        treated = max(treated, float(np.mean(arm == 1)))
        requests, clicks = world.play_day((1 + growth) ** day * np.where(arm == 1, 1 + effect, 1.0))
        days.append(
            (START + day * DAY + DAY - 60, requests, clicks, np.where(arm == 1, state.treatment, state.control))
        )
        outcome = assess(make_traffic(world, days, lost(arm) if lost else None), state, declared)
        state = advance(state, outcome, START + (day + 1) * DAY)
        if outcome.decision.kind in ("void", "harm", "won", "ended"):
            break
    return outcome, state, treated


def advance(state, outcome, now):
    return move_state(state, outcome.decision.kind, outcome.looks, now) or state


DECLARED = Experiment("click", ramp=(0.1, 0.4, 1.0), days=14, min_users=30)
