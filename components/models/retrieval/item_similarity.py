"""Which items go together, counted from the training histories and read from the catalogue: the tables of the score's parts.

Letters: N rows of the item table, e positive events in the order of user and time, F catalogue features.

    next        c[a, b] / sum_b c[a, b]                                      c: how often b came within 3 items after a, decayed by .7
    transition  the same                                                     c: how often b came right after a
    knn         s[a, b] / (sqrt(sum_b s[a, b]) sqrt(count b))                s: how often both lie within 50 items, decayed by .9, either way round
    attributes  cosine of the features, weighted by log(N / items with the feature)

An item that nobody has acted on has attributes only, and those are all it has.
"""

import numpy as np
import scipy.sparse as sp

from components.features.item_table import ItemTable
from components.models.retrieval.neighbour_table import NeighbourTable, heaviest, join, pair_counts

NEXT_WINDOW, NEXT_DECAY = 3, 0.7
KNN_WINDOW, KNN_DECAY = 50, 0.9
# Features are taken from the rarest on while their pairs of items are no more than this: bounds time and memory, whatever the catalogue.
MOST_ATTRIBUTE_PAIRS = 60_000_000
ROWS_AT_ONCE = 4096


def next_items(user: np.ndarray, item: np.ndarray, candidates: np.ndarray) -> NeighbourTable:
    """Returns the items that come next after an item.

    Args:
      user: [e] int64 codes, one after the other.
      item: [e] rows of the item table, in the order of time within each user.
      candidates: [N] bool, the items that may be neighbours.
    """
    return _following(user, item, candidates, NEXT_WINDOW, NEXT_DECAY)


def transitions(user: np.ndarray, item: np.ndarray, candidates: np.ndarray) -> NeighbourTable:
    """Returns the items that come right after an item, a Markov chain of the first order; arguments as in `next_items`."""
    return _following(user, item, candidates, window=1, decay=1.0)


def _following(user: np.ndarray, item: np.ndarray, candidates: np.ndarray, window: int, decay: float) -> NeighbourTable:
    counts = pair_counts(user, item, len(candidates), window, decay)
    return heaviest(_scale_rows(counts, np.asarray(counts.sum(axis=1)).ravel()), candidates)


def knn(user: np.ndarray, item: np.ndarray, candidates: np.ndarray) -> NeighbourTable:
    """Returns the items that lie in the same histories; arguments as in `next_items`."""
    size = len(candidates)
    counts = pair_counts(user, item, size, KNN_WINDOW, KNN_DECAY)
    counts = (counts + counts.T).tocsr()
    counts = _scale_rows(counts, np.sqrt(np.asarray(counts.sum(axis=1)).ravel()))
    counts.data /= np.sqrt(np.bincount(item, minlength=size))[counts.indices]
    return heaviest(counts, candidates)


def attributes(table: ItemTable, candidates: np.ndarray, seed: int) -> NeighbourTable:
    """Returns the items with similar catalogue features; `seed` decides among equally similar ones."""
    features = _weight_features(table)
    alike = sp.csr_matrix((0, len(table)))
    shown = features.multiply(candidates[:, None]).T.tocsr()
    rng, parts = np.random.default_rng(seed), []
    for start in range(0, len(table), ROWS_AT_ONCE):
        alike = (features[start : start + ROWS_AT_ONCE] @ shown).tocsr()
        alike.data *= 1 + 1e-4 * rng.random(len(alike.data))
        diagonal = np.repeat(np.arange(alike.shape[0]) + start, np.diff(alike.indptr)) == alike.indices
        alike.data[diagonal] = 0.0
        parts.append(heaviest(alike, candidates))
    return join(parts)


def _weight_features(table: ItemTable) -> sp.csr_matrix:
    """Unit rows of the features of each item [N, F + 1], a feature weighing log(N / items that have it); common features may be left out."""
    size, row = len(table), np.repeat(np.arange(len(table)), table.features.shape[1])
    feature = table.features.ravel()
    present = feature > 0
    counts = np.bincount(feature[present], minlength=table.feature_count + 1)
    order = np.argsort(counts, kind="stable")
    used = np.zeros(len(counts), bool)
    used[order] = np.cumsum(counts[order].astype(float) ** 2) <= MOST_ATTRIBUTE_PAIRS
    present &= used[feature]
    weight = np.log(size / np.maximum(counts, 1.0))[feature[present]]
    matrix = sp.csr_matrix((weight, (row[present], feature[present])), shape=(size, len(counts)))
    return _scale_rows(matrix, np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()))


def _scale_rows(matrix: sp.csr_matrix, divisor: np.ndarray) -> sp.csr_matrix:
    """Divides the rows by the divisors [N] in place, and returns them; a row of zeros stays."""
    matrix.data /= np.repeat(np.where(divisor > 0, divisor, 1.0), np.diff(matrix.indptr))
    return matrix
