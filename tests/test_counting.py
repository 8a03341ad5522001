"""The rules' counts, against double loops."""

import collections
import dataclasses

import numpy as np
import pytest

from components.declaration import Launch, Log, Objective, Rules, Split
from components.features.histories import order_by_user_and_time
from components.rules import counting
from components.rules.counting import MICROSECONDS_PER_DAY, RuleCounts

LAUNCH = Launch(
    name="toy",
    log=Log("log", "user", "item", "time"),
    objectives=(Objective("like"),),
    split=Split(eval_share=0.1),
    rules=Rules(recent_days=2.0, covisitation_window=3, covisitation_decay=0.5),
)


def _launch(**rules):
    return dataclasses.replace(LAUNCH, rules=dataclasses.replace(LAUNCH.rules, **rules))


def _pairs(counts):
    """(item, neighbour) to weight."""
    rows, slots = np.nonzero(counts.weights)
    return {(int(row), int(counts.neighbours[row, slot])): float(counts.weights[row, slot]) for row, slot in zip(rows, slots, strict=True)}


def _count(user, item, time, size=9, **rules):
    return counting.count(_launch(**rules), np.array(user, np.int64), np.array(item, np.int32), np.array(time, np.int64), size)


def test_covisitation_by_eye():
    counts = _count([0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 1, 2], [1, 2, 3, 4, 1, 2])
    assert _pairs(counts) == {(1, 2): 1 + 1, (1, 3): 0.5, (1, 4): 0.5**2, (2, 3): 1, (2, 4): 0.5, (3, 4): 1}
    assert counts.neighbours[1].tolist() == [2, 3, 4]
    assert counts.weights[4].tolist() == [0, 0, 0]


def test_an_item_is_no_neighbour_of_itself_and_users_do_not_mix():
    assert _pairs(_count([0, 0, 1], [1, 1, 2], [1, 2, 3])) == {}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("window", "decay"), [(1, 0.5), (3, 0.7), (40, 1.0), (2, 0.0)])
def test_covisitation_agrees_with_a_double_loop(seed, window, decay):
    rng = np.random.default_rng(seed)
    user, item, time = rng.integers(4, size=60), rng.integers(1, 9, size=60), rng.integers(15, size=60)
    expected = collections.defaultdict(float)
    order = order_by_user_and_time(user, time, LAUNCH.seed, item).tolist()
    for who in range(4):
        mine = [int(item[row]) for row in order if user[row] == who]
        for place, first in enumerate(mine):
            for distance, second in enumerate(mine[place + 1 : place + 1 + window]):
                if first != second:
                    expected[first, second] += decay**distance
    found = _pairs(_count(user, item, time, covisitation_window=window, covisitation_decay=decay))
    assert found == pytest.approx({pair: weight for pair, weight in expected.items() if weight})


@pytest.mark.parametrize("seed", range(3))
def test_the_heaviest_neighbours_are_kept_heaviest_first(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    user, item, time = rng.integers(4, size=200), rng.integers(1, 9, size=200), rng.permutation(200)
    everything = _count(user, item, time)
    monkeypatch.setattr(counting, "NEIGHBOURS", 3)
    few = _count(user, item, time)
    assert few.neighbours.tolist() == everything.neighbours[:, :3].tolist()
    assert few.weights.tolist() == everything.weights[:, :3].tolist()
    assert (np.diff(everything.weights, axis=1) <= 0).all()


def test_popularity_and_the_edge_of_the_recent_window():
    end = 10 * MICROSECONDS_PER_DAY
    edge = end - 2 * MICROSECONDS_PER_DAY
    counts = _count([0, 1, 2, 3], [1, 2, 2, 3], [end, edge, edge - 1, 0], size=5)
    assert counts.popularity.tolist() == [0, 1, 2, 1, 0]
    assert counts.recent_popularity.tolist() == [0, 1, 1, 0, 0]


def test_nothing_to_count():
    counts = _count([], [], [], size=3)
    assert counts.popularity.tolist() == counts.recent_popularity.tolist() == [0, 0, 0]
    assert counts.neighbours.tolist() == counts.weights.tolist() == [[0], [0], [0]]
    assert counts.fallback(LAUNCH).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("popularity", "recent_popularity", "covisitation"), [1, 2, 3, 0]),  # item 1 was taken lately; of the others item 2 was taken most
        (("recent_popularity",), [1, 2, 3, 0]),
        (("covisitation",), [1, 2, 3, 0]),
        (("popularity", "covisitation"), [2, 3, 1, 0]),
    ],
)
def test_the_fallback_is_recent_popularity_with_all_time_popularity_for_its_ties(names, order):
    none = np.zeros((4, 1), np.int32)
    counts = RuleCounts(np.array([0, 1, 9, 5], np.float32), np.array([0, 2, 0, 0], np.float32), none, none.astype(np.float32))
    assert np.argsort(-counts.fallback(_launch(names=names))).tolist() == order
