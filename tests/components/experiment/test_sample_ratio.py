import numpy as np
import pytest
from scipy import stats

from components.experiment import sample_ratio


@pytest.mark.parametrize(("control", "treatment"), [(500, 500), (480, 530), (5_000, 4_500), (0, 40)])
def test_p_is_that_of_the_chi_square_test(control, treatment):
    expected = stats.chisquare([control, treatment]).pvalue

    assert sample_ratio.check_ratio(control, treatment).p == pytest.approx(expected)


def test_an_empty_arm_is_a_mismatch_and_no_user_is_none():
    assert sample_ratio.check_ratio(60, 0).mismatch
    assert not sample_ratio.check_ratio(0, 0).mismatch


def test_each_stage_counts_the_users_first_seen_in_it():
    first, arm = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 0, 0], np.int8)

    counted = [(ratio.control, ratio.treatment) for ratio in sample_ratio.check_stages(first, arm, 3)]

    assert counted == [(1, 2), (2, 0), (0, 0)]


def test_a_fair_split_is_seldom_called_a_mismatch_and_a_lost_tenth_often():
    rng = np.random.default_rng(0)
    users = 20_000
    fair = rng.binomial(users, 0.5, 4_000)
    kept = rng.binomial(users - fair, 0.9)

    alarms = np.mean([sample_ratio.check_ratio(int(treatment), users - int(treatment)).mismatch for treatment in fair])
    power = np.mean(
        [
            sample_ratio.check_ratio(int(treatment), int(rest)).mismatch
            for treatment, rest in zip(fair, kept, strict=True)
        ]
    )

    assert alarms <= 0.003
    assert power >= 0.99
