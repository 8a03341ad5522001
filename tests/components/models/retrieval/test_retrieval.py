"""The retrieval losses in numpy, and that both learn the next item of a circle."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, PLAIN

from components.declaration import Catalogue, Model
from components.features import item_table
from components.models.retrieval import retrieval_model
from components.models.retrieval.context import ContextEmbedding
from components.models.retrieval.retrieval_model import RetrievalModel

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

SETTINGS = Model(dim=8, history=4, temperature=0.2)
HISTORY = np.array([[1, 2, 3, 0], [5, 4, 4, 1], [2, 0, 0, 0]], np.int32)
TARGET = np.array([[2, 3, 4, 0], [4, 4, 1, 6], [2, 0, 0, 0]], np.int32)
WEIGHT = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 0, 0, 0]], np.float32)
INPUTS = {"history": HISTORY, "target": TARGET, "weight": WEIGHT, "context": {}}
CIRCLE = 12


def _table(size):
    return item_table.build(None, {}, np.array([b"%03d" % number for number in range(size)], object))


def _model(size=6, counts=None, settings=SETTINGS):
    tf.keras.utils.set_random_seed(1)
    counts = np.append(0, np.arange(1, size + 1)) if counts is None else counts
    return RetrievalModel(_table(size), counts, settings, ContextEmbedding({}, ()))


@pytest.fixture
def sampled(monkeypatch):
    monkeypatch.setattr(retrieval_model, "FULL_SOFTMAX_ITEMS", 2)


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)


def _asked_queries(model):
    vectors = model.all_items().numpy()[HISTORY]
    positions = np.argwhere(WEIGHT > 0)
    return model.query(
        vectors, (HISTORY > 0).astype(np.float32), positions, np.zeros((len(positions), 0), np.float32)
    ).numpy()


def _cross_entropies(logits, columns):
    return [np.log(np.exp(row).sum()) - row[column] for row, column in zip(logits, columns, strict=True)]


def test_the_full_loss_is_the_mean_cross_entropy_over_all_items():
    model = _model()
    logits = _asked_queries(model) @ _unit(model.all_items().numpy()[1:]).T / SETTINGS.temperature
    expected = np.mean(_cross_entropies(logits, TARGET[WEIGHT > 0] - 1))
    assert model.compute_loss(INPUTS).numpy() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("temperature", [0.2, 0.004])
def test_the_full_loss_and_its_gradient_are_those_of_tensorflow_for_large_logits_too(temperature):
    model = _model(settings=dataclasses.replace(SETTINGS, temperature=temperature))
    rng = np.random.default_rng(4)
    queries, vectors = (tf.constant(_unit(rng.normal(size=size)), tf.float32) for size in ((9, 8), (40, 8)))
    target = tf.range(1, 10)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((queries, vectors))
        logits = queries / temperature
        ours = model._cross_entropy(logits, vectors[:9], vectors, target, None)
        theirs = tf.nn.sparse_softmax_cross_entropy_with_logits(target - 1, logits @ tf.transpose(vectors))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    for variable in (queries, vectors):
        of_ours, of_theirs = (tf.convert_to_tensor(tape.gradient(loss, variable)) for loss in (ours, theirs))
        np.testing.assert_allclose(of_ours, of_theirs, rtol=1e-3, atol=1e-3)


def test_the_sampled_loss_corrects_the_candidates_but_not_the_target(sampled):
    model, target = _model(), TARGET[WEIGHT > 0]
    tf.random.set_seed(9)
    candidates = model._sample().numpy()
    vectors = _unit(model.all_items().numpy())
    queries = _asked_queries(model) / SETTINGS.temperature
    logits = queries @ vectors[candidates].T - np.log(len(candidates) * _q(np.arange(7))[candidates])
    logits[target[:, None] == candidates] = -np.inf  # an accidental hit is no competitor
    target_logit = (queries * vectors[target]).sum(axis=1, keepdims=True)
    expected = np.mean(_cross_entropies(np.concatenate([target_logit, logits], axis=1), np.zeros(len(target), int)))
    tf.random.set_seed(9)
    assert model.compute_loss(INPUTS).numpy() == pytest.approx(expected, rel=1e-4)


def test_the_gradient_of_the_sampled_loss_is_that_of_a_softmax_without_the_accidental_hits(sampled):
    model, rng = _model(), np.random.default_rng(5)
    queries, table = (tf.constant(_unit(rng.normal(size=size)), tf.float32) for size in ((9, 8), (7, 8)))
    target, candidates = rng.integers(1, 7, 9).astype(np.int32), model._sample().numpy()
    correction = np.log(len(candidates) * _q(np.arange(7))[candidates])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((queries, table))
        scaled, own, drawn = queries / SETTINGS.temperature, tf.gather(table, target), tf.gather(table, candidates)
        ours = model._cross_entropy(scaled, own, drawn, tf.constant(target), tf.constant(candidates))
        logits = tf.where(target[:, None] == candidates, -np.inf, scaled @ tf.transpose(drawn) - correction)
        logits = tf.concat([tf.reduce_sum(scaled * own, axis=1, keepdims=True), logits], axis=1)
        theirs = tf.nn.sparse_softmax_cross_entropy_with_logits(np.zeros(9, np.int32), logits)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    for variable in (queries, table):
        of_ours, of_theirs = (tf.convert_to_tensor(tape.gradient(loss, variable)) for loss in (ours, theirs))
        np.testing.assert_allclose(of_ours, of_theirs, rtol=1e-3, atol=1e-4)


def _q(counts):
    """How likely each row is drawn: half uniform, half by the root of its count; the unknown item never."""
    roots = np.sqrt(counts[1:])
    return np.append(0, 0.5 / len(roots) + 0.5 * roots / roots.sum())


def test_candidates_are_drawn_half_uniform_half_by_the_root_of_the_counts(sampled):
    counts = np.append(0, np.arange(40) ** 2)
    model, times = _model(40, counts), 100
    drawn = np.concatenate([model._sample().numpy() for _ in range(times)])
    assert len(drawn) == times * retrieval_model.SAMPLED
    assert drawn.min() >= 1
    shares = np.bincount(drawn, minlength=41) / len(drawn)
    np.testing.assert_allclose(shares, _q(counts), atol=0.004)  # 5 standard deviations


def test_the_sampled_loss_is_close_to_the_full_one(monkeypatch):
    model = _model()
    full = model.compute_loss(INPUTS).numpy()
    monkeypatch.setattr(retrieval_model, "FULL_SOFTMAX_ITEMS", 2)
    assert _model().compute_loss(INPUTS).numpy() == pytest.approx(full, rel=0.1)


def test_the_loss_is_a_mean_whatever_the_batch_size():
    model = _model()
    twice = {name: np.concatenate([INPUTS[name]] * 2) for name in ("history", "target", "weight")} | {"context": {}}
    assert model.compute_loss(twice).numpy() == pytest.approx(model.compute_loss(INPUTS).numpy(), rel=1e-5)


@pytest.mark.parametrize("limit", [2, 30])
def test_a_batch_that_asks_nothing_costs_nothing(monkeypatch, limit):
    monkeypatch.setattr(retrieval_model, "FULL_SOFTMAX_ITEMS", limit)
    assert _model().compute_loss(INPUTS | {"weight": np.zeros_like(WEIGHT)}, training=True).numpy() == 0


def test_vectors_have_length_one_and_the_unknown_item_none():
    vectors = _model().vectors().numpy()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [0, 1, 1, 1, 1, 1, 1], atol=1e-5)


def test_all_items_at_once_are_the_items_one_by_one():
    model = _model()
    np.testing.assert_allclose(model.all_items(), model.items(tf.range(7)), rtol=1e-6)


def test_an_item_without_training_events_keeps_no_id():
    model = _model(counts=np.array([0, 3, 0, 1, 0, 0, 2]))
    assert model.all_items().numpy().any(axis=1).tolist() == [False, True, False, True, False, False, True]


def _windows(circle=CIRCLE, length=4):
    starts = np.arange(circle)
    items = (starts[:, None] + np.arange(length + 1)) % circle + 1
    weight = np.ones((circle, length), np.float32)
    return {
        "history": items[:, :-1].astype(np.int32),
        "target": items[:, 1:].astype(np.int32),
        "weight": weight,
        "context": {},
    }


@pytest.mark.parametrize("limit", [2, 30])
def test_both_losses_learn_what_follows_in_a_circle(monkeypatch, limit):
    monkeypatch.setattr(retrieval_model, "FULL_SOFTMAX_ITEMS", limit)
    model = _model(CIRCLE, np.append(0, np.ones(CIRCLE, int)))
    model.compile(optimizer=tf.keras.optimizers.Adam(0.03))
    model.fit(tf.data.Dataset.from_tensor_slices(_windows()).batch(4), epochs=30, verbose=0)
    history = np.array([[item, 0, 0, 0] for item in range(1, CIRCLE + 1)], np.int32)
    queries = model.last_query(tf.gather(model.all_items(), history), tf.constant(history), {}).numpy()
    following = np.argmax(queries @ model.vectors().numpy()[1:].T, axis=1) + 1
    assert following.tolist() == [*range(2, CIRCLE + 1), 1]


def test_the_context_of_a_request_changes_its_query():
    tf.keras.utils.set_random_seed(1)
    table = item_table.build(Catalogue("items", "item"), {"item": np.array([b"a", b"b"], object)}, np.zeros(0, object))
    model = RetrievalModel(table, np.ones(3, int), PLAIN.model, ContextEmbedding({"device": 3}, ("device",)))
    history = tf.constant([[1, 2, 0], [1, 2, 0]], tf.int32)
    queries = model.last_query(
        tf.gather(model.all_items(), history), history, {"device": tf.constant([0, 1], tf.int64)}
    ).numpy()
    assert np.abs(queries[0] - queries[1]).max() > 1e-3
