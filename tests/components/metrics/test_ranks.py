"""Ranks by counting, against sorting."""

import numpy as np
import pytest

from components.metrics.ranks import ranks_by_counting, top_k

INF = np.inf


def test_ranks_by_eye():
    scores = np.array([[0.9, 0.5, 0.7], [0.1, 0.2, 0.3]], np.float32)
    assert ranks_by_counting(scores, np.array([1, 2])).tolist() == [3, 1]


def test_ties_share_the_middle_of_their_ranks():
    scores = np.array([[5.0, 5.0, 5.0, 9.0]])
    assert ranks_by_counting(scores, np.array([0])).tolist() == [(2 + 3 + 4) / 3]
    assert ranks_by_counting(np.zeros((1, 101)), np.array([7])).tolist() == [(101 + 1) / 2]


def test_minus_infinity_is_below_everything_and_as_a_target_a_miss():
    scores = np.array([[-INF, 0.1, -INF], [-INF, 0.1, -INF]])
    assert ranks_by_counting(scores, np.array([1, 0])).tolist() == [1, INF]


def test_an_unknown_target_is_a_miss():
    assert ranks_by_counting(np.array([[1.0, 2.0], [-INF, 2.0]]), np.array([-1, 1])).tolist() == [INF, 1]


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
    for row, rank in enumerate(ranks_by_counting(np.where(masked, -INF, scores), target)):
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
    scores[rng.random((20, 15)) < 0.3] = -INF
    before = scores.copy()
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :4]
    assert np.array_equal(top_k(scores, 4), expected)
    assert np.array_equal(scores, before)


def test_top_k_leaves_the_scores_as_they_are():
    scores = np.array([[0.3, 0.5, 0.4]])
    assert top_k(scores, 2).tolist() == [[1, 2]]
    assert scores.tolist() == [[0.3, 0.5, 0.4]]


def test_top_k_ends_where_nothing_may_be_recommended():
    assert top_k(np.array([[0.3, -INF, -INF]]), 4).tolist() == [[0, -1, -1, -1]]


@pytest.mark.parametrize(
    ("scores", "target", "text"),
    [
        ([[0.1, np.nan]], [0], "NaN in 1 of 1 queries"),
        ([[0.1, 0.2]], [2], r"lie in \[-1, 2\), got 2 to 2"),
        ([[0.1, 0.2]], [0, 1], "one item per query"),
        ([0.1, 0.2], [0], r"\[queries, items\]"),
    ],
)
def test_what_is_refused(scores, target, text):
    with pytest.raises(ValueError, match=text):
        ranks_by_counting(np.array(scores), np.array(target))


def dots(rng, queries, items, dim, whole):
    """Vectors of queries and items, and the items acted on; small integers have exact products in float32, and many ties."""
    draw = (lambda *shape: rng.integers(-2, 3, size=shape)) if whole else (lambda *shape: rng.normal(size=shape))
    return draw(queries, dim).astype(np.float32), draw(items, dim).astype(np.float32), rng.integers(items, size=queries)


@pytest.mark.parametrize(("items", "queries"), [(1_000, 60), (20_000, 20), (200_000, 10)])
def test_ranks_are_those_of_a_sort_in_float64(items, queries):
    query, item, target = dots(np.random.default_rng(items), queries, items, 8, whole=True)
    exact = query.astype(np.float64) @ item.astype(np.float64).T
    for row, rank in enumerate(ranks_by_counting(query @ item.T, target)):
        first = np.searchsorted(np.sort(-exact[row]), -exact[row, target[row]])
        last = np.searchsorted(np.sort(-exact[row]), -exact[row, target[row]], side="right")
        assert rank == (first + 1 + last) / 2 and last - first > 1


@pytest.mark.parametrize(("items", "queries"), [(1_000, 60), (20_000, 20), (200_000, 10)])
def test_in_float32_only_neighbours_within_its_precision_change_places(items, queries):
    query, item, target = dots(np.random.default_rng(items), queries, items, 32, whole=False)
    exact = query.astype(np.float64) @ item.astype(np.float64).T
    gap = np.abs(exact - exact[np.arange(queries), target][:, None])
    off = np.abs(ranks_by_counting(query @ item.T, target) - ranks_by_counting(exact, target))
    assert (off <= (gap < 1e-4).sum(axis=1) - 1).all()
