"""The bootstrap: laws, and how often its interval holds the truth."""

import dataclasses
import json
import math

import numpy as np
import pytest

from components.metrics import bootstrap
from components.metrics.bootstrap import Interval, relative_gain, relative_gains


def _sample(rng, users=60):
    """Gains of two contenders whose true means are .5 and .3, with a part that belongs to the user and sizes that differ."""
    size = rng.integers(1, 12, size=users)
    user = np.repeat(np.arange(users), size)
    taste = rng.normal(0, 0.3, size=(users, 2))[user]
    noise = rng.normal(0, 0.2, size=(len(user), 2))
    return 0.5 + taste[:, 0] + noise[:, 0], 0.3 + taste[:, 1] + noise[:, 1], user


def _hits(rng, users=150):
    """Whether two contenders hit, as recall@k counts it: users have rates of their own, the true means are .20 and .15."""
    user = np.repeat(np.arange(users), rng.integers(1, 20, size=users))
    rates = rng.beta(2, 8, size=users)[user], rng.beta(3, 17, size=users)[user]
    return *((rng.random(len(user)) < rate).astype(float) for rate in rates), user


def test_the_point_is_the_ratio_of_the_means():
    a, b, users = np.array([1.0, 0, 1, 1]), np.array([0.0, 0, 1, 0]), np.array([5, 5, 7, 9])
    assert relative_gain(a, b, users, seed=0).point == 3 / 1 - 1


@pytest.mark.parametrize(("sample", "truth"), [(_sample, 0.5 / 0.3 - 1), (_hits, 0.20 / 0.15 - 1)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(sample, truth):
    rng = np.random.default_rng(2)
    intervals = [relative_gain(*sample(rng), seed=repetition, repeats=400) for repetition in range(200)]
    held = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert 0.90 <= held <= 0.99


def test_the_standard_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(5)
    intervals = [relative_gain(*_hits(rng), seed=repetition, repeats=400) for repetition in range(200)]
    assert np.median([interval.error for interval in intervals]) == pytest.approx(
        np.std([interval.point for interval in intervals]), rel=0.15
    )


@pytest.mark.parametrize("seed", range(3))
def test_draws_of_users_agree_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    a, b, users = _hits(rng, users=40)
    code, draws = np.unique(users, return_inverse=True)[1], np.random.default_rng(9)
    loop = []
    for _ in range(200):
        rows = np.concatenate([np.flatnonzero(code == user) for user in draws.integers(40, size=40, dtype=np.int32)])
        loop.append(a[rows].sum() / b[rows].sum() - 1)
    interval = relative_gain(a, b, users, seed=9, repeats=200)
    assert interval.error == pytest.approx(np.std(loop))
    assert (interval.low, interval.high) == pytest.approx((sorted(loop)[4], sorted(loop)[195]))


def test_no_difference_holds_zero():
    a, _, users = _sample(np.random.default_rng(3))
    a = np.abs(a)
    equal = relative_gain(a, a, users, seed=0)
    assert dataclasses.astuple(equal) == pytest.approx(
        (0, 0, 0, 0.95, 0), abs=1e-12
    )  # BLAS may add the two columns in another order
    interval = relative_gain(a, a[np.random.default_rng(4).permutation(len(a))], users, seed=0)
    assert interval.low < 0 < interval.high


def test_the_seed_decides():
    sample = _sample(np.random.default_rng(5))
    assert relative_gain(*sample, seed=1) == relative_gain(*sample, seed=1)
    assert relative_gain(*sample, seed=1) != relative_gain(*sample, seed=2)


def test_chunks_change_nothing(monkeypatch):
    sample = _sample(np.random.default_rng(6))
    whole = relative_gain(*sample, seed=1, repeats=100)
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 7 * 60)
    chunked = relative_gain(*sample, seed=1, repeats=100)
    # The draws are equal; BLAS adds in another order for another shape, and the order differs by processor.
    assert dataclasses.astuple(chunked) == pytest.approx(dataclasses.astuple(whole), rel=1e-12)


def test_pairs_share_their_draws_and_nothing_else():
    a, b, users = _sample(np.random.default_rng(6))
    together = relative_gains([(a, b), (b, a), (a, a)], users, seed=1)
    for interval, pair in zip(together, [(a, b), (b, a), (a, a)], strict=True):
        alone = relative_gain(*pair, users, seed=1)
        assert (interval.point, interval.low, interval.high) == pytest.approx((alone.point, alone.low, alone.high))


def test_a_slice_is_compared_on_its_own_queries():
    a, b, users = _sample(np.random.default_rng(6))
    some, one = np.flatnonzero(users % 2 == 0), np.flatnonzero(users == 3)
    of_some, of_one, of_none = relative_gains(
        [(a[rows], b[rows]) for rows in (some, one, [])], users, seed=1, members=[some, one, np.zeros(0, int)]
    )
    alone = relative_gain(a[some], b[some], users[some], seed=1)
    assert of_some.point == pytest.approx(alone.point)
    assert of_some.error == pytest.approx(alone.error, rel=0.25)  # a slice's number of users varies from draw to draw
    assert (of_one.low, of_one.high, of_none.low, of_none.high) == (-math.inf, math.inf, -math.inf, math.inf)


def test_queries_of_one_user_are_one_piece_of_evidence():
    a, b, users = _sample(np.random.default_rng(7))
    once = relative_gain(a, b, users, seed=1)
    ten_times = relative_gain(np.tile(a, 10), np.tile(b, 10), np.tile(users, 10), seed=1)
    assert ten_times.error == pytest.approx(once.error)


@pytest.mark.parametrize("users", [[], [4], [4, 4, 4]])
def test_fewer_than_two_users_say_nothing(users):
    gains = np.ones(len(users))
    interval = relative_gain(gains, gains, np.array(users, int), seed=0)
    assert interval == Interval(0.0, -math.inf, math.inf)
    assert interval.to_dict() == {
        "point": 0.0,
        "low": "-Infinity",
        "high": "Infinity",
        "level": 0.95,
        "error": "Infinity",
    }


def test_a_gain_over_nothing_is_infinite_and_none_is_zero():
    users, nothing, something = np.arange(50), np.zeros(50), np.ones(50)
    assert relative_gain(something, nothing, users, seed=0) == Interval(math.inf, math.inf, math.inf)
    assert relative_gain(nothing, nothing, users, seed=0) == Interval(0.0, 0.0, 0.0, error=0.0)
    rare = np.where(users == 0, 1.0, 0.0)
    assert relative_gain(something, rare, users, seed=0).high == math.inf


def test_arrays_of_other_queries_are_refused():
    with pytest.raises(ValueError, match="got 2, 2 and 3"):
        relative_gain(np.ones(2), np.ones(2), np.ones(3, int), seed=0)


@pytest.mark.parametrize(
    "ends", [(0.3, 0.1, 0.5), (0.0, -math.inf, math.inf), (math.inf, math.inf, math.inf), (math.inf, 0.0, math.inf)]
)
def test_an_interval_survives_json(ends):
    interval = Interval(*ends, level=0.9)
    assert Interval.from_dict(json.loads(json.dumps(interval.to_dict(), allow_nan=False))) == interval
