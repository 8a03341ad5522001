"""The model's training: what it is fed, that a seed settles it, and logs that hold next to nothing."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, PLAIN, data, events, recommender

from components.features import histories
from components.features.event_table import EventTable
from components.features.id_codes import codes
from components.models import training
from components.models.context import RequestContext

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


def _log(*rows, launch=PLAIN):
    """A log of (user, item, time) rows, all positive, without labels or context."""
    user, item, time = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    count = len(rows)
    return EventTable(
        user=np.array([*user, None], object)[:-1],
        item=np.array([*item, None], object)[:-1],
        time=np.array(time, np.int64),
        positive=np.ones(count, bool),
        position=np.full(count, -1),
        labels={objective.name: np.full(count, -1) for objective in launch.ranking_objectives},
        context={name: np.array([*[b"tv"] * count, None], object)[:-1] for name in launch.log.context},
        late=np.zeros(count, bool),
    )


def _asked(log, launch=PLAIN):
    """The (history so far, target) pairs that the retrieval model learns from, as ids."""
    seen = data(launch, log)
    fed = training._sequences(seen, {})
    ids = seen.items.ids
    return [
        (tuple(ids[fed["history"][window, : place + 1]]), ids[fed["target"][window, place]])
        for window, place in zip(*np.nonzero(fed["weight"]), strict=True)
    ]


def test_what_is_fed_by_eye():
    log = _log((b"u", b"C", 3), (b"u", b"A", 1), (b"v", b"X", 9), (b"u", b"B", 2))
    assert _asked(log) == [((b"A",), b"B"), ((b"A", b"B"), b"C")]


def test_an_item_that_was_seen_is_no_target_unless_the_launch_shows_it_again():
    log = _log((b"u", b"A", 1), (b"u", b"B", 2), (b"u", b"A", 3), (b"u", b"C", 4))
    assert [target for _, target in _asked(log)] == [b"B", b"C"]
    again = dataclasses.replace(PLAIN, exclude_seen=False)
    assert [target for _, target in _asked(log, again)] == [b"B", b"A", b"C"]


def test_an_event_without_an_item_tells_nothing():
    log = _log((b"u", b"A", 1), (b"u", b"", 2), (b"u", b"B", 3))
    assert _asked(log) == [((b"A",), b"B")]


def test_the_context_of_a_position_is_that_of_its_target():
    log = events(LAUNCH, users=1)
    seen = data(LAUNCH, log)
    number = np.arange(len(log))
    fed = training._sequences(seen, {"device": number})
    rows = fed["context"]["device"][fed["weight"] > 0]
    assert seen.item_rows[rows].tolist() == fed["target"][fed["weight"] > 0].tolist()
    assert log.positive[rows].all()


def _changed_after(log, moment):
    """The log with everything from the moment on made different."""
    late = log.time >= moment
    item = np.where(late, np.roll(log.item, 5), log.item)
    return dataclasses.replace(log, item=item, time=np.where(late, log.time + 1, log.time), positive=log.positive ^ late)


@pytest.mark.parametrize("step", [2, 5, 8])
def test_later_events_change_nothing_in_what_is_fed_for_earlier_ones(step):
    log = dataclasses.replace(events(PLAIN), labels={}, context={})
    moment = int(np.sort(log.time)[len(log) * step // 9])
    before, after = ([_fed_before(changed, moment)] for changed in (log, _changed_after(log, moment)))
    assert before == after
    assert before[0]


def _fed_before(log, moment):
    """User, moment, history and target of each position whose target is earlier than the moment."""
    seen = data(PLAIN, log)
    user, _ = codes(log.user)
    known = (user, seen.item_rows, log.time, log.positive)
    rows = histories.sequences(*known, PLAIN.model.history, PLAIN.seed).rows[:, 1:]
    fed = training._sequences(seen, {})
    ids = seen.items.ids
    early = (rows >= 0) & (log.time[rows] < moment)
    return sorted(
        (
            log.user[rows[window, place]],
            int(log.time[rows[window, place]]),
            tuple(ids[fed["history"][window, : place + 1]]),
            fed["weight"][window, place],
        )
        for window, place in zip(*np.nonzero(early), strict=True)
    )


@pytest.fixture(scope="module")
def shop():
    """The shop's data and a trained model of it."""
    return data(), recommender("model")


