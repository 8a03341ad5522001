import numpy as np
import pytest

from components.metrics.auc_interval import auc_interval


def area_of(positive, negative):
    """The area by its definition: how often a positive scores above a negative."""
    return (positive[:, None] > negative[None, :]).mean()


def test_a_chance_area_has_the_error_of_the_rank_sum_test():
    # At A = 1/2 the formula is that of Mann and Whitney: sqrt((p + n + 1) / (12 p n)).
    assert auc_interval(0.5, 30, 50).error == pytest.approx(np.sqrt(81 / (12 * 30 * 50)))


def test_the_interval_covers_the_truth_in_about_95_of_100_samples():
    rng = np.random.default_rng(3)
    shift, covered = 0.5, 0
    truth = 0.6382  # of two unit normals half a deviation apart: Phi(0.5 / sqrt(2))
    for _ in range(300):
        interval = auc_interval(area_of(rng.normal(shift, 1, 60), rng.normal(0, 1, 200)), 60, 200)
        covered += interval.low <= truth <= interval.high
    assert 0.9 <= covered / 300 <= 0.99


@pytest.mark.parametrize(("positives", "negatives"), [(0, 10), (10, 0), (0, 0)])
def test_one_kind_of_label_tells_nothing(positives, negatives):
    interval = auc_interval(0.0, positives, negatives)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_the_two_areas_that_were_noise_are_not_told_apart_from_a_half():
    for area in (0.499, 0.503):
        interval = auc_interval(area, 500, 9500)
        assert interval.low < 0.5 < interval.high
