"""The bootstrap: laws, and how often its interval holds the truth."""

import json
import math

import numpy as np
import pytest

from components.evaluation import bootstrap
from components.evaluation.bootstrap import Interval, paired_difference, relative_gain


def _sample(rng, users=60):
    """Gains of two contenders whose true means are .5 and .3, with a part that belongs to the user and sizes that differ."""
    size = rng.integers(1, 12, size=users)
    user = np.repeat(np.arange(users), size)
    taste = rng.normal(0, 0.3, size=(users, 2))[user]
    noise = rng.normal(0, 0.2, size=(len(user), 2))
    return 0.5 + taste[:, 0] + noise[:, 0], 0.3 + taste[:, 1] + noise[:, 1], user


def test_the_point_is_the_difference_of_the_means():
    a, b, users = np.array([1.0, 0, 1, 1]), np.array([0.0, 0, 1, 0]), np.array([5, 5, 7, 9])
    assert paired_difference(a, b, users, seed=0).point == 3 / 4 - 1 / 4
    assert relative_gain(a, b, users, seed=0).point == 3 / 1 - 1


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    intervals = [paired_difference(*_sample(rng), seed=repetition, repeats=400) for repetition in range(200)]
    held = np.mean([interval.low <= 0.5 - 0.3 <= interval.high for interval in intervals])
    assert 0.90 <= held <= 0.99


def test_the_relative_interval_holds_the_truth_too():
    rng = np.random.default_rng(2)
    intervals = [relative_gain(*_sample(rng), seed=repetition, repeats=400) for repetition in range(200)]
    held = np.mean([interval.low <= 0.5 / 0.3 - 1 <= interval.high for interval in intervals])
    assert 0.90 <= held <= 0.99


@pytest.mark.parametrize("interval_of", [paired_difference, relative_gain])
def test_no_difference_holds_zero(interval_of):
    a, _, users = _sample(np.random.default_rng(3))
    a = np.abs(a)
    assert interval_of(a, a, users, seed=0) == Interval(0.0, 0.0, 0.0)
    shuffled = a[np.random.default_rng(4).permutation(len(a))]
    interval = interval_of(a, shuffled, users, seed=0)
    assert interval.low < 0 < interval.high


@pytest.mark.parametrize("interval_of", [paired_difference, relative_gain])
def test_the_seed_decides(interval_of):
    sample = _sample(np.random.default_rng(5))
    assert interval_of(*sample, seed=1) == interval_of(*sample, seed=1)
    assert interval_of(*sample, seed=1) != interval_of(*sample, seed=2)


def test_chunks_change_nothing(monkeypatch):
    sample = _sample(np.random.default_rng(6))
    whole = paired_difference(*sample, seed=1, repeats=100)
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 7 * 60)
    assert paired_difference(*sample, seed=1, repeats=100) == whole


def test_queries_of_one_user_are_one_piece_of_evidence():
    a, b, users = _sample(np.random.default_rng(7))
    once = paired_difference(a, b, users, seed=1)
    ten_times = paired_difference(np.tile(a, 10), np.tile(b, 10), np.tile(users, 10), seed=1)
    assert ten_times.high - ten_times.low == pytest.approx(once.high - once.low)


@pytest.mark.parametrize("users", [[], [4], [4, 4, 4]])
def test_fewer_than_two_users_say_nothing(users):
    gains = np.ones(len(users))
    interval = paired_difference(gains, gains, np.array(users, int), seed=0)
    assert interval == Interval(0.0, -math.inf, math.inf)
    assert interval.to_dict() == {"point": 0.0, "low": "-Infinity", "high": "Infinity", "level": 0.95}


def test_a_gain_over_nothing_is_infinite_and_none_is_zero():
    users, nothing, something = np.arange(50), np.zeros(50), np.ones(50)
    assert relative_gain(something, nothing, users, seed=0) == Interval(math.inf, math.inf, math.inf)
    assert relative_gain(nothing, nothing, users, seed=0) == Interval(0.0, 0.0, 0.0)
    rare = np.where(users == 0, 1.0, 0.0)
    assert relative_gain(something, rare, users, seed=0).high == math.inf


def test_arrays_of_other_queries_are_refused():
    with pytest.raises(ValueError, match="got 2, 2 and 3"):
        paired_difference(np.ones(2), np.ones(2), np.ones(3, int), seed=0)


@pytest.mark.parametrize("ends", [(0.3, 0.1, 0.5), (0.0, -math.inf, math.inf), (math.inf, math.inf, math.inf), (math.inf, 0.0, math.inf)])
def test_an_interval_survives_json(ends):
    interval = Interval(*ends, level=0.9)
    assert Interval.from_dict(json.loads(json.dumps(interval.to_dict(), allow_nan=False))) == interval