def _all_scores(model):
    history = tf.constant([[b"A", b"B"], [b"X", b""]])
    context = {"device": tf.constant([b"tv", b""]), "age:float": tf.constant([0.0, 4.0])}
    users = tf.constant([b"u", b"v"])
    scores = [model.score_catalogue(users, history, **context)["scores"], model.rank(users, history, history, **context)["value"]]
    return np.concatenate([score.numpy().ravel() for score in scores])


def test_the_same_seed_gives_the_same_model_and_another_another(shop):
    seen, model = shop
    np.testing.assert_array_equal(_all_scores(training.trained(data())), _all_scores(model))
    other = training.trained(dataclasses.replace(seen, launch=dataclasses.replace(LAUNCH, seed=8)))
    assert np.abs(_all_scores(other) - _all_scores(model)).max() > 1e-3


def test_row_queries_are_those_of_the_history_before_the_row(shop):
    seen, model = shop
    request = RequestContext(LAUNCH.log.context, seen.transform)
    context = request.of_rows(seen.events.context)
    rows = np.flatnonzero(seen.events.labels["click"] >= 0)[[0, 20, 53]]
    queries = training._row_queries(seen, model._trained.retrieval, rows, {name: column[rows] for name, column in context.items()})
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
    later = dataclasses.replace(seen, events=_changed_after(seen.events, moment))
    context = RequestContext(LAUNCH.log.context, seen.transform).of_rows(seen.events.context)
    asked = (rows, {name: column[rows] for name, column in context.items()})
    before, after = (training._row_queries(known, model._trained.retrieval, *asked) for known in (seen, later))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "rows",
    [(), ((b"u", b"A", 1),), ((b"u", b"A", 1), (b"v", b"B", 2)), ((b"u", b"A", 1), (b"u", b"A", 2))],
    ids=["none", "one", "one each", "repeat"],
)
@pytest.mark.parametrize(
    "launch", [PLAIN, dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=("device",)))], ids=["plain", "shop"]
)
def test_a_log_that_teaches_nothing_still_gives_a_model_that_answers(rows, launch):
    model = training.trained(data(launch, _log(*rows, launch=launch)))
    context = {"device": tf.constant([b"tv"])} if launch.log.context else {}
    for history in (tf.zeros([1, 0], tf.string), tf.constant([[b"A"]])):
        answer = model.recommend(tf.constant([b"u"]), history, tf.zeros([1, 0], tf.string), **context)
        assert not np.isnan(answer["scores"].numpy()).any()
    if launch.has_ranking_head:
        probability = model.rank(tf.constant([b"u"]), tf.constant([[b"A"]]), tf.constant([[b"A"]]), **context)["click"].numpy()
        assert probability == pytest.approx(0.5)


@pytest.mark.parametrize(("rows", "batch"), [(10, 3), (4, 4), (1, 8)])
def test_each_epoch_holds_every_row_once_in_an_order_of_its_own(rows, batch):
    arrays = {"a": np.arange(rows), "context": {"b": np.arange(rows) * 10.0}}
    batches = list(training._batches(arrays, rows, batch, epochs=3, seed=5).as_numpy_iterator())
    steps = -(-rows // batch)
    assert [len(part["a"]) for part in batches] == ([batch] * (rows // batch) + [rows % batch] * (rows % batch > 0)) * 3
    orders = [np.concatenate([part["a"] for part in batches[epoch * steps : (epoch + 1) * steps]]).tolist() for epoch in range(3)]
    assert [sorted(order) for order in orders] == [list(range(rows))] * 3
    assert all((part["context"]["b"] == part["a"] * 10).all() for part in batches)
    assert rows < 5 or all(one != other for one, other in itertools.combinations(orders, 2))
