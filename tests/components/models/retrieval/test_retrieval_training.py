"""The towers' training: what it is fed, and what is chosen on the validation part."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, PLAIN, changed_after, data, events, log

from components.features import histories
from components.features.id_codes import codes
from components.metrics import validation_cut
from components.models.retrieval import part_counts, retrieval_training
from components.models.retrieval.context import RequestContext
from components.rules import declared_rules
from components.rules.rule_forms import NextItems

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


def _asked(log, launch=PLAIN):
    """The (history so far, target) pairs that the retrieval model learns from, as ids."""
    train_data = data(launch, log)
    fed = retrieval_training.sequences(train_data, {})
    ids = train_data.items.ids
    return [
        (tuple(ids[fed["history"][window, : place + 1]]), ids[fed["target"][window, place]])
        for window, place in zip(*np.nonzero(fed["weight"]), strict=True)
    ]


def test_what_is_fed_by_eye():
    rows = log((b"u", b"C", 3), (b"u", b"A", 1), (b"v", b"X", 9), (b"u", b"B", 2))
    assert _asked(rows) == [((b"A",), b"B"), ((b"A", b"B"), b"C")]


def test_an_item_that_was_seen_is_no_target_unless_the_launch_shows_it_again():
    rows = log((b"u", b"A", 1), (b"u", b"B", 2), (b"u", b"A", 3), (b"u", b"C", 4))
    assert [target for _, target in _asked(rows)] == [b"B", b"C"]
    again = dataclasses.replace(PLAIN, exclude_seen=False)
    assert [target for _, target in _asked(rows, again)] == [b"B", b"A", b"C"]


def test_an_event_without_an_item_tells_nothing():
    rows = log((b"u", b"A", 1), (b"u", b"", 2), (b"u", b"B", 3))
    assert _asked(rows) == [((b"A",), b"B")]


def test_the_context_of_a_position_is_that_of_its_target():
    log = events(LAUNCH, users=1)
    train_data = data(LAUNCH, log)
    number = np.arange(len(log))
    fed = retrieval_training.sequences(train_data, {"device": number})
    rows = fed["context"]["device"][fed["weight"] > 0]
    assert train_data.item_rows[rows].tolist() == fed["target"][fed["weight"] > 0].tolist()
    assert log.positive[rows].all()


@pytest.mark.parametrize("step", [2, 5, 8])
def test_later_events_change_nothing_in_what_is_fed_for_earlier_ones(step):
    log = dataclasses.replace(events(PLAIN), labels={}, context={})
    moment = int(np.sort(log.time)[len(log) * step // 9])
    before, after = ([_fed_before(changed, moment)] for changed in (log, changed_after(log, moment)))
    assert before == after
    assert before[0]


def _fed_before(log, moment):
    """User, moment, history and target of each position whose target is earlier than the moment."""
    train_data = data(PLAIN, log)
    user, _ = codes(log.user)
    log_columns = (user, train_data.item_rows, log.time, log.positive)
    rows = histories.sequences(*log_columns, PLAIN.model.history, PLAIN.seed).rows[:, 1:]
    fed = retrieval_training.sequences(train_data, {})
    ids = train_data.items.ids
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


def test_a_log_with_too_few_questions_keeps_what_is_declared():
    train_data = data(PLAIN, log((b"u", b"A", 1), (b"u", b"B", 2)))
    choice = retrieval_training.choose(train_data, RequestContext((), train_data.transform), {})
    assert (choice.epochs, choice.blend, choice.gain, choice.towers) == (PLAIN.model.epochs, None, 0.0, None)


@pytest.fixture(scope="module")
def circle():
    """What is chosen on a log of 240 users who walk the circle, and may walk it again."""
    again = dataclasses.replace(PLAIN, exclude_seen=False, model=dataclasses.replace(PLAIN.model, epochs=6))
    train_data = data(again, dataclasses.replace(events(again, users=240), labels={}, context={}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval_training, "LEAST_HELD", 50)
        return train_data, retrieval_training.choose(train_data, RequestContext((), train_data.transform), {})


def test_what_can_be_learnt_is_chosen_on_the_validation_part(circle):
    train_data, choice = circle
    assert 1 <= choice.epochs <= choice.tried <= 6
    assert choice.gain > 0.9  # at random, the mean over the seven ranks would be 0.56
    names = (*reversed(choice.blend.names), "a new one")
    weights = choice.blend.by_request(names)
    np.testing.assert_array_equal(weights[0, :-1], choice.blend.weights[::-1])
    np.testing.assert_array_equal(weights[1:, :-1], choice.blend.by_gap[:, ::-1])
    assert weights.shape == (4, len(names)) and not weights[:, -1].any()
    assert choice.blend.ndcg >= max(choice.blend.alone.values())
    assert choice.serves and 50 <= (choice.unlearnt & train_data.events.positive).sum() <= 3 * 240 / 4


def test_where_left_out_users_give_few_questions_the_last_tenth_is_left_out(circle):
    train_data, _ = circle
    once = dataclasses.replace(train_data.launch, model=dataclasses.replace(train_data.launch.model, epochs=1))
    choice = retrieval_training.choose(data(once, train_data.events), RequestContext((), train_data.transform), {})
    assert not choice.serves
    assert (choice.unlearnt == (train_data.events.time >= validation_cut.cut(train_data))).all()


def test_where_items_are_new_the_last_tenth_is_left_out_and_the_towers_do_not_serve(circle, monkeypatch):
    train_data, _ = circle
    late = train_data.events.positive & (train_data.events.time >= validation_cut.cut(train_data))
    renamed = train_data.events.item.copy()
    renamed[np.flatnonzero(late)[::3]] = b"new"
    launched = data(train_data.launch, dataclasses.replace(train_data.events, item=renamed))
    monkeypatch.setattr(retrieval_training, "LEAST_HELD", 50)
    choice = retrieval_training.choose(launched, RequestContext((), train_data.transform), {})
    assert not choice.serves
    assert (choice.unlearnt == (launched.events.time >= validation_cut.cut(launched))).all()


@pytest.mark.parametrize(("windows", "size"), [(10_000, 64), (6400, 64), (6399, 32), (100, 32)])
def test_a_small_log_is_read_in_small_batches(windows, size):
    assert retrieval_training.batch_size(windows, 64) == size


def test_a_declared_batch_is_never_made_larger():
    assert retrieval_training.batch_size(100, 4) == 4


@pytest.mark.parametrize(
    ("windows", "most", "epochs"),
    [
        (0, 12, 12),
        (53_000, 12, 12),
        (64_000, 12, 10),
        (100_000, 12, 6),
        (9_000_000, 12, 6),
        (9_000_000, 5, 3),
        (9_000_000, 1, 1),
    ],
)
def test_a_large_log_is_read_fewer_times(windows, most, epochs):
    assert retrieval_training.most_epochs(windows, 64, most) == epochs


def _own_rule(launch, rule_log):
    """Item 1 leads to item 3."""
    neighbours = np.zeros((len(rule_log.items), 1), np.int32)
    neighbours[1] = 3
    return NextItems(neighbours, (neighbours > 0).astype(np.float32), 1, 1.0)


def test_the_parts_know_what_training_knew(circle, monkeypatch):
    train_data, _ = circle
    monkeypatch.setitem(declared_rules.BUILT_IN, "popularity", _own_rule)
    model = retrieval_training.train(train_data, RequestContext((), train_data.transform), {}, "test", stop=1).model
    parts = part_counts.score_parts(train_data, model)
    history = tf.constant([[1, 0, 0]], tf.int32)
    query = model.last_query(tf.gather(model.all_items(), history), history, {})
    every = np.arange(parts.candidates)[None]
    values = {name: part.at(every) for name, part in zip(parts.names, parts(query, history), strict=True)}
    assert "attributes" not in values  # nothing is said of the items
    candidates = train_data.items.ids[train_data.items.active].tolist()
    assert values["towers"].shape == values["ease"].shape == (1, len(candidates))
    assert {name: candidates[np.argmax(values[name])] for name in ("next", "ease", "rule covisitation", "rule popularity")} == {
        "next": b"B", "ease": b"B", "rule covisitation": b"B", "rule popularity": b"C"
    }  # fmt: skip
    counts = [int((train_data.events.item[train_data.events.positive] == item).sum()) for item in candidates]
    np.testing.assert_allclose(values["recent"][0], np.log1p(counts), rtol=1e-5)
    np.testing.assert_allclose(values["popular"], values["recent"])
    positive = train_data.events.positive
    first = [train_data.events.time[positive & (train_data.events.item == item)].min() for item in candidates]
    week = 7 * 24 * 3600 * 1e6
    expected = np.exp((np.array(first) - train_data.events.time[positive].max()) / week)
    np.testing.assert_allclose(values["young"][0], expected, rtol=1e-5)
    assert not values["untrained"].any()
