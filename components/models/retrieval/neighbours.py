"""The wide part of the model: which items go with which, in closed form from the training histories.

Letters: e positive events, S items with weights (the most frequent ones), N rows of the item table.

    G = sum over users of X' T X,  T[j, k] = NEARNESS^|j - k|       X[j]: the j-th item of the user's history, one-hot
    W = -P / diag(P),  P = (G + PENALTY I)^-1,  diag(W) = 0

This is EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8) with another Gram matrix: there, T is all
ones, and the first item of a long history goes with the last as with its neighbour. Cost: O(REACH e) for G, O(S^3) for the inverse.
"""

import numpy as np
import scipy.sparse as sp

from components.models.retrieval.neighbour_table import NeighbourTable, heaviest

NEARNESS = 0.95
REACH = 50
PENALTY = 200.0
MOST_ITEMS = 3000


def count(user: np.ndarray, item: np.ndarray, candidates: np.ndarray) -> NeighbourTable:
    """Returns the neighbours of the frequent items of some histories.

    Args:
      user: [e] int64 codes, one after the other.
      item: [e] int32 rows of the item table, in the order of time within each user.
      candidates: [N] bool, the items that may be neighbours.
    """
    size = len(candidates)
    counts = np.bincount(item, minlength=size)
    frequent = np.sort(np.argsort(-counts, kind="stable")[: min(MOST_ITEMS, np.count_nonzero(counts))])
    slot = np.zeros(size, np.int32)
    slot[frequent] = np.arange(1, len(frequent) + 1)
    weights = _ridge(_gram(user, slot[item] - 1, len(frequent)))
    row, column = np.nonzero(weights)
    return heaviest(
        sp.csr_matrix((weights[row, column], (frequent[row], frequent[column])), shape=(size, size)), candidates
    )


def _gram(user: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """G of the columns [e] of items (-1: one without weights): [S, S] float64."""
    gram = np.zeros(size * size)
    for distance in range(1, min(REACH, len(user) - 1) + 1):
        first, second = place[:-distance].astype(np.int64), place[distance:]
        pairs = (user[distance:] == user[:-distance]) & (first >= 0) & (second >= 0)
        gram += NEARNESS**distance * np.bincount(first[pairs] * size + second[pairs], minlength=size * size)
    gram = gram.reshape(size, size)
    return gram + gram.T + np.diag(np.bincount(place[place >= 0], minlength=size))


def _ridge(gram: np.ndarray) -> np.ndarray:
    """W of G: [S, S] float64."""
    inverse = np.linalg.inv(gram + PENALTY * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights
