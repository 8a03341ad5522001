"""The rules' counts, against double loops."""

import collections
import dataclasses

import numpy as np
import pytest

from components.declaration import Launch, Log, Objective, Rules, Split
from components.features.histories import order_by_user_and_time
from components.features.item_table import ItemTable
from components.ingest.event_time import DAY
from components.rules import counting
from components.rules.rule_forms import RuleLog

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
    return {
        (int(row), int(counts.neighbours[row, slot])): float(counts.weights[row, slot])
        for row, slot in zip(rows, slots, strict=True)
    }


def _log(user, item, time, size=9, context=None):
    table = ItemTable(
        np.arange(size), np.arange(size), np.ones(size, bool), np.zeros((size, 1)), 0, np.zeros((size, 0))
    )
    return RuleLog(
        np.array(user, np.int64),
        np.array(item, np.int32),
        np.array(time, np.int64),
        np.array(user, np.int64),
        context or {},
        table,
    )


def _count(user, item, time, size=9, **rules):
    return counting.covisitation(_launch(**rules), _log(user, item, time, size))


def test_covisitation_by_eye():
    counts = _count([0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 1, 2], [1, 2, 3, 4, 1, 2])
    of_1, of_2 = np.sqrt(2 + 0.5 + 0.5**2), np.sqrt(1 + 0.5)
    expected = {
        (1, 2): 2 / of_1,
        (1, 3): 0.5 / of_1,
        (1, 4): 0.5**2 / of_1,
        (2, 3): 1 / of_2,
        (2, 4): 0.5 / of_2,
        (3, 4): 1,
    }
    assert _pairs(counts) == pytest.approx(expected)
    assert (counts.window, counts.decay) == (5, 0.5)
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
    order = order_by_user_and_time(user, time, LAUNCH.seed, item, user).tolist()
    for who in range(4):
        mine = [int(item[row]) for row in order if user[row] == who]
        for place, first in enumerate(mine):
            for distance, second in enumerate(mine[place + 1 : place + 1 + window]):
                if first != second:
                    expected[first, second] += decay**distance
    pairs = _pairs(_count(user, item, time, covisitation_window=window, covisitation_decay=decay))
    totals = collections.Counter()
    for (first, _), weight in expected.items():
        totals[first] += weight
    assert pairs == pytest.approx(
        {pair: weight / totals[pair[0]] ** 0.5 for pair, weight in expected.items() if weight}
    )


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
    end = 10 * DAY
    edge = end - 2 * DAY
    log = _log([0, 1, 2, 3], [1, 2, 2, 3], [end, edge, edge - 1, 0], size=5)
    assert counting.popularity(LAUNCH, log).scores.tolist() == [0, 1, 2, 1, 0]
    assert counting.recent_popularity(LAUNCH, log).scores.tolist() == [0, 1, 1, 0, 0]


def test_nothing_to_count():
    log = _log([], [], [], size=3)
    assert (
        counting.popularity(LAUNCH, log).scores.tolist()
        == counting.recent_popularity(LAUNCH, log).scores.tolist()
        == [0, 0, 0]
    )
    rule = counting.covisitation(LAUNCH, log)
    assert rule.neighbours.tolist() == rule.weights.tolist() == [[0], [0], [0]]


IN_CONTEXT = dataclasses.replace(LAUNCH, log=Log("log", "user", "item", "time", context=("device", "hour")))


def _by_context(columns, context, item):
    rules = Rules(names=("context_popularity",), context=columns)
    log = _log(range(len(item)), item, [1] * len(item), size=4, context=context)
    return counting.context_popularity(dataclasses.replace(IN_CONTEXT, rules=rules), log)


def test_popularity_by_context_is_that_of_the_slice_drawn_towards_everybody_s():
    device = np.array([b"tv", b"tv", b"tv", b"web"], object)
    rule = _by_context(("device",), {"device": device}, [1, 1, 2, 3])
    share = np.array([0, 2, 1, 1]) / 4
    assert rule.keys.tolist() == [b"tv", b"web"]
    expected = [[0, 2, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]] + counting.PRIOR_EVENTS * share
    np.testing.assert_allclose(rule.scores, expected, rtol=1e-6)


def test_several_context_columns_make_a_slice_for_each_combination():
    context = {"device": np.array([b"tv", b"tv", b"web", b"tv"], object), "hour": np.array([7, 7, 7, 21])}
    rule = _by_context(("device", "hour"), context, [1, 1, 2, 3])
    assert rule.keys.tolist() == [b"tv\x1f21", b"tv\x1f7", b"web\x1f7"]
    assert rule.scores[:, 1].argmax() == 1


def test_the_most_frequent_slices_are_kept(monkeypatch):
    monkeypatch.setattr(counting, "MAX_SLICES", 2)
    device = np.array([b"a", b"b", b"b", b"c", b"c"], object)
    rule = _by_context(("device",), {"device": device}, [1, 2, 2, 3, 3])
    assert rule.keys.tolist() == [b"b", b"c"]
    assert rule.scores.shape == (3, 4)
    np.testing.assert_allclose(rule.scores[2], counting.PRIOR_EVENTS * np.array([0, 1, 2, 2]) / 5, rtol=1e-6)


def test_fractions_make_no_slices():
    with pytest.raises(TypeError, match="words or integers"):
        _by_context(("device",), {"device": np.array([0.5, 1.5])}, [1, 2])
