"""The wide part of the model: which items go with which, in closed form from the training histories.

Letters: e positive events, S items with weights (the most frequent ones), N rows of the item table, M neighbours kept
  per item.

    G = sum over users of X' T X,  T[j, k] = NEARNESS^|j - k|       X[j]: the j-th item of the user's history, one-hot
    W = -P / diag(P),  P = (G + PENALTY I)^-1,  diag(W) = 0

This is EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8) with another Gram
matrix: there, T is all
ones, and the first item of a long history goes with the last as with its neighbour. Cost: O(REACH e) for G, O(S^3) for
the inverse.
"""

import dataclasses

import numpy as np

NEARNESS = 0.95
REACH = 50
PENALTY = 200.0
MOST_ITEMS = 3000
NEIGHBOURS = 100


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """The heaviest neighbours of the frequent items.

    Attributes:
      slot: [N] int32, the row of the two tables below for each item; 0 for an item without neighbours.
      items: [S + 1, M] int32, rows of the item table; 0 pads.
      weights: [S + 1, M] float32; negative where the one item speaks against the other.
    """

    slot: np.ndarray
    items: np.ndarray
    weights: np.ndarray


def count(user: np.ndarray, item: np.ndarray, size: int) -> Neighbours:
    """The neighbours of the items of some histories.

    Args:
      user: [e] int64 codes, one after the other.
      item: [e] int32 rows of the item table, in the order of time within each user.
      size: N.
    """
    counts = np.bincount(item, minlength=size)
    frequent = np.argsort(-counts, kind="stable")[: min(MOST_ITEMS, np.count_nonzero(counts))]
    slot = np.zeros(size, np.int32)
    slot[frequent] = np.arange(1, len(frequent) + 1)
    weights = _ridge(_gram(user, slot[item] - 1, len(frequent)))
    items, kept = _heaviest(weights, frequent)
    pad = ((1, 0), (0, 0))
    return Neighbours(slot, np.pad(items, pad).astype(np.int32), np.pad(kept, pad).astype(np.float32))


def _gram(user: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """G of the places [e] of items (-1: one without weights): [S, S] float64."""
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


def _heaviest(weights: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The M heaviest columns of each row, by absolute weight, as rows of the item table, and their weights: [S, M] each."""
    kept = min(NEIGHBOURS, len(rows))
    column = np.argpartition(-np.abs(weights), kept - 1, axis=1)[:, :kept] if kept else np.zeros((0, 0), np.int64)
    return rows[column], np.take_along_axis(weights, column, axis=1)
