"""A team's own towers: what a subclass adds, and that the model trains and serves with them."""

import dataclasses
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, data

from components.models import training
from components.models.retrieval.item_tower import ItemTower
from components.models.retrieval.sequence_tower import SequenceTower

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


class Sum(SequenceTower):
    """The sum of the items so far."""

    def states(self, items, mask, training):
        return tf.cumsum(items * mask[..., None], axis=1)


class Doubled(ItemTower):
    """Our vectors, twice as long."""

    def everything(self, training=False, cold=None):
        return 2 * super().everything(training, cold)


def test_the_last_query_is_the_query_after_the_last_item():
    tower = Sum(4, 3)
    rng = np.random.default_rng(0)
    items, context = rng.normal(size=(2, 3, 4)).astype(np.float32), rng.normal(size=(2, 2)).astype(np.float32)
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.float32)
    request_context = tower(items, mask, np.array([[0, 1], [1, 2]]), context)
    np.testing.assert_allclose(tower.last(items, mask, context), request_context, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(request_context, axis=1), 1, atol=1e-5)
    items[0, 2] = 99  # padding says nothing
    np.testing.assert_allclose(tower.last(items, mask, context), request_context, atol=1e-6)


def test_a_model_is_trained_and_served_with_the_towers_of_a_team(monkeypatch):
    module = types.ModuleType("components.house_towers")
    module.Sum, module.Doubled = Sum, Doubled
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings = dataclasses.replace(
        LAUNCH.model, query_tower="components.house_towers.Sum", item_tower="components.house_towers.Doubled"
    )
    launch = dataclasses.replace(LAUNCH, model=settings)
    assert launch.model.towers == ("components.house_towers.Sum", "components.house_towers.Doubled")
    model = training.train(data(launch))
    assert isinstance(model._trained.retrieval.query, Sum)
    assert isinstance(model._trained.retrieval.items, Doubled)
    request_context = {"device": tf.constant([b"tv"]), "age:float": tf.constant([1.0])}
    answer = model.signatures()["serving_default"](
        user_id=tf.constant([b"u"]),
        history=tf.constant([[b"A", b"B"]]),
        exclude_ids=tf.constant([[b""]]),
        device=request_context["device"],
        age_float=request_context["age:float"],
    )
    assert np.isfinite(answer["scores"][0, 0])
