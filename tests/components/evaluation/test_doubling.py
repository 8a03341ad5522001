import numpy as np
import pytest

from components.evaluation.doubling import LEAST_QUERIES, predict

USERS = np.repeat(np.arange(200), 10)


def curve(*shares, size=2000, seed=0):
    """Queries that hit where one draw for all three models lies below the share of each: a larger share hits more."""
    drawn = np.random.default_rng(seed).random(size)
    return np.stack([drawn < share for share in shares], axis=1).astype(float)


def test_of_what_is_missed_a_doubling_leaves_the_share_that_both_before_left():
    gains = curve(0.10, 0.15, 0.20)
    quarter, _, whole = gains.mean(axis=0)

    gain = predict(gains, USERS, seed=1).gain

    missed = (1 - whole) * np.sqrt((1 - whole) / (1 - quarter))
    assert gain.point == pytest.approx((1 - missed) / whole - 1)
    assert gain.low <= gain.point / 2 and gain.high >= 1.5 * gain.point


def test_a_metric_without_a_ceiling_rises_by_half_of_what_two_doublings_brought():
    gains = 3 * curve(0.10, 0.15, 0.20)
    quarter, _, whole = gains.mean(axis=0)

    assert predict(gains, USERS, seed=1).gain.point == pytest.approx((whole - quarter) / 2 / whole)


def test_nothing_is_predicted_beyond_the_ceiling_of_the_metric():
    gains = curve(0.70, 0.90, 0.97)
    whole = gains[:, 2].mean()

    gain = predict(gains, USERS, seed=1).gain

    assert 0 < gain.point < gain.high == pytest.approx(1 / whole - 1)


def test_where_nothing_is_missed_no_more_is_promised():
    gain = predict(curve(0.80, 0.90, 1.0), USERS, seed=1).gain
    assert gain.point == gain.high == 0.0


def test_a_bend_of_the_curve_widens_the_range():
    gains = curve(0.10, 0.19, 0.20, seed=2)
    quarter, half, whole = gains.mean(axis=0)

    gain = predict(gains, USERS, seed=1).gain

    bend = abs((whole / half - 1) - (half / quarter - 1))
    assert gain.high - gain.point >= bend


def test_too_few_queries_are_refused():
    size = LEAST_QUERIES - 1
    prediction = predict(curve(0.10, 0.15, 0.20, size=size), USERS[:size], seed=1)
    assert prediction.gain is None and str(LEAST_QUERIES) in prediction.refusal


@pytest.mark.parametrize("shares", [(0.10, 0.20, 0.20), (0.10, 0.20, 0.19), (0.0, 0.0, 0.0), (0.0, 0.1, 0.2)])
def test_a_last_doubling_without_significant_gain_is_refused(shares):
    prediction = predict(curve(*shares), USERS, seed=1)
    assert prediction.gain is None and prediction.refusal


def test_plain_values_for_json():
    values = predict(curve(0.10, 0.15, 0.20), USERS, seed=1).to_dict()
    assert set(values) == {"gain", "refusal"} and set(values["gain"]) >= {"point", "low", "high"}
