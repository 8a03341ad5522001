"""Items that nobody has met: with catalogue features they are offered to those who like their kind, without them to everyone or no one alike."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, PLAIN, log, transform

from components.declaration import Catalogue
from components.features import item_table
from components.features.training_data import TrainingData
from components.models import training

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

KINDS, OLD, USERS, TAKEN = 3, 8, 90, 6
IDS = [
    (kind, b"%d-%02d" % (kind, number)) for kind in range(KINDS) for number in range(OLD + 1)
]  # the last of each kind is new
NEW = [b"%d-%02d" % (kind, OLD) for kind in range(KINDS)]


def _recommender(*categories):
    """Trained on users who take items of one kind each, with these columns of the catalogue as features."""
    rng = np.random.default_rng(0)
    rows = [
        (b"u%d" % user, b"%d-%02d" % (user % KINDS, item), user + step * 1000)
        for user in range(USERS)
        for step, item in enumerate(rng.permutation(OLD)[:TAKEN])
    ]
    columns = {
        "item": np.array([name for _, name in IDS], object),
        "kind": np.array([b"kind %d" % kind for kind, _ in IDS], object),
    }
    model = dataclasses.replace(PLAIN.model, epochs=8, learning_rate=0.02, top_k=3)
    launch = dataclasses.replace(PLAIN, model=model, catalogue=Catalogue("items", "item", categories=categories))
    train_log = log(*rows)
    return training.train(
        TrainingData(
            launch,
            train_log,
            item_table.build(launch.catalogue, columns, train_log.item),
            transform(),
            catalogue=columns,
        )
    )


def _scores_of_new(recommender):
    """[kinds of history, new items]: the scores of the new items for a history of each kind."""
    history = tf.constant([[b"%d-%02d" % (kind, number) for number in range(3)] for kind in range(KINDS)])
    scores = recommender.score_catalogue(tf.constant([b"u"] * KINDS), history)["scores"].numpy()
    ids = recommender.catalogue()["item_ids"].numpy().tolist()
    return scores[:, [ids.index(name) for name in NEW]], scores


def test_with_features_a_new_item_is_for_those_who_like_its_kind():
    new, scores = _scores_of_new(_recommender("kind"))
    assert new.argmax(axis=1).tolist() == [0, 1, 2]
    others = [np.delete(scores[kind], range(kind * (OLD + 1), (kind + 1) * (OLD + 1))).max() for kind in range(KINDS)]
    assert (new.diagonal() > others).all()  # before every old item of another kind


def test_without_features_nobody_can_tell_new_items_apart():
    new, _ = _scores_of_new(_recommender())
    np.testing.assert_allclose(new, new[:, :1] * np.ones(KINDS), atol=1e-4)
