"""The model's complete training: reproducible by seed, and on almost empty logs."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, PLAIN, data, log, recommender

from components.models import training

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


@pytest.fixture(scope="module")
def shop():
    """The shop's data and a trained model of it."""
    return data(), recommender("model")


def _all_scores(model):
    history = tf.constant([[b"A", b"B"], [b"X", b""]])
    context = {"device": tf.constant([b"tv", b""]), "age:float": tf.constant([0.0, 4.0])}
    users = tf.constant([b"u", b"v"])
    scores = [
        model.score_catalogue(users, history, **context)["scores"],
        model.rank(users, history, history, **context)["value"],
    ]
    return np.concatenate([score.numpy().ravel() for score in scores])


def test_the_same_seed_gives_the_same_model_and_another_another(shop):
    train_data, model = shop
    np.testing.assert_array_equal(_all_scores(training.train(data())), _all_scores(model))
    other = training.train(dataclasses.replace(train_data, launch=dataclasses.replace(LAUNCH, seed=8)))
    assert np.abs(_all_scores(other) - _all_scores(model)).max() > 1e-3


@pytest.mark.parametrize(
    "rows",
    [(), ((b"u", b"A", 1),), ((b"u", b"A", 1), (b"v", b"B", 2)), ((b"u", b"A", 1), (b"u", b"A", 2))],
    ids=["none", "one", "one each", "repeat"],
)
@pytest.mark.parametrize(
    "launch",
    [PLAIN, dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=("device",)))],
    ids=["plain", "shop"],
)
def test_a_log_that_teaches_nothing_still_gives_a_model_that_answers(rows, launch):
    model = training.train(data(launch, log(*rows, launch=launch)))
    context = {"device": tf.constant([b"tv"])} if launch.log.context else {}
    for history in (tf.zeros([1, 0], tf.string), tf.constant([[b"A"]])):
        answer = model.recommend(tf.constant([b"u"]), history, tf.zeros([1, 0], tf.string), **context)
        assert not np.isnan(answer["scores"].numpy()).any()
    if launch.has_ranking_head:
        probability = model.rank(tf.constant([b"u"]), tf.constant([[b"A"]]), tf.constant([[b"A"]]), **context)[
            "click"
        ].numpy()
        assert probability == pytest.approx(0.5)
