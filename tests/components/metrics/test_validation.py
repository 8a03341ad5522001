"""The questions of the validation part: users, targets, and the gain of a rank."""

import dataclasses

import numpy as np
import pytest
from toy_shop import HOUR, LAUNCH, PLAIN, data, events, log

from components.metrics import validation_cut

pytestmark = pytest.mark.tensorflow

ROWS = (
    (b"u", b"A", 1),
    (b"u", b"B", 2),
    (b"v", b"C", 3),
    (b"u", b"C", 5),
    (b"u", b"A", 6),
    (b"w", b"B", 7),
    (b"v", b"A", 8),
)


def _chosen(asked, scores, batch):
    """Of scores of all candidates, those of the sample and, last, of the target."""
    return np.concatenate(
        [scores[:, asked.sample], np.take_along_axis(scores, asked.target[batch, None], axis=1)], axis=1
    )


def test_what_is_asked_by_eye():
    log_data = data(PLAIN, log(*ROWS))  # items A, B, C are the rows 1, 2, 3 and the columns 0, 1, 2
    questions = validation_cut.questions(log_data, 5)
    # u repeats A, w has no history: the target of u is C, that of v is A.
    assert log_data.events.time[questions.rows].tolist() == [5, 8]
    assert questions.history[:, :2].tolist() == [[1, 2], [3, 0]]
    assert questions.target.tolist() == [2, 0]
    # Seen items and the target's own column in the sample do not compete.
    assert (questions.offset == 0).tolist() == [[False, False, False, True], [False, True, False, True]]


def test_a_launch_that_shows_items_again_asks_for_repeats_too():
    again = dataclasses.replace(PLAIN, exclude_seen=False)
    questions = validation_cut.questions(data(again, log(*ROWS)), 5)
    assert questions.rows.tolist() == [3, 4, 6]
    assert (questions.offset == 0).sum(axis=1).tolist() == [3, 3, 3]


def test_the_cut_leaves_the_last_tenth_of_the_positive_events():
    log_data = data(LAUNCH, events(LAUNCH))
    late = log_data.events.time[log_data.events.positive] >= validation_cut.cut(log_data)
    assert late.sum() == pytest.approx(len(late) / 10, abs=1)
    early = validation_cut.before(log_data, validation_cut.cut(log_data))
    assert early.events.time.max() < validation_cut.cut(log_data)
    assert early.items is log_data.items


def test_a_gain_is_that_of_the_exact_rank():
    questions = validation_cut.questions(data(PLAIN, log(*ROWS)), 5)
    scores = np.array([[0.9, 0.8, 0.1], [0.5, 0.9, 0.7]])  # C is alone, of A and B, A comes second
    assert questions.gain(lambda batch: _chosen(questions, scores[batch], batch)) == pytest.approx(
        (1 / np.log2(2) + 1 / np.log2(3)) / 2
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_candidates_ranks_as_all_of_them_do_on_average(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    items = [b"%03d" % number for number in range(200)]
    rows = [
        (b"u%d" % user, items[item], step)
        for user in range(150)
        for step, item in enumerate(rng.choice(200, 4, replace=False))
    ]
    log_data = data(dataclasses.replace(PLAIN, seed=seed), log(*rows))
    scores = rng.random((600, 200))
    everything = validation_cut.questions(log_data, 1)
    monkeypatch.setattr(validation_cut, "MOST_CANDIDATES", 50)
    sampled = validation_cut.questions(log_data, 1)
    assert sampled.offset.shape[1] == 51
    user_scores = scores[: len(everything)]
    exact, estimated = (
        everything.gain(lambda batch: _chosen(everything, user_scores[batch], batch)),
        sampled.gain(lambda batch: _chosen(sampled, user_scores[batch], batch)),
    )
    assert estimated == pytest.approx(exact, abs=0.03)


def test_no_more_questions_than_the_limit(monkeypatch):
    monkeypatch.setattr(validation_cut, "MOST_QUESTIONS", 5)
    assert 0 < len(validation_cut.questions(data(PLAIN, events(PLAIN)), 0)) <= 5


def test_a_constant_score_gains_what_chance_gains():
    questions = validation_cut.questions(data(PLAIN, events(PLAIN, users=30)), 0)
    ranks = 1 + np.isfinite(questions.offset[:, :-1]).sum(axis=1) / 2  # the middle of all that compete
    gain = questions.gain(lambda batch: np.zeros((len(questions.rows[batch]), len(questions.sample) + 1)))
    assert gain == pytest.approx((1 / np.log2(1 + ranks)).mean())


def _walks(users=40, steps=8):
    rows = [
        (b"u%02d" % user, b"%02d" % ((user + step) % 20), step * 100 + user)
        for user in range(users)
        for step in range(steps)
    ]
    return data(PLAIN, log(*rows))


def test_held_out_are_the_last_events_of_a_quarter_of_the_users(monkeypatch):
    monkeypatch.setattr(validation_cut, "HELD_OF_USER", 3)
    log_data = _walks()
    held = validation_cut.held_out(log_data, 400)
    users = set(log_data.events.user[held])
    assert len(users) == 10
    assert held.sum() == 30
    for user in users:
        mine = log_data.events.time[log_data.events.user == user]
        assert sorted(log_data.events.time[held & (log_data.events.user == user)]) == sorted(mine)[-3:]
    late = validation_cut.held_out(log_data, 720)  # most users' last event only
    assert (log_data.events.time[late] >= 720).all()


def test_what_the_held_out_users_saw_since_then_is_held_out_too():
    log_data = data(LAUNCH, events(LAUNCH, users=40))
    held = validation_cut.held_out(log_data, 6 * HOUR)
    for user in set(log_data.events.user[held]):
        mine = log_data.events.user == user
        learnt = log_data.events.time[mine & log_data.events.positive & ~held].max()
        np.testing.assert_array_equal(held[mine], log_data.events.time[mine] > learnt)


def test_a_gap_hides_what_the_user_did_last():
    log_data = data(PLAIN, log((b"u", b"A", 0), (b"u", b"B", 5 * HOUR), (b"u", b"C", 9 * HOUR)))
    for gap, history, hours in ((0.0, [1, 2], 4.0), (3.9, [1, 2], 4.0), (4.0, [1, 0], 9.0)):
        questions = validation_cut.questions(log_data, 6 * HOUR, gap=gap)
        assert (questions.history[0, :2].tolist(), questions.hours.tolist()) == (history, [hours])
    assert len(validation_cut.questions(log_data, 6 * HOUR, gap=24.0)) == 0
    assert len(validation_cut.questions(log_data, 0, np.array([False, True, False]))) == 1
