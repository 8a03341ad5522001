import math

import numpy as np
import pytest
from simulated_experiment import World, read_daily

from components.experiment import plan
from components.experiment.reading import measure_ratio


def daily_rows(world, days):
    rows = []
    for age in range(days):
        requests, clicks = world.play_day(1.0)
        active = np.flatnonzero(requests)
        rows.append((active, np.full(len(active), age), requests[active], clicks[active]))
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def test_a_row_is_the_formula_over_the_newest_days():
    user, age, requests, actions = daily_rows(World(1), 20)
    rows = plan.build_plan(user, age, requests, actions)
    newest = age < 5
    sums = [np.bincount(user[newest], values[newest]) for values in (requests, actions)]
    active = sums[0] > 0
    ratio = measure_ratio(sums[0][active], sums[1][active])
    variance = np.var(ratio.psi, ddof=1)

    assert [row.days for row in rows] == list(range(1, 21))
    assert rows[4].users == active.sum()
    error = math.sqrt(variance / (active.sum() / 2) + variance / (active.sum() / 2)) / ratio.value
    assert rows[4].smallest_gain == pytest.approx(math.exp(2.8 * error) - 1)


def test_fewer_enrolled_users_see_less():
    log = daily_rows(World(2), 10)
    all_of, tenth = plan.build_plan(*log)[-1], plan.build_plan(*log, share=0.1)[-1]

    assert tenth.variance == pytest.approx(10 * all_of.variance)
    assert tenth.users == all_of.users // 10


def test_days_to_see_an_effect():
    rows = [plan.PlanRow(days, 100, (0.1 / days / 2.8) ** 2) for days in range(1, 29)]

    assert plan.count_days(rows, math.expm1(0.1 / 7)) == 7
    assert plan.count_days(rows, 0.001) is None


def test_the_planned_variance_is_that_of_the_days_or_falls_with_them():
    rows = [plan.PlanRow(days, 100, 1 / days) for days in range(1, 8)]

    assert plan.project_variance(rows, 5) == 1 / 5
    assert plan.project_variance(rows, 14) == pytest.approx(1 / 14)
    assert plan.project_variance([], 14) == math.inf


def test_a_log_without_actions_shows_no_gain():
    (row,) = plan.build_plan(np.array([1, 2, 3]), np.zeros(3, int), np.ones(3), np.zeros(3))

    assert row.variance == math.inf and plan.count_days([row], 0.5) is None
    assert plan.build_plan(*[np.zeros(0, int)] * 2, *[np.zeros(0)] * 2) == []


def test_the_plan_is_kept_by_the_experiment():
    arm = (np.arange(1500) % 2).astype(np.int8)
    ratios = []
    for seed in range(3, 11):
        world = World(seed)
        planned = plan.build_plan(*daily_rows(world, 14))[-1].variance
        ratios.append(read_daily(world, arm)[-1].variance / planned)

    assert np.mean(ratios) == pytest.approx(1, abs=0.05)
