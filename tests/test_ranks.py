"""Ranks by counting, against sorting."""

import numpy as np
import pytest

from components.evaluation.ranks import ranks_by_counting, top_k

INF = np.inf


def test_ranks_by_eye():
    scores = np.array([[0.9, 0.5, 0.7], [0.1, 0.2, 0.3]], np.float32)
    assert ranks_by_counting(scores, np.array([1, 2])).tolist() == [3, 1]


def test_ties_share_the_middle_of_their_ranks():
    scores = np.array([[5.0, 5.0, 5.0, 9.0]])
    assert ranks_by_counting(scores, np.array([0])).tolist() == [(2 + 3 + 4) / 3]
    assert ranks_by_counting(np.zeros((1, 101)), np.array([7])).tolist() == [(101 + 1) / 2]


def test_masked_items_do_not_compete():
    scores = np.array([[0.9, 0.5, 0.5, 0.7]])
    masked = np.array([[True, False, True, False]])
    assert ranks_by_counting(scores, np.array([1]), masked).tolist() == [2]


def test_minus_infinity_is_below_everything_and_as_a_target_a_miss():
    scores = np.array([[-INF, 0.1, -INF], [-INF, 0.1, -INF]])
    assert ranks_by_counting(scores, np.array([1, 0])).tolist() == [1, INF]


def test_an_unknown_target_is_a_miss():
    masked = np.array([[True, False], [True, False]])
    assert ranks_by_counting(np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([-1, 1]), masked).tolist() == [INF, 1]


def test_no_queries_no_ranks():
    assert ranks_by_counting(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)
    assert top_k(np.zeros((0, 3)), 2).shape == (0, 2)


@pytest.mark.parametrize("seed", range(8))
def test_ranks_agree_with_the_mean_over_sorted_places(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=(20, 15)).astype(np.float32)
    target = rng.integers(15, size=20)
    masked = rng.random((20, 15)) < 0.3
    masked[np.arange(20), target] = False
    for row, rank in enumerate(ranks_by_counting(scores, target, masked)):
        competing = np.sort(scores[row][~masked[row]])[::-1]
        assert rank == np.mean(np.flatnonzero(competing == scores[row, target[row]]) + 1)


@pytest.mark.parametrize("seed", range(4))
def test_any_increasing_transformation_leaves_the_ranks(seed):
    rng = np.random.default_rng(seed)
    scores, target = rng.normal(size=(10, 30)), rng.integers(30, size=10)
    assert np.array_equal(ranks_by_counting(scores, target), ranks_by_counting(np.exp(scores), target))


@pytest.mark.parametrize("seed", range(8))
def test_top_k_agrees_with_a_stable_sort(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=(20, 15)).astype(np.float32)
    masked = rng.random((20, 15)) < 0.3
    before = scores.copy()
    expected = np.argsort(-np.where(masked, -INF, scores), axis=1, kind="stable")[:, :4]
    assert np.array_equal(top_k(scores, 4, masked), expected)
    assert np.array_equal(scores, before)


def test_top_k_leaves_the_scores_as_they_are():
    scores = np.array([[0.3, 0.5, 0.4]])
    assert top_k(scores, 2).tolist() == [[1, 2]]
    assert scores.tolist() == [[0.3, 0.5, 0.4]]


def test_top_k_ends_where_nothing_may_be_recommended():
    assert top_k(np.array([[0.3, -INF, 0.5]]), 4, np.array([[False, False, True]])).tolist() == [[0, -1, -1, -1]]


@pytest.mark.parametrize(
    ("scores", "target", "masked", "text"),
    [
        ([[0.1, np.nan]], [0], None, "NaN in 1 of 1 queries"),
        ([[0.1, 0.2]], [0], [[True, False]], "1 of 1 are: unmask"),
        ([[0.1, 0.2]], [0], [[True]], r"shape of scores \(1, 2\), got \(1, 1\)"),
        ([[0.1, 0.2]], [2], None, r"lie in \[-1, 2\), got 2 to 2"),
        ([[0.1, 0.2]], [0, 1], None, "one item per query"),
        ([0.1, 0.2], [0], None, r"\[queries, items\]"),
    ],
)
def test_what_is_refused(scores, target, masked, text):
    with pytest.raises(ValueError, match=text):
        ranks_by_counting(np.array(scores), np.array(target), None if masked is None else np.array(masked))
