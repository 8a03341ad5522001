"""The one form of everything that says which item goes with which: the heaviest candidates of each item, kept one after the other.

Letters: N rows of the item table, p kept pairs, e positive events in the order of user and time.

    pairs of item i: start[i] to start[i + 1]          at most `NEIGHBOURS` an item, 8 bytes a pair
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

NEIGHBOURS = 100
PAIRS_AT_ONCE = 8_000_000
DENSE_ITEMS = 3000


@dataclasses.dataclass(frozen=True)
class NeighbourTable:
    """The heaviest neighbours of every item.

    Attributes:
      start: [N + 1] int64.
      items: [p] int32, rows of the item table.
      weights: [p] float32; negative where the one item speaks against the other.
    """

    start: np.ndarray
    items: np.ndarray
    weights: np.ndarray


def heaviest(matrix: sp.csr_matrix, candidates: np.ndarray, most: int | None = None) -> NeighbourTable:
    """Returns the heaviest entries of each row, by absolute weight.

    Args:
      matrix: [N, N].
      candidates: [N] bool, the items that may be neighbours.
      most: how many a row keeps; None for `NEIGHBOURS`.
    """
    most, count = NEIGHBOURS if most is None else most, np.diff(matrix.indptr)
    row = np.repeat(np.arange(matrix.shape[0]), count)
    kept = candidates[matrix.indices] & (matrix.data != 0)
    crowded = np.flatnonzero(kept & (np.bincount(row[kept], minlength=matrix.shape[0]) > most)[row])
    order = crowded[np.lexsort((-np.abs(matrix.data[crowded]), row[crowded]))]
    rank = np.arange(len(order)) - np.searchsorted(row[order], row[order])
    kept[order[rank >= most]] = False
    start = np.append(0, np.cumsum(np.bincount(row[kept], minlength=matrix.shape[0])))
    return NeighbourTable(start, matrix.indices[kept].astype(np.int32), matrix.data[kept].astype(np.float32))


def of_slots(neighbours: np.ndarray, weights: np.ndarray, candidates: np.ndarray) -> NeighbourTable:
    """Returns the table of a rule's slots: neighbours [N, M] rows of the item table, 0 for none, weights [N, M]."""
    kept = (weights != 0) & candidates[neighbours]
    return NeighbourTable(
        np.append(0, np.cumsum(kept.sum(axis=1))), neighbours[kept].astype(np.int32), weights[kept].astype(np.float32)
    )


def pair_counts(user: np.ndarray, item: np.ndarray, size: int, window: int, decay: float) -> sp.csr_matrix:
    """counts[a, b] = sum over the times b came d items after a, d up to the window, of decay^(d-1): [N, N]; 0 for a = b.

    Args:
      user: [e] int64 codes, one after the other.
      item: [e] rows of the item table, in the order of time within each user.
      size: N.
      window, decay: see above.

    Cost: O(window e), in groups of `PAIRS_AT_ONCE` pairs; few items are counted in a dense matrix.
    """
    total = np.zeros((size, size)) if size <= DENSE_ITEMS else sp.csr_matrix((size, size))
    for source, target, weight in _groups(user, item, window, decay):
        if size <= DENSE_ITEMS:
            total += np.bincount(source * size + target, weight, minlength=size * size).reshape(size, size)
        else:
            total = total + sp.coo_matrix((weight, (source, target)), shape=(size, size)).tocsr()
    return sp.csr_matrix(total)


def _groups(
    user: np.ndarray, item: np.ndarray, window: int, decay: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Sources, targets and weights of pairs, the pairs of several distances at once."""
    held: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    item = item.astype(np.int64)
    for distance in range(1, min(window, len(user) - 1) + 1):
        pairs = (user[distance:] == user[:-distance]) & (item[distance:] != item[:-distance])
        held.append(
            (
                item[:-distance][pairs],
                item[distance:][pairs],
                np.full(np.count_nonzero(pairs), float(decay) ** (distance - 1)),
            )
        )
        if sum(len(part[0]) for part in held) > PAIRS_AT_ONCE or distance == min(window, len(user) - 1):
            source, target, weight = (np.concatenate(column) for column in zip(*held, strict=True))
            held = []
            yield source, target, weight
