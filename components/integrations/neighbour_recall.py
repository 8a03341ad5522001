"""Recall of a search for nearest items, against exact search.

Letters: n items, D vector size, q queries, k results.
"""

from collections.abc import Callable, Sequence

import numpy as np

from components.registry.item_vectors import ItemVectors

QUERIES, K, SEED = 200, 10, 7
_AT_ONCE, _TIE = 16, 1e-5

Search = Callable[[np.ndarray, int], Sequence[Sequence[str]]]


def measure(vectors: ItemVectors, search: Search, queries: int = QUERIES, k: int = K) -> float:
    """Returns recall@k of a search for queries that are items' own vectors.

    recall@k = share of the results that score at least as high as the k-th exact result, so that ties count.

    Args:
      vectors: all items that the search may find; [n, D].
      search: takes [q, D] float32 and k, and returns k item ids per query.
      queries: q, drawn from the items with a fixed seed; an item is no result of its own query.
      k: at most n - 1 are compared.
    """
    matrix, ids = vectors.matrix, vectors.ids
    k = min(k, len(ids) - 1)
    if k < 1:
        return 1.0
    rows = {item: row for row, item in enumerate(ids)}
    drawn = np.sort(np.random.default_rng(SEED).choice(len(ids), min(queries, len(ids)), replace=False))
    hits = 0
    for start in range(0, len(drawn), _AT_ONCE):
        own = drawn[start : start + _AT_ONCE]
        scores = matrix[own] @ matrix.T
        scores[np.arange(len(own)), own] = -np.inf
        threshold = np.partition(scores, -k, axis=1)[:, -k] - _TIE
        for at, results in enumerate(search(matrix[own], k + 1)):
            others = [rows[item] for item in results if rows[item] != own[at]][:k]
            hits += int((scores[at, others] >= threshold[at]).sum())
    return hits / (k * len(drawn))
