import math

import numpy as np
import pytest
from simulated_experiment import World, read_daily

from components.experiment import reading
from components.experiment.reading import StageCounts, combine_stages, read_stage


def counts_of(rng, users=600, before=None):
    requests = 1 + rng.poisson(3.0, users).astype(float)
    actions = rng.poisson(requests * 0.4 * rng.lognormal(0, 0.7, users)).astype(float)
    return StageCounts(np.arange(users), (np.arange(users) % 2).astype(np.int8), requests, actions, before)


def test_the_metric_is_a_ratio_of_sums_with_the_variance_of_the_delta_method():
    requests, actions = np.array([1.0, 2.0, 5.0]), np.array([1.0, 0.0, 3.0])
    ratio = reading.measure_ratio(requests, actions)
    # Var(C / R) = (var C - 2 rho cov(C, R) + rho^2 var R) / mean R^2 / n
    (var_r, cov), (_, var_c) = np.cov(requests, actions)
    expected = (var_c - 2 * (4 / 8) * cov + (4 / 8) ** 2 * var_r) / (8 / 3) ** 2 / 3

    assert ratio.value == 4 / 8
    assert ratio.variance == pytest.approx(expected, rel=1e-12)


def test_the_delta_method_gives_the_spread_of_repeated_experiments():
    gains = [read_stage(counts_of(np.random.default_rng(seed))).gain for seed in range(400)]
    spread = np.std([gain.log_gain for gain in gains], ddof=1)

    assert np.mean([gain.error for gain in gains]) == pytest.approx(spread, rel=4 / math.sqrt(2 * 400))


def test_without_a_covariate_the_gain_is_the_log_of_the_rates():
    counts = counts_of(np.random.default_rng(1))
    read = read_stage(counts)
    rates = [counts.actions[counts.arm == arm].sum() / counts.requests[counts.arm == arm].sum() for arm in (0, 1)]

    assert read.rates == tuple(rates)
    assert read.gain.log_gain == math.log(rates[1]) - math.log(rates[0])
    assert read.gain.relative == pytest.approx(rates[1] / rates[0] - 1)


def test_the_reading_is_that_of_tea_tasting():
    needed = "tea-tasting needs pyarrow 16, which TFX 1.16 cannot have"
    tea_tasting = pytest.importorskip("tea_tasting", reason=needed)
    pyarrow = pytest.importorskip("pyarrow")
    rng = np.random.default_rng(2)
    before = rng.normal(size=600)
    for x in (None, before):
        counts = counts_of(np.random.default_rng(3), before=x)
        columns = {"variant": counts.arm.astype(int), "r": counts.requests, "c": counts.actions, "x": before}
        covariate = {} if x is None else {"numer_covariate": "x"}
        metric = tea_tasting.RatioOfMeans("c", "r", use_t=False, equal_var=False, **covariate)
        oracle = tea_tasting.Experiment(m=metric).analyze(pyarrow.table(columns), control=0, all_variants=False)["m"]
        read = read_stage(counts)
        (low, high), normal = read.gain.bounds(1.959963984540054), read.rates

        assert normal == pytest.approx((oracle.control, oracle.treatment), rel=1e-9)
        assert read.gain.relative == pytest.approx(oracle.rel_effect_size, rel=1e-9)
        assert (low, high) == pytest.approx(
            (oracle.rel_effect_size_ci_lower, oracle.rel_effect_size_ci_upper), rel=1e-9
        )


def test_cuped_is_the_regression_on_the_covariate():
    rng = np.random.default_rng(4)
    before = rng.normal(size=600)
    counts = counts_of(rng, before=before)
    read, plain = read_stage(counts), read_stage(StageCounts(counts.user, counts.arm, counts.requests, counts.actions))
    psi = (counts.actions - counts.actions.sum() / counts.requests.sum() * counts.requests) / counts.requests.mean()
    theta = np.cov(psi, before)[0, 1] / np.var(before, ddof=1)
    means = [before[counts.arm == arm].mean() - before.mean() for arm in (0, 1)]

    assert read.rates == pytest.approx([rate - theta * mean for rate, mean in zip(plain.rates, means, strict=True)])


def test_cuped_removes_variance_and_keeps_the_truth():
    arm = (np.arange(1500) % 2).astype(np.int8)
    plain = [read_daily(World(seed), arm, 0.1)[-1] for seed in range(60)]
    adjusted = [read_daily(World(seed), arm, 0.1, cuped=True)[-1] for seed in range(60)]
    kept = np.mean([gain.variance for gain in adjusted]) / np.mean([gain.variance for gain in plain])
    center = np.mean([gain.log_gain for gain in adjusted])
    covered = np.mean([gain.bounds(1.96)[0] < 0.1 < gain.bounds(1.96)[1] for gain in adjusted])

    assert kept < 0.85
    assert center == pytest.approx(math.log(1.1), abs=4 * adjusted[0].error / math.sqrt(60))
    assert covered >= 0.85


def test_stages_of_the_same_users_are_not_counted_as_independent():
    stages = [counts_of(np.random.default_rng(5)) for _ in range(2)]
    once, twice = (combine_stages([read_stage(counts) for counts in stages[:number]]) for number in (1, 2))

    assert twice.log_gain == pytest.approx(once.log_gain)
    assert twice.variance == pytest.approx(once.variance, rel=1e-2)


def test_stages_of_different_users_are_combined_by_their_precision():
    first, second = counts_of(np.random.default_rng(6)), counts_of(np.random.default_rng(7), users=200)
    second = StageCounts(second.user + 10_000, second.arm, second.requests, second.actions)
    gains = [read_stage(counts).gain for counts in (first, second)]
    combined = combine_stages([read_stage(first), read_stage(second)])
    precision = np.array([1 / gain.variance for gain in gains])

    assert combined.log_gain == pytest.approx(precision @ [gain.log_gain for gain in gains] / precision.sum())
    assert combined.variance == pytest.approx(1 / precision.sum(), rel=1e-2)


def test_an_arm_without_an_action_is_significantly_worse():
    counts = counts_of(np.random.default_rng(8))
    counts.actions[counts.arm == 1] = 0
    read, control = read_stage(counts), counts.arm == 0
    ratio = reading.measure_ratio(counts.requests[control], counts.actions[control])

    assert read.gain.log_gain == pytest.approx(math.log(0.5 / counts.requests[~control].sum() / ratio.value))
    assert read.gain.z == pytest.approx(-ratio.value / math.sqrt(2 * ratio.variance))


def test_nothing_is_read_without_actions_or_without_users():
    counts = counts_of(np.random.default_rng(9))

    assert read_stage(StageCounts(counts.user, counts.arm, counts.requests, np.zeros(600))) is None
    assert read_stage(StageCounts(counts.user, np.zeros(600, np.int8), counts.requests, counts.actions)) is None
    assert combine_stages([]) is None


def test_the_covariate_of_a_new_user_is_zero():
    x = reading.covariate(np.array([4.0, 0.0, 2.0]), np.array([3.0, 0.0, 0.0]))

    assert x.tolist() == [3 - 0.5 * 4, 0.0, 0 - 0.5 * 2]
