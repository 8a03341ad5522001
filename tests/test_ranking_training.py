"""The ranking head's training: the queries of its rows know the past only, and how many rows there may be."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, changed_after, data, recommender

from components.models import ranking_training
from components.models.context import RequestContext

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


@pytest.fixture(scope="module")
def shop():
    """The shop's data and a trained model of it."""
    return data(), recommender("model")


def test_row_queries_are_those_of_the_history_before_the_row(shop):
    seen, model = shop
    request = RequestContext(LAUNCH.log.context, seen.transform)
    context = request.of_rows(seen.events.context)
    rows = np.flatnonzero(seen.events.labels["click"] >= 0)[[0, 20, 53]]
    queries = ranking_training.row_queries(seen, model._trained.retrieval, rows, {name: column[rows] for name, column in context.items()})
    for query, row in zip(queries, rows, strict=True):
        log = seen.events
        past = [other for other in range(len(log)) if log.user[other] == log.user[row] and log.positive[other] and log.time[other] < log.time[row]]
        items = log.item[sorted(past, key=lambda other: log.time[other])][-LAUNCH.model.history :]
        one = {name: tf.constant(column[row : row + 1]) for name, column in log.context.items()}
        expected = model.embed_query(tf.constant([b"u"]), tf.constant([items.tolist()], tf.string, [1, len(items)]), **one)["embedding"]
        np.testing.assert_allclose(query, expected[0], atol=1e-5)


@pytest.mark.parametrize("step", [3, 6])
def test_later_events_change_nothing_in_the_queries_of_earlier_rows(shop, step):
    seen, model = shop
    moment = int(np.sort(seen.events.time)[len(seen.events) * step // 9])
    rows = np.flatnonzero(seen.events.time < moment)
    later = dataclasses.replace(seen, events=changed_after(seen.events, moment))
    context = RequestContext(LAUNCH.log.context, seen.transform).of_rows(seen.events.context)
    asked = (rows, {name: column[rows] for name, column in context.items()})
    before, after = (ranking_training.row_queries(known, model._trained.retrieval, *asked) for known in (seen, later))
    np.testing.assert_array_equal(before, after)


def test_no_more_rows_than_the_limit_in_their_own_order(monkeypatch):
    monkeypatch.setattr(ranking_training, "MOST_ROWS", 3)
    sampled = ranking_training._sampled(np.arange(100) * 2, seed=1)
    assert len(set(sampled)) == 3
    assert sampled.tolist() == sorted(sampled)
    assert ranking_training._sampled(np.array([4, 7]), seed=1).tolist() == [4, 7]


def test_a_position_starts_at_what_its_own_rate_says():
    position = np.repeat([0, 1, 2], 100_000).astype(np.int32)
    label = np.concatenate([np.tile([1, 0, 0, 0], 25_000), np.tile([1, 0], 50_000), np.tile([1, -1], 50_000)]).astype(np.float32)[:, None]
    label[200_000::4] = 0  # every second known label of the last place
    logits = ranking_training._place_logits(position, label, np.array([0.5]))[:, 0]
    np.testing.assert_allclose(logits[:4], [np.log(1 / 3), 0, 0, 0], atol=0.01)


def test_rare_positions_start_near_the_mean():
    logits = ranking_training._place_logits(np.array([5], np.int32), np.ones((1, 1), np.float32), np.array([0.1]))[:, 0]
    assert 0 < logits[5] < 0.1
    assert not np.delete(logits, 5).any()
