"""What the readings say of worlds whose truth is known: false alarms, power, bias under a ramp."""

import dataclasses
import math

import numpy as np
from scipy import stats
from simulated_experiment import DECLARED, World, play_launch, read_daily

from components.experiment import looks
from components.experiment.assignment import split_users
from components.experiment.reading import StageCounts, combine_stages, read_stage
from components.registry.experiment_state import Look

NAIVE = stats.norm.isf(0.025)
DAYS = 14


def take_looks(gains, planned):
    shares = [looks.share_of_plan(planned, gain.variance, day, DAYS) for day, gain in enumerate(gains, 1)]
    past = ()
    for gain, share in zip(gains, shares, strict=True):
        past = looks.add_look(past, Look(1 / gain.variance, share))
    bounds = iter(looks.two_sided_boundaries(past))
    information = {look.information for look in past}
    return [next(bounds) if 1 / gain.variance in information else math.inf for gain in gains]


def play_repeats(repeats, errors=0.0, users=400, cuped=False):
    """The shares of experiments with any crossing: group sequential, and the usual interval at each look.

    The true effect is that many standard errors of the last day's reading without CUPED.
    """
    crossed = np.zeros((repeats, 2), bool)
    for seed in range(repeats):
        arm = split_users(f"aa-{seed}", World(seed, users).ids)
        effect = math.expm1(errors * read_daily(World(seed, users), arm)[-1].error) if errors else 0.0
        gains = read_daily(World(seed, users), arm, effect, DAYS, cuped)
        bounds = take_looks(gains, planned=gains[-1].variance)
        crossed[seed] = (
            any(abs(gain.z) > bound for gain, bound in zip(gains, bounds, strict=True)),
            any(abs(gain.z) > NAIVE for gain in gains),
        )
    return crossed.mean(axis=0)


def test_fourteen_daily_looks_raise_few_false_alarms_and_the_usual_interval_many():
    sequential, naive = play_repeats(300)

    assert sequential <= 0.07
    assert naive > 0.12


def test_an_effect_of_2_8_standard_errors_is_seen():
    assert play_repeats(100, errors=2.8)[0] >= 0.65


def ramp(seed, growth, shares_treated, effect=0.0):
    """The pooled log gain of two equal halves of an experiment, with clicks growing between them."""
    rng = np.random.default_rng(seed)
    users = 4000
    draw, stages = rng.random(users), []
    for stage, share in enumerate(shares_treated):
        arm = (draw < share).astype(np.int8)
        requests = rng.poisson(1.0, users).astype(float)
        clicks = rng.poisson(requests * 0.5 * growth**stage * np.where(arm == 1, 1 + effect, 1)).astype(float)
        stages.append(StageCounts(np.arange(users), arm, requests, clicks))
    return stages


def pool(stages):
    """The moved split read as one: all requests of both halves together."""
    arm, requests, clicks = (
        np.concatenate([getattr(stage, name) for stage in stages]) for name in ("arm", "requests", "actions")
    )
    return read_stage(StageCounts(np.arange(len(arm)), arm, requests, clicks)).gain


def test_clicks_that_grow_during_the_ramp_bias_a_moved_split_and_not_ramped_enrolment():
    moved = [abs(pool(ramp(seed, 1.4, (0.05, 0.5))).z) > NAIVE for seed in range(100)]
    ramped = [combine_stages([read_stage(stage) for stage in ramp(seed, 1.4, (0.5, 0.5))]).z for seed in range(100)]

    assert np.mean(moved) > 0.5
    assert np.mean(np.abs(ramped) > NAIVE) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)
    assert abs(np.mean(ramped)) < 3 / math.sqrt(100)


def test_a_whole_ramp_with_growing_clicks_covers_the_true_effect():
    declared = dataclasses.replace(DECLARED, ramp=(0.2, 1.0), days=9)
    covered = []
    for seed in range(20):
        read, _, _ = play_launch(World(seed, 800), declared, 0.3, f"grow-{seed}", growth=0.08)
        low, high = read.objective.gain.bounds(NAIVE)
        covered.append(low < 0.3 < high)

    assert np.mean(covered) >= 0.8
