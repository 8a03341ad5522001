"""The served graph of the rules: scores by eye, and the laws of an order of rules."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from components.features import item_table
from components.rules.rule_forms import NextItems, PerContext, PerItem, context_keys
from components.rules.rule_scores import TIE, RuleScores

pytestmark = pytest.mark.tensorflow

# Rows: 1 a, 2 b, 3 c, 4 d; c is not active, so the candidates are a, b, d.
TABLE = dataclasses.replace(
    item_table.build(None, {}, np.array([b"a", b"b", b"c", b"d"], object)),
    active=np.array([False, True, True, False, True]),
)
CANDIDATES = (1, 2, 4)
DECAY, WINDOW = 0.5, 2
NEIGHBOURS = np.array([[0, 0], [2, 3], [4, 0], [4, 1], [0, 0]], np.int32)
WEIGHTS = np.array([[0, 0], [7, 6], [4, 0], [3, 2], [0, 0]], np.float32)
WEIGHT = {1: {2: 7, 3: 6}, 2: {4: 4}, 3: {4: 3, 1: 2}, 4: {}}
RULES = {
    "popularity": PerItem(np.array([0, 3, 5, 9, 1], np.float32)),
    "recent": PerItem(np.array([0, 2, 0, 9, 0], np.float32)),
    "next": NextItems(NEIGHBOURS, WEIGHTS, WINDOW, DECAY),
    "device": PerContext(
        ("device", "hour"),
        np.array([b"tv\x1f7", b"web\x1f7"], object),
        np.array([[0, 1, 2, 0, 4], [0, 4, 2, 0, 1], [0, 1, 4, 0, 2]]),
    ),
}


def _history(*rows):
    return tf.constant([[*rows, *[0] * (3 - len(rows))]], tf.int32)


def scores(order, history=(), device=b"tv", hour=7, rules=RULES, table=TABLE):
    context = {"device": tf.constant([device]), "hour": tf.constant([hour], tf.int64)}
    return RuleScores(rules, table)(order, _history(*history), context).numpy()[0]


def test_a_rule_alone_is_scaled_to_its_best_candidate():
    assert scores(["popularity"]) == pytest.approx(np.array([3, 5, 1]) / 5 / (1 + TIE))
    assert scores(["recent"], (1, 2)) == pytest.approx(np.array([2, 0, 0]) / 2 / (1 + TIE))


@pytest.mark.parametrize("history", [(), (1,), (2, 1), (3, 3, 3), (1, 2, 3), (4, 4)])
def test_next_items_sum_the_last_items_newest_counting_most(history):
    newest_first = history[::-1][:WINDOW]
    visited = np.array(
        [
            sum(DECAY**back * WEIGHT[item].get(candidate, 0) for back, item in enumerate(newest_first))
            for candidate in CANDIDATES
        ]
    )
    assert scores(["next"], history) == pytest.approx(visited / max(visited.max(), 1) / (1 + TIE), rel=1e-5)


def test_a_batch_is_scored_row_by_row():
    world, context = (
        RuleScores(RULES, TABLE),
        {"device": tf.constant([b"tv", b"web", b"?"]), "hour": tf.constant([7, 7, 7], tf.int64)},
    )
    together = world(
        ["next", "device", "popularity"], tf.concat([_history(), _history(1, 2), _history(3)], axis=0), context
    ).numpy()
    for row, (history, device) in enumerate((((), b"tv"), ((1, 2), b"web"), ((3,), b"?"))):
        np.testing.assert_allclose(together[row], scores(["next", "device", "popularity"], history, device), rtol=1e-6)


@pytest.mark.parametrize(("device", "hour", "best"), [(b"tv", 7, 2), (b"web", 7, 0), (b"tv", 8, 1), (b"", 7, 1)])
def test_the_context_finds_its_slice_and_the_last_row_answers_all_others(device, hour, best):
    assert scores(["device"], device=device, hour=hour).argmax() == best


def test_the_graph_joins_keys_as_counting_does():
    keys = context_keys([np.array([b"tv", b"web"], object), np.array([7, 7])])
    assert keys.tolist() == RULES["device"].keys.tolist()


@pytest.mark.parametrize("order", list(itertools.permutations(["popularity", "recent", "next"])))
@pytest.mark.parametrize("history", [(), (1,), (2, 3)])
def test_what_an_earlier_rule_knows_comes_before_what_only_a_later_one_does(order, history):
    raw = {name: scores([name], history) for name in order}
    first = [
        next((place for place, name in enumerate(order) if raw[name][column] > 0), len(order))
        for column in range(len(CANDIDATES))
    ]
    combined = scores(order, history)
    for one, other in itertools.permutations(range(len(CANDIDATES)), 2):
        if first[one] == first[other] < len(order):
            rule_score = raw[order[first[one]]]
            assert (rule_score[one] > rule_score[other] + TIE) <= (combined[one] > combined[other])
        assert (first[one] < first[other]) <= (combined[one] > combined[other])


def test_the_next_rule_decides_between_equals():
    rules = {"flat": PerItem(np.ones(5, np.float32)), "popularity": RULES["popularity"]}
    assert np.argsort(-scores(["flat", "popularity"], rules=rules)).tolist() == [1, 0, 2]


def test_what_no_rule_knows_scores_nothing():
    assert scores(["recent", "next"]).tolist()[1:] == [0, 0]


@pytest.mark.parametrize("order", [["popularity"], ["next", "popularity"], ["device"]])
def test_a_boosted_item_counts_so_many_times_within_each_rule(order):
    boosted = dataclasses.replace(TABLE, boost=np.array([1, 1, 1, 1, 3], np.float32))
    tripled = {
        name: dataclasses.replace(rule, scores=rule.scores * np.array([1, 1, 1, 1, 3]))
        if not isinstance(rule, NextItems)
        else rule
        for name, rule in RULES.items()
    } | {"next": NextItems(NEIGHBOURS, WEIGHTS * np.where(NEIGHBOURS == 4, 3, 1), WINDOW, DECAY)}
    np.testing.assert_allclose(scores(order, (2, 3), table=boosted), scores(order, (2, 3), rules=tripled), rtol=1e-6)


def test_no_candidate_at_all_is_no_score():
    assert scores(["next", "popularity"], (1,), table=dataclasses.replace(TABLE, active=np.zeros(5, bool))).shape == (
        0,
    )
