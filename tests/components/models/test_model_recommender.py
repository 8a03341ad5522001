"""The model behind the contract: what its scores are made of, and users it knows nothing of get the rules' answer."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, data, recommender

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

CONTEXT = {"device": tf.constant([b"tv", b"phone"]), "age:float": tf.constant([0.0, 4.0])}
USERS = tf.constant([b"u0", b"u1"])


@pytest.fixture(scope="module")
def seen():
    return data()


@pytest.fixture(scope="module")
def model(seen):
    return recommender("model")


def _history(*rows):
    width = max(len(row) for row in rows)
    return tf.constant([[*row, *[b""] * (width - len(row))] for row in rows], tf.string, [len(rows), width])


def test_scores_rest_on_the_cosines_of_the_exported_vectors(model):
    history = _history([b"A"], [b"B", b"F", b"X"])
    query = model.embed_query(USERS, history, **CONTEXT)["embedding"].numpy()
    items = model.embed_items(model.catalogue()["item_ids"])["embedding"].numpy()
    scores = model.score_catalogue(USERS, history, **CONTEXT)["scores"].numpy()
    rows = model.history_rows(history)
    every = np.tile(np.arange(model.parts.candidates), (2, 1))
    _, *others = (part.at(every) for part in model.parts(tf.constant(query), rows))
    weights = model._part_weights[0].numpy()
    expected = sum(
        weight * part
        for weight, part in zip(weights, (query @ items.T / LAUNCH.model.temperature, *others), strict=True)
    )
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(query, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(items, axis=1), 1, atol=1e-5)


def test_an_unknown_item_has_no_vector(model):
    vectors = model.embed_items(tf.constant([b"A", b"never heard of", b"", b"X"]))["embedding"].numpy()
    assert np.linalg.norm(vectors, axis=1).round(4).tolist() == [1, 0, 0, 1]


def test_an_item_that_was_launched_after_training_has_a_vector_by_its_features(model):
    assert np.linalg.norm(model.embed_items(tf.constant([b"G"]))["embedding"].numpy()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("history", [(), (b"",), (b"never heard of",)])
def test_without_a_known_history_the_rules_answer(model, history):
    scores = model.score_catalogue(USERS, _history(history, [b"A"]), **CONTEXT)["scores"].numpy()
    rules = recommender("rules").score_catalogue(USERS, _history([b""], [b"A"]), **CONTEXT)["scores"].numpy()
    assert np.argsort(-scores[0], kind="stable").tolist() == np.argsort(-rules[0], kind="stable").tolist()
    assert np.argsort(-scores[1], kind="stable").tolist() != np.argsort(-scores[0], kind="stable").tolist()


def test_the_context_reaches_towers_and_head(model):
    history, items = _history([b"A"], [b"A"]), tf.constant([[b"B"], [b"B"]])
    for one in ({"device": tf.constant([b"tv", b"phone"])}, {"age:float": tf.constant([0.0, 4.0])}):
        context = {"device": tf.constant([b"tv", b"tv"]), "age:float": tf.constant([2.0, 2.0])} | one
        scores = model.score_catalogue(USERS, history, **context)["scores"].numpy()
        assert np.abs(scores[0] - scores[1]).max() > 1e-6
        click = model.rank(USERS, history, items, **context)["click"].numpy()
        assert abs(click[0, 0] - click[1, 0]) > 0


def test_a_missing_context_is_as_an_unknown_one(model):
    history = _history([b"A"], [b"A"])
    context = {"device": tf.constant([b"", b"radio"]), "age:float": tf.constant([np.nan, 2.0])}  # 2 is the mean age
    scores = model.score_catalogue(USERS, history, **context)["scores"].numpy()
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_each_item_is_judged_for_each_user_as_if_alone(model):
    history, items = _history([b"A"], [b"C", b"D"]), [[b"B", b"E", b"G"], [b"G", b"B", b"A"]]
    together = model.rank(USERS, history, tf.constant(items), **CONTEXT)["buy"].numpy()
    for row in range(2):
        one = {name: column[row : row + 1] for name, column in CONTEXT.items()}
        alone = [
            model.rank(USERS[:1], history[row : row + 1], tf.constant([[item]]), **one)["buy"].numpy()[0, 0]
            for item in items[row]
        ]
        np.testing.assert_allclose(together[row], alone, rtol=1e-5)


def test_the_age_of_the_newest_item_chooses_the_weights(monkeypatch):
    model = recommender("model")
    recent = model.parts.names.index("recent")
    weights = np.zeros((4, len(model.parts.names)), np.float32)
    weights[:, recent] = [1, 10, 100, 1000]  # without ages, within a day, within a week, later
    monkeypatch.setattr(model, "_part_weights", tf.constant(weights))
    monkeypatch.setattr(model, "_shared_scores", model.scores)  # not a graph that has other weights
    day, unknown = 86_400.0, [-1.0, np.nan]
    history = tf.constant([[b"A", b"B"]] * 6)
    ages = tf.constant(
        [[9 * day, 60.0], [9 * day, 2 * day], [9 * day, 8 * day], unknown, [9 * day, -1.0], [60.0, 9 * day]], tf.float32
    )
    context = {"device": tf.constant([b"tv"] * 6), "age:float": tf.constant([0.0] * 6)}
    users = tf.constant([b"u"] * 6)
    scores = model.score_with_ages(users, history, ages, **context)["scores"].numpy()
    plain = model.score_catalogue(users, history, **context)["scores"].numpy()
    boost = model.log_boost.numpy()
    np.testing.assert_allclose(
        scores - boost, (plain - boost) * np.array([[10], [100], [1000], [1], [1000], [10]]), rtol=1e-4
    )
    best = model.recommend_with_ages(users, history, tf.zeros([6, 0], tf.string), ages, **context)
    assert best["item_ids"].shape == (6, 4)
    assert {"recommend_with_ages", "score_with_ages"} <= set(model.signatures())
