"""The rules behind the contract: which rule answers, and the counted rates."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import LAUNCH

from components.declaration import Rules
from components.features import item_table
from components.rules.rule_forms import NextItems, PerItem
from components.rules.rules_recommender import RULE_SIGNATURE, RulesRecommender

pytestmark = pytest.mark.tensorflow

# Rows: 1 a, 2 b, 3 c, 4 d; c is not active.
TABLE = dataclasses.replace(
    item_table.build(None, {}, np.array([b"a", b"b", b"c", b"d"], object)),
    active=np.array([False, True, True, False, True]),
)
COUNTS = {
    "popularity": PerItem(np.array([0, 3, 5, 9, 1], np.float32)),
    "recent_popularity": PerItem(np.array([0, 2, 0, 9, 0], np.float32)),
    "covisitation": NextItems(
        np.array([[0], [4], [1], [4], [0]], np.int32), np.array([[0], [7], [4], [3], [0]], np.float32), 2, 0.5
    ),
}
RATES = {
    "click": np.array([0.5, 0.1, 0.2, 0.3, 0.4], np.float32),
    "buy": np.array([0.05, 0.01, 0.02, 0.03, 0.04], np.float32),
}


def _rules(served="covisitation", rules=LAUNCH.rules, table=TABLE):
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=()), rules=rules)
    return RulesRecommender(launch, table, {}, COUNTS, RATES, served)


def _order(recommender, *history):
    scores = recommender.scores(tf.constant([[*history, *[0] * (3 - len(history))]], tf.int32), {}).numpy()[0]
    return ["abd"[column] for column in np.argsort(-scores, kind="stable")]


@pytest.mark.parametrize(
    ("fallbacks", "history", "order"),
    [
        ((), (1,), "dab"),  # after a comes d; then what was taken lately, a; then b
        ((), (), "abd"),
        (("popularity",), (1,), "dba"),
        (("popularity",), (), "bad"),
        (("covisitation", "popularity"), (2,), "abd"),
    ],
)
def test_where_the_rule_has_nothing_to_say_the_fallbacks_answer_in_the_declared_order(fallbacks, history, order):
    assert _order(_rules(rules=Rules(fallbacks=fallbacks)), *history) == list(order)


@pytest.mark.parametrize("served", LAUNCH.rules.names)
def test_the_served_rule_answers_and_each_rule_has_its_signature(served):
    rules = _rules(served)
    history = tf.constant([[b"a", b"b"]])
    named = rules.signatures()
    scores = {
        name: named[RULE_SIGNATURE + name](user_id=tf.constant([b"u"]), history=history)["scores"].numpy()
        for name in LAUNCH.rules.names
    }
    np.testing.assert_array_equal(
        named["score_catalogue"](user_id=tf.constant([b"u"]), history=history)["scores"], scores[served]
    )
    assert len({tuple(row[0]) for row in scores.values()}) == len(scores)


def test_probabilities_are_the_rates_of_the_items():
    answer = _rules().probabilities(tf.constant([[1, 0, 0]]), tf.constant([[2, 0, 3]], tf.int32), {})
    np.testing.assert_allclose(answer["click"], [[0.2, 0.5, 0.3]])
    np.testing.assert_allclose(answer["buy"], [[0.02, 0.05, 0.03]])


def test_no_candidate_at_all_is_no_answer():
    rules = _rules(table=dataclasses.replace(TABLE, active=np.zeros(5, bool)))
    answer = rules.recommend(tf.constant([b"u"]), tf.constant([[b"a"]]), tf.constant([[b""]]))
    assert answer["item_ids"].shape == (1, 0)
