"""Neighbours against the formula written with dense matrices."""

import numpy as np
import pytest
from test_neighbour_table import dense

from components.models.retrieval import neighbour_table, neighbours


def _by_formula(histories, items):
    """W of histories, lists of item rows, by matrices: G = sum of X' T X."""
    gram = np.zeros((items, items))
    for history in histories:
        shown = np.eye(items)[history]
        steps = np.abs(np.subtract.outer(np.arange(len(history)), np.arange(len(history))))
        gram += shown.T @ np.power(neighbours.NEARNESS, steps) @ shown
    inverse = np.linalg.inv(gram + neighbours.PENALTY * np.eye(items))
    return -inverse / np.diag(inverse) * (1 - np.eye(items))


@pytest.mark.parametrize("seed", range(4))
def test_the_weights_are_those_of_the_formula(seed):
    rng = np.random.default_rng(seed)
    histories = [rng.permutation(np.arange(1, 9))[: rng.integers(1, 9)].tolist() for _ in range(30)]
    user = np.repeat(np.arange(30), [len(history) for history in histories])
    table = neighbours.count(
        user, np.concatenate(histories).astype(np.int32), np.arange(10) > 0
    )  # the items 1 to 8 of ten rows
    expected = _by_formula(histories, 9)
    np.testing.assert_allclose(dense(table, 10)[:9, :9], expected, atol=1e-6)
    assert not dense(table, 10)[[0, 9]].any()


def test_what_comes_near_weighs_more_than_what_comes_late():
    user, item = np.repeat(np.arange(20), 5), np.tile(np.array([1, 2, 3, 4, 5], np.int32), 20)
    weights = dense(neighbours.count(user, item, np.ones(6, bool)), 6)[1]
    assert weights[2] > weights[3] > weights[4] > weights[5] > 0


def test_only_the_heaviest_neighbours_of_the_most_frequent_items_are_kept(monkeypatch):
    monkeypatch.setattr(neighbour_table, "NEIGHBOURS", 2)
    monkeypatch.setattr(neighbours, "MOST_ITEMS", 4)
    item = np.array([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 5], np.int32)
    table = neighbours.count(np.repeat(np.arange(3), 4), item, np.ones(7, bool))
    assert np.diff(table.start).tolist() == [0, 2, 2, 2, 2, 0, 0]
    everything = _by_formula([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3]], 5)
    assert set(table.items[table.start[1] : table.start[2]]) == set(np.argsort(-np.abs(everything[1]))[:2])


@pytest.mark.parametrize("events", [0, 1])
def test_a_log_of_next_to_nothing_has_no_neighbours(events):
    table = neighbours.count(np.zeros(events, int), np.ones(events, np.int32), np.ones(3, bool))
    assert not table.weights.any()
