"""The counted tables against their formulas with dense matrices."""

import dataclasses

import numpy as np
import pytest
from test_neighbour_table import dense

from components.features import item_table
from components.models.retrieval import item_similarity
from components.models.retrieval.neighbour_table import pair_counts

SIZE = 9
EVERY = np.arange(SIZE) > 0


def _log(seed):
    rng = np.random.default_rng(seed)
    return np.sort(rng.integers(6, size=80)), rng.integers(1, SIZE, size=80)


@pytest.mark.parametrize("seed", range(3))
def test_next_items_are_shares_of_what_followed(seed):
    user, item = _log(seed)
    counts = pair_counts(user, item, SIZE, 3, 0.7).toarray()
    expected = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    np.testing.assert_allclose(dense(item_similarity.next_items(user, item, EVERY), SIZE), expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_transitions_are_shares_of_what_came_right_after(seed):
    user, item = _log(seed)
    counts = np.zeros((SIZE, SIZE))
    for place in range(1, len(user)):
        if user[place] == user[place - 1] and item[place] != item[place - 1]:
            counts[item[place - 1], item[place]] += 1
    expected = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(dense(item_similarity.transitions(user, item, EVERY), SIZE), expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_knn_is_symmetric_counts_over_the_roots_of_row_and_column(seed):
    user, item = _log(seed)
    counts = pair_counts(user, item, SIZE, 50, 0.9).toarray()
    counts = counts + counts.T
    roots = np.sqrt(np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)) * np.sqrt(
        np.bincount(item, minlength=SIZE).clip(1)
    )
    np.testing.assert_allclose(dense(item_similarity.knn(user, item, EVERY), SIZE), counts / roots, rtol=1e-5)


def _catalogue(seed):
    """A table of 8 items with three slots of features out of five."""
    bare = item_table.build(None, {}, np.array([b"%d" % number for number in range(SIZE - 1)], object))
    features = np.random.default_rng(seed).integers(0, 6, size=(SIZE, 3)).astype(np.int32)
    features[0] = 0
    features[:, 1:][features[:, 1:] == features[:, :1]] = 0  # a feature once an item
    features[:, 2][features[:, 2] == features[:, 1]] = 0
    return dataclasses.replace(bare, features=features, feature_count=5)


@pytest.mark.parametrize("seed", range(3))
def test_attributes_are_cosines_of_features_weighted_by_their_rarity(monkeypatch, seed):
    monkeypatch.setattr(item_similarity, "ROWS_AT_ONCE", 4)
    table = _catalogue(seed)
    shown = np.array([[feature in row for feature in range(1, 6)] for row in table.features.tolist()], float)
    weighted = shown * np.log(SIZE / np.maximum(shown.sum(axis=0), 1))
    unit = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9)
    expected = unit @ unit.T * (1 - np.eye(SIZE))
    np.testing.assert_allclose(dense(item_similarity.attributes(table, EVERY, 1), SIZE), expected, rtol=2e-4, atol=1e-7)


def test_the_rarest_features_are_taken_while_their_pairs_are_few(monkeypatch):
    table = dataclasses.replace(
        _catalogue(0), features=np.array([[0, 0, 0]] + [[1, 2, 0]] * 2 + [[1, 0, 0]] * 6, np.int32)
    )
    monkeypatch.setattr(item_similarity, "MOST_ATTRIBUTE_PAIRS", 10)  # 2 x 2 of the one, not 8 x 8 of the other
    matrix = dense(item_similarity.attributes(table, EVERY, 1), SIZE)
    assert sorted(zip(*map(np.ndarray.tolist, np.nonzero(matrix)), strict=True)) == [(1, 2), (2, 1)]
