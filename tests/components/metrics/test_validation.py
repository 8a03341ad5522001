"""The questions of the validation part: who is asked what, and what a rank is worth."""

import dataclasses

import numpy as np
import pytest
from toy_shop import LAUNCH, PLAIN, data, events, log

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


def test_what_is_asked_by_eye():
    seen = data(PLAIN, log(*ROWS))  # items A, B, C are the rows 1, 2, 3 and the columns 0, 1, 2
    asked = validation_cut.questions(seen, 5)
    # u repeats A, w has no history: u is asked for C, v for A.
    assert seen.events.time[asked.rows].tolist() == [5, 8]
    assert asked.history[:, :2].tolist() == [[1, 2], [3, 0]]
    assert asked.target.tolist() == [2, 0]
    # What was seen and the target's own place in the sample do not compete.
    assert (asked.offset == 0).tolist() == [[False, False, False, True], [False, True, False, True]]


def test_a_launch_that_shows_items_again_asks_for_repeats_too():
    again = dataclasses.replace(PLAIN, exclude_seen=False)
    asked = validation_cut.questions(data(again, log(*ROWS)), 5)
    assert asked.rows.tolist() == [3, 4, 6]
    assert (asked.offset == 0).sum(axis=1).tolist() == [3, 3, 3]


def test_the_cut_leaves_the_last_tenth_of_the_positive_events():
    seen = data(LAUNCH, events(LAUNCH))
    late = seen.events.time[seen.events.positive] >= validation_cut.cut(seen)
    assert late.sum() == pytest.approx(len(late) / 10, abs=1)
    early = validation_cut.before(seen, validation_cut.cut(seen))
    assert early.events.time.max() < validation_cut.cut(seen)
    assert early.items is seen.items


def test_a_gain_is_that_of_the_exact_rank():
    asked = validation_cut.questions(data(PLAIN, log(*ROWS)), 5)
    scores = np.array([[0.9, 0.8, 0.1], [0.5, 0.9, 0.7]])  # C is alone, of A and B, A comes second
    assert asked.gain(lambda batch: scores[batch], 3) == pytest.approx((1 / np.log2(2) + 1 / np.log2(3)) / 2)


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_candidates_ranks_as_all_of_them_do_on_average(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    items = [b"%03d" % number for number in range(200)]
    rows = [
        (b"u%d" % user, items[item], step)
        for user in range(150)
        for step, item in enumerate(rng.choice(200, 4, replace=False))
    ]
    seen = data(dataclasses.replace(PLAIN, seed=seed), log(*rows))
    scores = rng.random((600, 200))
    everything = validation_cut.questions(seen, 1)
    monkeypatch.setattr(validation_cut, "MOST_CANDIDATES", 50)
    sampled = validation_cut.questions(seen, 1)
    assert sampled.offset.shape[1] == 51
    known = scores[: len(everything)]
    exact, estimated = everything.gain(lambda batch: known[batch], 200), sampled.gain(lambda batch: known[batch], 200)
    assert estimated == pytest.approx(exact, abs=0.03)


def test_no_more_questions_than_the_limit(monkeypatch):
    monkeypatch.setattr(validation_cut, "MOST_QUESTIONS", 5)
    assert 0 < len(validation_cut.questions(data(PLAIN, events(PLAIN)), 0)) <= 5
