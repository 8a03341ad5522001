"""The retrieval losses in numpy, and that both learn the next item of a circle."""

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
    asked = np.argwhere(WEIGHT > 0)
    return model.query(vectors, (HISTORY > 0).astype(np.float32), asked, np.zeros((len(asked), 0), np.float32)).numpy()


def _cross_entropies(logits, columns):
    return [np.log(np.exp(row).sum()) - row[column] for row, column in zip(logits, columns, strict=True)]


def test_the_full_loss_is_the_mean_cross_entropy_over_all_items():
    model = _model()
    logits = _asked_queries(model) @ _unit(model.all_items().numpy()[1:]).T / SETTINGS.temperature
    expected = np.mean(_cross_entropies(logits, TARGET[WEIGHT > 0] - 1))
    assert model.compute_loss(INPUTS).numpy() == pytest.approx(expected, rel=1e-4)


def test_log_sum_exp_and_its_gradient_are_those_of_tensorflow_for_large_logits_too():
    logits = tf.constant(np.random.default_rng(4).normal(size=(3, 7)) * 200, tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ours, theirs = retrieval_model._log_sum_exp(logits), tf.reduce_logsumexp(logits, axis=1)
    assert ours.numpy() == pytest.approx(theirs.numpy(), rel=1e-6)
    assert tape.gradient(ours, logits).numpy() == pytest.approx(tape.gradient(theirs, logits).numpy(), abs=1e-6)


def test_the_sampled_loss_corrects_each_logit_by_the_candidate_s_log_probability(sampled):
    model, target = _model(), tf.constant(TARGET[WEIGHT > 0])
    tf.random.set_seed(9)
    candidates, log_q = (tensor.numpy() for tensor in model._sample(target))
    logits = _asked_queries(model) @ _unit(model.all_items().numpy()[candidates]).T / SETTINGS.temperature - log_q
    columns = [candidates.tolist().index(row) for row in target.numpy()]
    tf.random.set_seed(9)
    assert model.compute_loss(INPUTS).numpy() == pytest.approx(np.mean(_cross_entropies(logits, columns)), rel=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_candidates_are_the_targets_and_samples_each_once_never_the_unknown_item(sampled, seed):
    model, target = _model(size=40), np.random.default_rng(seed).integers(1, 41, size=9).astype(np.int32)
    tf.random.set_seed(seed)
    candidates = model._sample(tf.constant(target))[0].numpy()
    own = len(set(target))
    assert set(candidates[:own]) == set(target)
    assert own < len(candidates) == len(set(candidates)) <= 2 * own
    assert candidates.min() >= 1
    assert candidates.max() <= 40


def test_log_q_is_written_out_here(sampled):
    counts = np.append(0, np.arange(1, 41))
    model, target = _model(40, counts), tf.constant([3, 7, 7, 30], tf.int32)
    candidates, log_q = (tensor.numpy() for tensor in model._sample(target))
    expected = (
        4 * counts[candidates] / counts.sum() + 3 / 40
    )  # 4 targets drawn by share, 3 samples drawn evenly from 40
    np.testing.assert_allclose(log_q, np.log(1 - np.exp(-expected)), rtol=1e-4)


def test_q_is_how_often_an_item_is_a_candidate(sampled):
    counts = np.append(0, np.arange(1, 41))
    model, rng, times = _model(40, counts), np.random.default_rng(0), 400
    met, q = np.zeros(41), np.full(41, np.nan)
    for _ in range(times):
        target = rng.choice(41, size=8, p=counts / counts.sum())
        candidates, log_q = model._sample(tf.constant(target, tf.int32))
        met[candidates.numpy()] += 1 / times
        q[candidates.numpy()] = np.exp(log_q.numpy())
    assert np.abs(met[1:] - q[1:]).max() < 0.12  # 4 standard deviations are 0.1
    assert abs(met[1:].mean() - q[1:].mean()) < 0.02


def test_places_finds_each_target_among_the_candidates():
    candidates = tf.constant([7, 2, 9, 4], tf.int32)
    assert retrieval_model._places(candidates, tf.constant([4, 7, 7, 2], tf.int32)).numpy().tolist() == [3, 0, 0, 1]


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


@pytest.mark.parametrize("at_once", [1, 3, 7, 100])
def test_all_items_in_chunks_are_all_items(monkeypatch, at_once):
    expected = _model().all_items().numpy()
    monkeypatch.setattr(retrieval_model, "EMBEDDED_AT_ONCE", at_once)
    np.testing.assert_array_equal(_model().all_items(), expected)


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
