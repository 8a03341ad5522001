"""Which parts are weighed: the plain ones by likelihood, and all of them only where smooth NDCG ranks other users' questions better."""

import numpy as np
import pytest

from components.models.retrieval import blend, blend_guard, blend_training, shortlists
from components.models.retrieval.part_values import Dense
from components.models.retrieval.score_parts import is_plain

pytestmark = pytest.mark.tensorflow

NAMES = ("towers", "next", "next strong", "next of last", "recent")
PLAIN = np.array([True, True, False, False, True])
START = np.eye(5)[0]
NONE = (np.zeros(0, int), np.zeros(0, int))


def _lists(seed, count, tells):
    """Shortlists whose targets are drawn by the towers and, twice as much, by one more part; the others say nothing."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(5, count, 60)).astype(np.float32)
    target = (parts[0] + 2 * parts[NAMES.index(tells)] + rng.gumbel(size=(count, 60))).argmax(axis=1)
    return shortlists.shorten([Dense(part) for part in parts], target, NONE, seed)


def _fitted(lists):
    alone = list(blend_training._alone(NAMES).values())
    return blend_training._fit_all(lists, np.arange(len(lists)), START, PLAIN, alone)


def test_plain_is_one_curve_of_one_reading():
    assert [is_plain(name) for name in NAMES] == PLAIN.tolist()
    assert is_plain("rule covisitation") and not is_plain("rule covisitation strong") and not is_plain("next of many")


@pytest.mark.parametrize("count", [300, 1500])
def test_where_the_further_parts_bring_nothing_they_weigh_nothing(count):
    weights = _fitted(_lists(1, count, "next"))
    np.testing.assert_array_equal(weights[~PLAIN], 0)
    assert weights[1] / weights[0] == pytest.approx(2, abs=0.3)


def test_where_a_further_part_tells_all_are_weighed_and_rank_other_questions_better():
    weights, others = _fitted(_lists(2, 1500, "next of last")), _lists(12, 1500, "next of last")
    assert weights[3] > weights[0] > 0
    without = blend_training._fit(_lists(2, 1500, "next of last"), START, PLAIN)
    assert blend_guard.ndcg(others.ranks(weights)) > blend_guard.ndcg(others.ranks(without)) + 0.1


def test_what_is_fixed_stays_and_counts():
    lists, start = _lists(3, 800, "next strong"), np.array([1.0, 0, 2.0, 0, 0])
    weights = blend_training._fit(lists, start, PLAIN)
    np.testing.assert_array_equal(weights[~PLAIN], start[~PLAIN])
    everything = blend.fit(lists.parts, lists.target, lists.offset, start)
    np.testing.assert_allclose(weights[0], everything[0], atol=0.25)
