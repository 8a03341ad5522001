import numpy as np
import pytest
from small_vectors import random_vectors, vectors

from components.integrations import neighbour_recall


def exact_search(items):
    ids = items.ids
    return lambda queries, k: [[ids[row] for row in np.argsort(-(items.matrix @ query))[:k]] for query in queries]


def test_exact_search_has_recall_one_also_with_ties():
    items = random_vectors(100)
    twins = vectors(np.repeat(items.matrix, 3, axis=0))
    assert neighbour_recall.measure(items, exact_search(items)) == 1.0
    assert neighbour_recall.measure(twins, exact_search(twins)) == 1.0


def test_recall_counts_what_is_among_the_best():
    items = random_vectors(60)
    ids, others = items.ids, items.matrix @ items.matrix.T
    np.fill_diagonal(others, -np.inf)
    order = np.argsort(-others, axis=1)

    def search(queries, k):  # per query 7 of the best ten, and items from rank 40 on
        rows = [int(np.argmax(items.matrix @ query)) for query in queries]
        return [[ids[item] for item in [*order[row, :7], *order[row, 40:]][:k]] for row in rows]

    assert neighbour_recall.measure(items, search, queries=60) == pytest.approx(7 / 10)


def test_an_answer_that_is_too_short_is_no_hit():
    items = random_vectors(60)
    short = exact_search(items)
    assert neighbour_recall.measure(items, lambda queries, k: short(queries, 6)) == pytest.approx(5 / 10)
    assert neighbour_recall.measure(items, lambda queries, k: [[] for _ in queries]) == 0.0


def test_one_item_has_no_neighbours():
    assert neighbour_recall.measure(vectors([[1.0, 0.0]]), None) == 1.0
