"""Towers that start from the champion's: what is the same by name is carried over, and the first loss is lower."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import HOUR, KERAS_SEEDS, LAUNCH, PLAIN, data, events

from components.metrics import validation_cut
from components.models import training
from components.models.retrieval import retrieval_training, warm_start
from components.models.retrieval.context import RequestContext

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


def _towers(seen, stop, saved=None, seed=1):
    """Towers after some epochs of the shop, and their loss on all of it."""
    tf.keras.utils.set_random_seed(seed)
    request = RequestContext(seen.launch.log.context, seen.transform)
    context = request.of_rows(seen.events.context)
    model = retrieval_training.train(seen, request, context, "test", stop=stop, saved=saved).model
    windows = tf.nest.map_structure(tf.constant, retrieval_training.sequences(seen, context))
    return model, float(model.compute_loss(windows))


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """The folder of a champion that learnt for long, and its towers and loss."""
    launch = dataclasses.replace(LAUNCH, model=dataclasses.replace(LAUNCH.model, epochs=20))
    train_data, folder = data(launch), str(tmp_path_factory.mktemp("champion"))
    towers, loss = _towers(train_data, 20)
    warm_start.write(folder, train_data, towers)
    return folder, towers, loss


def test_what_follows_starts_with_the_loss_that_the_champion_ended_with(champion):
    folder, _, reached = champion
    saved, train_data = warm_start.read(folder), data(LAUNCH)
    _, cold = _towers(train_data, 0)
    model, _ = _towers(train_data, 0)
    warm_start.begin(saved, train_data, model)
    request = RequestContext(LAUNCH.log.context, train_data.transform)
    windows = tf.nest.map_structure(
        tf.constant, retrieval_training.sequences(train_data, request.of_rows(train_data.events.context))
    )
    warm = float(model.compute_loss(windows))
    assert reached < warm < cold - 0.5 * (cold - reached)  # the embeddings of the context begin anew


def test_the_first_epoch_is_better_than_a_cold_one(champion):
    train_data = data(LAUNCH)
    assert _towers(train_data, 1, warm_start.read(champion[0]))[1] < _towers(train_data, 1)[1] - 0.1


def test_items_and_features_are_matched_by_name(champion):
    folder, towers, _ = champion
    log = events(LAUNCH)
    other = dataclasses.replace(
        log, item=np.where(log.item == b"X", b"0 new", log.item)
    )  # all rows move: the new item comes first
    train_data = data(LAUNCH, other)
    model, _ = _towers(train_data, 0, seed=5)
    before = model.items.by_name()["id"].numpy()
    warm_start.begin(warm_start.read(folder), train_data, model)
    ours, theirs = model.items.by_name(), towers.items.by_name()
    old = data(LAUNCH).items
    for name in (b"A", b"G"):
        row, their_row = (int(table.rows_of(np.array([name], object))[0]) for table in (train_data.items, old))
        np.testing.assert_array_equal(ours["id"][row], theirs["id"][their_row])
    new = int(train_data.items.rows_of(np.array([b"0 new"], object))[0])
    np.testing.assert_array_equal(ours["id"][new], before[new])
    np.testing.assert_array_equal(ours["feature"], theirs["feature"])
    np.testing.assert_array_equal(ours["number"], theirs["number"])


def test_towers_of_another_size_begin_anew(champion):
    launch = dataclasses.replace(LAUNCH, model=dataclasses.replace(LAUNCH.model, dim=6))
    train_data = data(launch)
    model, before = _towers(train_data, 0)
    warm_start.begin(warm_start.read(champion[0]), train_data, model)
    assert _towers(train_data, 0)[1] == pytest.approx(before)
    assert model.items.by_name()["id"].shape[1] == 6


@pytest.fixture(scope="module")
def walk():
    """A log of 80 users who walk the circle, and may walk it again."""
    again = dataclasses.replace(
        PLAIN, exclude_seen=False, model=dataclasses.replace(PLAIN.model, epochs=12, learning_rate=2e-4)
    )
    return data(again, dataclasses.replace(events(again, users=80), labels={}, context={}))


def _champion_until(walk, moment, folder):
    """What a champion saved that was trained on the events before a moment."""
    past = validation_cut.before(walk, moment)
    warm_start.write(
        str(folder), past, retrieval_training.train(past, RequestContext((), past.transform), {}, "test").model
    )
    return warm_start.read(str(folder))


def _chosen(walk, saved):
    tf.keras.utils.set_random_seed(1)
    return retrieval_training.choose(walk, RequestContext((), walk.transform), {}, saved)


def test_a_warm_start_is_chosen_on_what_the_champion_has_not_seen_and_takes_fewer_epochs(walk, tmp_path):
    moment = 8 * HOUR + 20
    assert validation_cut.cut(walk) < moment  # the champion knows a part of the usual validation part
    saved = _champion_until(walk, moment, tmp_path)
    cold, warm = _chosen(walk, None), _chosen(walk, saved)
    assert (cold.warm, warm.warm) == (False, True)
    assert warm.epochs < cold.epochs
    assert warm_start.last_event(saved) == moment - 1


def test_where_the_champion_has_seen_nearly_all_the_towers_begin_anew(walk, tmp_path):
    moment = 8 * HOUR + 40  # half of the last step's users
    saved = _champion_until(walk, moment, tmp_path)
    assert len(validation_cut.questions(walk, moment)) < retrieval_training.LEAST_QUESTIONS
    cold, choice = _chosen(walk, None), _chosen(walk, saved)
    assert not choice.warm
    assert (choice.epochs, choice.gain) == (cold.epochs, pytest.approx(cold.gain))
    _, chosen, towers = training.chosen_and_trained(walk, saved)
    _, _, anew = training.chosen_and_trained(walk)
    assert not chosen.warm
    np.testing.assert_allclose(towers.all_items(), anew.all_items(), atol=1e-6)


def test_rules_and_nothing_hold_no_towers(tmp_path):
    assert warm_start.read("") is None
    assert warm_start.read(str(tmp_path)) is None
