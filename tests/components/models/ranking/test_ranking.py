"""The ranking head: its loss in numpy, where it starts, and that it separates an item's effect from its position's."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS

from components.models.ranking.ranking_head import MAX_POSITIONS, PLACE_PACE, RankingModel
from components.models.retrieval import fitting

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

DIM, RATES = 4, [0.2, 0.05]
LOG_ODDS = [np.log(rate / (1 - rate)) for rate in RATES]


def _share(*places):
    share = np.zeros(MAX_POSITIONS + 1)
    np.add.at(share, list(places), 1 / len(places))
    return share.tolist()


def _model(share=None, rates=RATES):
    tf.keras.utils.set_random_seed(2)
    return RankingModel(("click", "buy")[: len(rates)], rates, share or _share(0))


def _inputs(rows, seed=0, objectives=2):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2, rows, DIM)).astype(np.float32)
    position, label = (
        rng.integers(3, size=rows).astype(np.int32),
        rng.integers(2, size=(rows, objectives)).astype(np.float32),
    )
    return {"query": vectors[0], "item": vectors[1], "position": position, "label": label}


def _log_loss(logits, label):
    probability = 1 / (1 + np.exp(-logits))
    return -(label * np.log(probability) + (1 - label) * np.log(1 - probability))


def test_it_starts_at_the_log_odds_of_the_base_rates():
    np.testing.assert_allclose(_model()(_inputs(5)), np.tile(LOG_ODDS, (5, 1)), atol=1e-5)


def test_the_loss_is_the_mean_over_the_labels_that_are_there():
    model, inputs = _model(), _inputs(6)
    inputs["label"][:4, 0] = -1
    inputs["label"][5] = -1
    has_label = inputs["label"] >= 0
    expected = _log_loss(np.tile(LOG_ODDS, (6, 1)), inputs["label"])[has_label].mean()
    assert model.compute_loss(inputs).numpy() == pytest.approx(expected, abs=1e-5)


def test_rows_without_labels_weigh_nothing_and_no_labels_at_all_cost_nothing():
    model, inputs = _model(), _inputs(6)
    more = {name: np.concatenate([column, column]) for name, column in inputs.items()}
    more["label"][6:] = -1
    assert model.compute_loss(more).numpy() == pytest.approx(model.compute_loss(inputs).numpy(), abs=1e-6)
    assert model.compute_loss(inputs | {"label": np.full((6, 2), -1, np.float32)}).numpy() == 0


def test_serving_holds_the_mean_position():
    model, inputs = _model(_share(1, 1, 1, 2)), _inputs(3)
    before = model(inputs).numpy()
    bias = np.zeros((MAX_POSITIONS + 1, 2), np.float32)
    bias[1], bias[2], bias[0] = [2, 0], [-1, 4], [50, 50]
    model._bias.assign(bias / PLACE_PACE)
    mean = 0.75 * bias[1] + 0.25 * bias[2]
    np.testing.assert_allclose(model(inputs), before + mean, atol=1e-5)
    np.testing.assert_array_equal(model(inputs | {"position": np.full(3, 40)}), model(inputs))


def _clicks(rows=6000, seed=1):
    """P(click) = sigmoid(effect of the position + relevance); the better items are shown in the first position more often."""
    rng = np.random.default_rng(seed)
    good = rng.random(rows) < 0.5
    position = np.where(rng.random(rows) < np.where(good, 0.8, 0.2), 1, 2).astype(np.int32)
    logit = np.where(position == 1, 1.5, -1.5) + np.where(good, 0.5, -0.5)
    item = np.where(good[:, None], [1.0, 0, 0, 0], [0, 1.0, 0, 0]).astype(np.float32)
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)[:, None]
    return {"query": np.ones((rows, DIM), np.float32), "item": item, "position": position, "label": label}


def test_it_learns_the_effect_of_the_place_apart_from_the_worth_of_the_item_in_a_hundred_steps():
    examples = _clicks()
    model = _model(_share(1, 2), [0.5])
    fitting.fit(model, examples, fitting.Schedule(240, 4, 0.01, "test", 1))
    place = model.places.numpy()[:, 0]
    assert place[1] - place[2] == pytest.approx(
        1.5 - -1.5, abs=0.3
    )  # by each position's own rate of clicks it would be 3.5
    pair = {"query": np.ones((2, DIM), np.float32), "item": np.eye(2, DIM, dtype=np.float32)}
    good, bad = model(pair).numpy()[:, 0]
    assert good - bad == pytest.approx(0.5 - -0.5, abs=0.3)  # without the position it would be near 1 + 0.6 x 3


def test_calibration_changes_what_is_answered_and_not_what_is_learnt():
    model, inputs = _model(), _inputs(4)
    logits, loss = model(inputs).numpy(), model.compute_loss(inputs).numpy()
    model.calibrate(np.array([[0.5, 1.0, 3.0], [2.0, -1.0, 0.0]]), 1.5)
    np.testing.assert_allclose(model(inputs), logits * [0.5, 2.0] + [1.0, -1.0], atol=1e-5)
    scored = model(inputs | {"score": np.float32([1.5, 2.5, np.nan, 0.5])}).numpy()
    np.testing.assert_allclose(scored - model(inputs), np.outer([0, 1, 0, -1], [3, 0]), atol=1e-5)
    assert model.compute_loss(inputs).numpy() == loss
