"""The tables of neighbours: pairs against a double loop, and which of them are kept."""

import collections

import numpy as np
import pytest
import scipy.sparse as sp

from components.models.retrieval import neighbour_table
from components.models.retrieval.neighbour_table import heaviest, of_slots, pair_counts


def dense(table, size):
    """The weights of a table as a matrix [N, N]."""
    weights = np.zeros((size, size))
    for item in range(size):
        pairs = slice(table.start[item], table.start[item + 1])
        weights[item, table.items[pairs]] += table.weights[pairs]
    return weights


@pytest.mark.parametrize("dense_items", [0, 100])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("window", "decay"), [(1, 0.5), (3, 0.7), (40, 1.0)])
def test_pairs_agree_with_a_double_loop(monkeypatch, window, decay, seed, dense_items):
    monkeypatch.setattr(neighbour_table, "DENSE_ITEMS", dense_items)
    monkeypatch.setattr(neighbour_table, "PAIRS_AT_ONCE", 7)
    rng = np.random.default_rng(seed)
    user, item = np.sort(rng.integers(4, size=50)), rng.integers(1, 9, size=50)
    expected = collections.defaultdict(float)
    for who in range(4):
        mine = item[user == who].tolist()
        for place, first in enumerate(mine):
            for distance, second in enumerate(mine[place + 1 : place + 1 + window]):
                if first != second:
                    expected[first, second] += decay**distance
    counts = pair_counts(user, item, 9, window, decay).toarray()
    for (first, second), weight in expected.items():
        assert counts[first, second] == pytest.approx(weight)
    assert counts.sum() == pytest.approx(sum(expected.values()))


@pytest.mark.parametrize("seed", range(3))
def test_the_heaviest_candidates_of_each_row_are_kept(seed):
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((12, 12)) < 0.6, rng.normal(size=(12, 12)), 0)
    candidates = rng.random(12) < 0.8
    kept = dense(heaviest(sp.csr_matrix(matrix), candidates, most=3), 12)
    for row, weights in zip(kept, np.where(candidates, matrix, 0), strict=True):
        order = np.argsort(-np.abs(weights))[:3]
        expected = np.zeros(12)
        expected[order] = weights[order]
        np.testing.assert_allclose(row, expected, rtol=1e-6)


@pytest.mark.parametrize(("rows_at_once", "pairs_at_once"), [(2, 1000), (1024, 1000), (1024, 20)])
@pytest.mark.parametrize("seed", range(3))
def test_of_equally_heavy_ones_the_first_are_kept_as_sorting_would(monkeypatch, seed, rows_at_once, pairs_at_once):
    monkeypatch.setattr(neighbour_table, "ROWS_AT_ONCE", rows_at_once)
    monkeypatch.setattr(neighbour_table, "PAIRS_AT_ONCE", pairs_at_once)
    rng = np.random.default_rng(seed)
    matrix = sp.csr_matrix(rng.integers(-3, 4, size=(15, 15)) * (rng.random((15, 1)) < 0.8))
    candidates = rng.random(15) < 0.8
    kept = dense(heaviest(matrix, candidates, most=4), 15)
    for row, weights in zip(kept, np.where(candidates, matrix.toarray(), 0), strict=True):
        order = np.argsort(-np.abs(weights), kind="stable")[:4]
        expected = np.zeros(15)
        expected[order] = weights[order]
        assert row.tolist() == expected.tolist()


def test_slots_without_an_item_or_a_weight_are_left_out():
    neighbours, weights = np.array([[0, 0], [2, 3], [1, 0]]), np.array([[0, 0], [0.5, 0.25], [0, 0.0]], np.float32)
    table = of_slots(
        np.pad(neighbours, ((0, 1), (0, 0))), np.pad(weights, ((0, 1), (0, 0))), np.array([False, True, True, True])
    )
    assert (table.start.tolist(), table.items.tolist()) == ([0, 0, 2, 2, 2], [2, 3])


def test_a_log_of_nothing_has_no_pairs():
    assert not pair_counts(np.zeros(0, int), np.zeros(0, int), 3, 5, 0.5).nnz
    assert not heaviest(sp.csr_matrix((3, 3)), np.ones(3, bool)).items.size
