"""The rules behind the contract: their scores by eye."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import LAUNCH

from components.declaration import Rules
from components.features import item_table
from components.features.item_table import ItemTable
from components.rules.counting import RuleCounts
from components.rules.rules_recommender import FALLBACK_WEIGHT, RULE_SIGNATURE, RulesRecommender

pytestmark = pytest.mark.tensorflow

# Rows: 1 a, 2 b, 3 c, 4 d; c is not active, so the candidates are a, b, d.
TABLE = item_table.build(None, {}, np.array([b"a", b"b", b"c", b"d"], object))
TABLE = ItemTable(**{**{f.name: getattr(TABLE, f.name) for f in dataclasses.fields(TABLE)}, "active": np.array([0, 1, 1, 0, 1], bool)})
COUNTS = RuleCounts(
    popularity=np.array([0, 3, 5, 9, 1], np.float32),
    recent_popularity=np.array([0, 2, 0, 9, 0], np.float32),
    neighbours=np.array([[0, 0], [2, 3], [4, 0], [4, 1], [0, 0]], np.int32),
    weights=np.array([[0, 0], [7, 6], [4, 0], [3, 2], [0, 0]], np.float32),
)
RATES = {"click": np.array([0.5, 0.1, 0.2, 0.3, 0.4], np.float32), "buy": np.array([0.05, 0.01, 0.02, 0.03, 0.04], np.float32)}
DECAY = 0.5
WEIGHT = {1: {2: 7, 3: 6}, 2: {4: 4}, 3: {4: 3, 1: 2}, 4: {}}
CANDIDATES = (1, 2, 4)


def _rules(served="covisitation", window=2, **changes):
    rules = Rules(recent_days=2.0, covisitation_window=window, covisitation_decay=DECAY)
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=()), rules=rules, **changes)
    return RulesRecommender(launch, TABLE, {}, COUNTS, RATES, served)


def _history(*rows):
    return tf.constant([[*rows, *[0] * (3 - len(rows))]], tf.int32)


def _fallback():
    """Recent popularity, ties by all-time popularity, scaled to 1 over the candidates."""
    counts = np.array([2 + 3 / 10, 0 + 5 / 10, 0 + 1 / 10])
    return counts / counts.max()


def test_popularity_rules_score_by_counts_whoever_asks():
    rules = _rules()
    for history in (_history(), _history(1, 2)):
        assert rules.rule_scores("popularity", history).numpy().tolist() == [[3, 5, 1]]
        assert rules.rule_scores("recent_popularity", history).numpy().tolist() == [[2, 0, 0]]


@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("history", [(), (1,), (2, 1), (3, 3, 3), (1, 2, 3), (4, 4)])
def test_covisitation_sums_the_last_items_newest_counting_most(window, history):
    found = _rules(window=window).rule_scores("covisitation", _history(*history)).numpy()[0]
    newest_first = history[::-1][:window]
    visited = [sum(DECAY**back * WEIGHT[item].get(candidate, 0) for back, item in enumerate(newest_first)) for candidate in CANDIDATES]
    np.testing.assert_allclose(found, visited + FALLBACK_WEIGHT * _fallback(), rtol=1e-5)


def test_a_batch_of_histories_is_scored_row_by_row():
    rules = _rules()
    histories = [_history(), _history(1, 2), _history(3)]
    together = rules.rule_scores("covisitation", tf.concat(histories, axis=0)).numpy()
    np.testing.assert_allclose(together, np.concatenate([rules.rule_scores("covisitation", history) for history in histories]), rtol=1e-6)


@pytest.mark.parametrize("served", LAUNCH.rules.names)
def test_the_served_rule_answers_and_each_rule_has_its_signature(served):
    rules = _rules(served)
    history = tf.constant([[b"a", b"b"]])
    named = rules.signatures()
    scores = {name: named[RULE_SIGNATURE + name](user_id=tf.constant([b"u"]), history=history)["scores"].numpy() for name in LAUNCH.rules.names}
    np.testing.assert_array_equal(named["score_catalogue"](user_id=tf.constant([b"u"]), history=history)["scores"], scores[served])
    assert len({tuple(row[0]) for row in scores.values()}) == len(scores)


def test_probabilities_are_the_rates_of_the_items():
    answer = _rules().probabilities(_history(1), tf.constant([[2, 0, 3]], tf.int32), {})
    np.testing.assert_allclose(answer["click"], [[0.2, 0.5, 0.3]])
    np.testing.assert_allclose(answer["buy"], [[0.02, 0.05, 0.03]])


def test_no_candidate_at_all_is_no_answer():
    nothing = dataclasses.replace(TABLE, active=np.zeros(5, bool))
    rules = RulesRecommender(_rules()._launch, nothing, {}, COUNTS, RATES, "covisitation")
    answer = rules.recommend(tf.constant([b"u"]), tf.constant([[b"a"]]), tf.constant([[b""]]))
    assert answer["item_ids"].shape == (1, 0)
