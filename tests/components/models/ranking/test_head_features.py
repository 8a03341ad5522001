"""Declared columns reach the ranking head, and the served signatures read the same ones."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import CATALOGUE, KERAS_SEEDS, LAUNCH, data, recommender

from components.models.ranking import ranking_training
from components.models.ranking.head_features import HeadFeatures, category_numbers
from components.models.ranking.ranking_head import MAX_POSITIONS, RankingModel
from components.models.retrieval import fitting
from components.models.retrieval.context import RequestContext

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

NAMES = ("kind", "price", "device", "age:float")
WITH = dataclasses.replace(LAUNCH, model=dataclasses.replace(LAUNCH.model, ranking_features=NAMES))


@pytest.fixture(scope="module")
def features():
    train_data = data(WITH)
    return train_data, HeadFeatures(train_data, RequestContext(WITH.log.context, train_data.transform))


def test_a_pair_has_the_columns_of_its_item_and_of_its_request(features):
    train_data, layer = features
    kinds = dict(zip(CATALOGUE["item"], CATALOGUE["kind"], strict=True))
    numbers = {kind: set() for kind in (b"mug", b"hat")}
    for row, item in enumerate(train_data.items.ids):
        if item in kinds:
            numbers[kinds[item]].add(int(category_numbers(train_data.items, "kind")[row]))
    assert sorted(map(sorted, numbers.values())) == [[1], [2]]
    assert category_numbers(train_data.items, "kind")[0] == 0
    rows = np.array([1, 3, 0])
    request_context = {"device": np.array([1, 2, 1]), "age:float": np.array([0.5, -1.0, 0.0], np.float32)}
    columns = layer(rows, request_context)
    assert set(columns) == set(NAMES)
    np.testing.assert_array_equal(columns["price"], train_data.items.numbers[rows, 0])
    np.testing.assert_array_equal(columns["device"], request_context["device"])


def _fit(features, kind, device, label):
    tf.keras.utils.set_random_seed(1)
    share = np.eye(MAX_POSITIONS + 1)[0].tolist()
    model = RankingModel(("click",), [0.5], share, features.embedding() if features else None)
    rows = {"query": np.ones((len(kind), 4), np.float32), "item": np.ones((len(kind), 4), np.float32)}
    if features:
        zeros = np.zeros(len(kind), np.float32)
        rows["features"] = {"kind": kind, "price": zeros, "device": device, "age:float": zeros}
    rows |= {"position": np.zeros(len(kind), np.int32), "label": label[:, None].astype(np.float32)}
    fitting.fit(model, rows, fitting.Schedule(100, 10, 0.02, "test", 1))
    return model(rows).numpy()[:, 0]


def test_a_head_with_columns_learns_what_the_vectors_do_not_tell(features):
    rng = np.random.default_rng(0)
    kind, device = rng.integers(1, 3, (2, 2000)).astype(np.int32)
    label = kind == device
    blind = _fit(None, kind, device, label)
    assert np.ptp(blind) == pytest.approx(0, abs=1e-4)
    logits = _fit(features[1], kind, device, label)
    assert logits[label].min() > 1 > -1 > logits[~label].max()


def test_what_is_served_reads_them_in_both_signatures():
    model = recommender("model", WITH)
    assert model._trained.ranking._features is not None
    request_context = {"device": tf.constant([b"tv"]), "age:float": tf.constant([4.0])}
    history = tf.constant([[b"A", b"B"]])
    clicks = model.rank(tf.constant([b"u"]), history, tf.constant([[b"C", b"A"]]), **request_context)["click"].numpy()[
        0
    ]
    for item, served in zip((b"C", b"A"), clicks, strict=True):
        example = tf.train.Example()
        columns = example.features.feature
        columns["item"].bytes_list.value.append(item)
        columns["history"].bytes_list.value.extend([b"A", b"B"])
        columns["device"].bytes_list.value.append(b"tv")
        columns["age:float"].float_list.value.append(4.0)
        judged = model.rank_examples(tf.constant([example.SerializeToString()]))["click"].numpy()[0]
        assert judged == pytest.approx(served, abs=1e-6)


def test_training_and_serving_give_a_row_the_same_logits():
    model, train_data = recommender("model", WITH), data(WITH)
    request = RequestContext(WITH.log.context, train_data.transform)
    context = request.of_rows(train_data.events.context)
    rows = np.flatnonzero(train_data.events.labels["click"] >= 0)[:20]
    read = ranking_training.examples(
        train_data, model._trained.retrieval, context, rows, HeadFeatures(train_data, request)
    )
    logits = model._trained.ranking(read).numpy()[:, 0]
    past = np.maximum(
        ranking_training.histories.rolling_histories(
            *ranking_training.known_events(train_data), rows, WITH.model.history, WITH.seed, train_data.events.tie
        ),
        0,
    )
    columns = {name: tf.constant(column[rows]) for name, column in train_data.events.context.items()}
    served = model.probabilities(tf.constant(past), tf.constant(train_data.item_rows[rows][:, None]), columns)["click"]
    np.testing.assert_allclose(served.numpy()[:, 0], 1 / (1 + np.exp(-logits)), atol=1e-5)
