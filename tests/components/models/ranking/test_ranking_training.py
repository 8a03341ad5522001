"""The ranking head's training: the queries of its rows know the past only, how many rows there may be, and its calibration."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, changed_after, data, recommender

from components.metrics import validation_cut
from components.models.ranking import ranking_training
from components.models.retrieval.context import RequestContext
from components.models.retrieval.retrieval_training import Choice

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


@pytest.fixture(scope="module")
def shop():
    """The shop's data and a trained model of it."""
    return data(), recommender("model")


def test_row_queries_are_those_of_the_history_before_the_row(shop):
    train_data, model = shop
    request = RequestContext(LAUNCH.log.context, train_data.transform)
    context = request.of_rows(train_data.events.context)
    rows = np.flatnonzero(train_data.events.labels["click"] >= 0)[[0, 20, 53]]
    queries = ranking_training.row_queries(
        train_data, model._trained.retrieval, rows, {name: column[rows] for name, column in context.items()}
    )
    for query, row in zip(queries, rows, strict=True):
        log = train_data.events
        past = [
            other
            for other in range(len(log))
            if log.user[other] == log.user[row] and log.positive[other] and log.time[other] < log.time[row]
        ]
        items = log.item[sorted(past, key=lambda other: log.time[other])][-LAUNCH.model.history :]
        one = {name: tf.constant(column[row : row + 1]) for name, column in log.context.items()}
        expected = model.embed_query(
            tf.constant([b"u"]), tf.constant([items.tolist()], tf.string, [1, len(items)]), **one
        )["embedding"]
        np.testing.assert_allclose(query, expected[0], atol=1e-5)


@pytest.mark.parametrize("step", [3, 6])
def test_later_events_change_nothing_in_the_queries_of_earlier_rows(shop, step):
    train_data, model = shop
    moment = int(np.sort(train_data.events.time)[len(train_data.events) * step // 9])
    rows = np.flatnonzero(train_data.events.time < moment)
    later = dataclasses.replace(train_data, events=changed_after(train_data.events, moment))
    context = RequestContext(LAUNCH.log.context, train_data.transform).of_rows(train_data.events.context)
    arguments = (rows, {name: column[rows] for name, column in context.items()})
    before, after = (
        ranking_training.row_queries(log_data, model._trained.retrieval, *arguments) for log_data in (train_data, later)
    )
    np.testing.assert_array_equal(before, after)


def test_rows_that_are_alike_are_found_by_all_their_columns():
    history, device = np.array([[1, 2], [1, 2], [1, 0], [1, 2]], np.int32), np.array([3, 3, 3, 4])
    first, place = ranking_training._distinct_rows([history, device])
    assert sorted(first) == [0, 2, 3]
    np.testing.assert_array_equal(history[first][place], history)
    np.testing.assert_array_equal(device[first][place], device)
    assert [len(part) for part in ranking_training._distinct_rows([history[:0], device[:0]])] == [0, 0]


def test_no_more_rows_than_the_limit_in_their_own_order():
    sampled = ranking_training._sample(np.arange(100) * 2, seed=1, most=3)
    assert len(set(sampled)) == 3
    assert sampled.tolist() == sorted(sampled)
    assert ranking_training._sample(np.array([4, 7]), seed=1, most=3).tolist() == [4, 7]


@pytest.mark.parametrize(("scale", "shift", "weight"), [(1.0, 0.0, 0.0), (0.6, -0.4, 0.3), (0.0, -1.0, 1.0)])
def test_logits_and_scores_are_believed_as_far_as_they_tell(scale, shift, weight):
    rng = np.random.default_rng(1)
    logits, score = rng.normal(-1, 2, 40_000), rng.normal(0, 2, 40_000)
    logit = scale * logits + shift + weight * score
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    expected = [scale, shift, weight]
    np.testing.assert_allclose(ranking_training.fit_calibration(logits, labels, score), expected, atol=0.05)
    labels[::2], logits[::2] = -1, 100  # a label that is missing says nothing
    np.testing.assert_allclose(ranking_training.fit_calibration(logits, labels, score), expected, atol=0.07)


@pytest.mark.parametrize(("scale", "weight"), [(-1.0, 0.5), (0.5, -1.0), (-1.0, -1.0)])
def test_what_points_the_wrong_way_is_not_turned_round(scale, weight):
    rng = np.random.default_rng(2)
    logits, score = rng.normal(size=(2, 40_000))
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-scale * logits - weight * score))).astype(np.float32)
    fitted = ranking_training.fit_calibration(logits, labels, score)
    for number, true in zip(fitted[[0, 2]], (scale, weight), strict=True):
        assert number == 0 if true < 0 else number > 0.3


def test_few_rows_leave_the_logits_near_where_they_are_and_none_as_they_are():
    nothing, one = np.zeros(0), np.array([-2.0])
    assert ranking_training.fit_calibration(nothing, nothing, nothing).tolist() == [1, 0, 0]
    np.testing.assert_allclose(ranking_training.fit_calibration(one, -one / 2, one * 0), [1, 0, 0], atol=0.7)


@pytest.mark.parametrize("together", [1, 3, 16])
def test_the_score_of_a_row_is_that_of_its_item_for_the_history_before_it(shop, monkeypatch, together):
    monkeypatch.setattr(ranking_training, "SCORED_TOGETHER", together)
    monkeypatch.setattr(ranking_training, "SCORED_AT_ONCE", 7)
    train_data, model = shop
    context = RequestContext(LAUNCH.log.context, train_data.transform).of_rows(train_data.events.context)
    rows = np.flatnonzero(train_data.events.labels["click"] >= 0)[:60]
    some = {name: column[rows] for name, column in context.items()}
    queries = ranking_training.row_queries(train_data, model._trained.retrieval, rows, some)
    weights = np.linspace(1, 0.2, len(model.parts.names)).astype(np.float32)
    scores = ranking_training.score_rows(train_data, model.parts, weights, queries, rows)
    history = tf.constant(ranking_training.row_histories(train_data, rows))
    every = model.parts.score(tf.constant(queries), history, tf.constant(np.tile(weights, (len(rows), 1)))).numpy()
    active = np.flatnonzero(train_data.items.active)
    for row, score, of_all in zip(rows, scores, every, strict=True):
        (place,) = np.nonzero(active == train_data.item_rows[row])
        assert score == pytest.approx(of_all[place[0]], abs=1e-4) if len(place) else np.isnan(score)


def test_a_head_is_calibrated_on_the_rows_after_the_cut_by_towers_that_do_not_know_them(shop):
    train_data, model = shop
    towers, context = (
        model._trained.retrieval,
        RequestContext(LAUNCH.log.context, train_data.transform).of_rows(train_data.events.context),
    )
    late = train_data.events.time >= validation_cut.cut(train_data)
    later = {"click": 1, "buy": 0}  # half and a quarter before
    labels = {
        name: np.where(late & (label >= 0), later[name], label) for name, label in train_data.events.labels.items()
    }
    choice = Choice(1, None, unlearnt=train_data.events.time >= validation_cut.cut(train_data), towers=towers)
    head = ranking_training.train(
        dataclasses.replace(train_data, events=dataclasses.replace(train_data.events, labels=labels)),
        towers,
        context,
        choice,
    )
    clicks, buys = head._shift.numpy()
    assert clicks > 0.1 and buys < -0.1
