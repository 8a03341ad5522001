"""The one form of everything that says which item goes with which: the heaviest candidates of each item, kept one after the other.

Letters: N rows of the item table, p kept pairs, e positive events in the order of user and time.

    pairs of item i: start[i] to start[i + 1]          at most `NEIGHBOURS` an item, 8 bytes a pair
"""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

NEIGHBOURS = 100
PAIRS_AT_ONCE = 8_000_000
ROWS_AT_ONCE = 1024
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
    """Returns the heaviest entries of each row, by absolute weight; of equal ones those that stand first.

    Args:
      matrix: [N, N].
      candidates: [N] bool, the items that may be neighbours.
      most: how many a row keeps; None for `NEIGHBOURS`.
    """
    most, start, bounds = NEIGHBOURS if most is None else most, matrix.indptr, [0]
    while bounds[-1] < matrix.shape[0]:
        following = np.searchsorted(start, int(start[bounds[-1]]) + PAIRS_AT_ONCE, side="right") - 1
        bounds.append(max(int(following), bounds[-1] + 1))
    blocks = [slice(first, last + 1) for first, last in itertools.pairwise(bounds)]
    return join([_heaviest_of(matrix, start[block], candidates, most) for block in blocks])


def join(tables: list[NeighbourTable]) -> NeighbourTable:
    """Returns the rows of tables one after the other; without any, a table without rows."""
    counts = [np.diff(table.start) for table in tables]
    return NeighbourTable(
        np.append(0, np.cumsum(np.concatenate([np.zeros(0, np.int64), *counts]))),
        np.concatenate([np.zeros(0, np.int32), *(table.items for table in tables)]),
        np.concatenate([np.zeros(0, np.float32), *(table.weights for table in tables)]),
    )


def _heaviest_of(matrix: sp.csr_matrix, start: np.ndarray, candidates: np.ndarray, most: int) -> NeighbourTable:
    """Returns the heaviest entries of some rows, which begin at `start` [rows + 1] among the entries of the matrix."""
    size, pairs = len(start) - 1, slice(start[0], start[-1])
    row, items = np.repeat(np.arange(size), np.diff(start)), matrix.indices[pairs]
    weight = np.where(candidates[items], np.abs(matrix.data[pairs]), 0.0)
    limit = _limits(weight, start - start[0], most)[row]
    kept = weight > limit
    tied = np.flatnonzero((weight == limit) & (limit > 0))
    place = np.arange(len(tied)) - np.searchsorted(row[tied], row[tied])
    kept[tied[place < most - np.bincount(row[kept], minlength=size)[row[tied]]]] = True
    starts = np.append(0, np.cumsum(np.bincount(row[kept], minlength=size)))
    return NeighbourTable(starts, items[kept].astype(np.int32), matrix.data[pairs][kept].astype(np.float32))


def _limits(weight: np.ndarray, start: np.ndarray, most: int) -> np.ndarray:
    """Returns the `most`-th largest weight of each row, 0 for a row with fewer: [N] float64.

    Sorting all pairs for it took ten times as long.

    Args:
      weight: [pairs], 0 for a pair that may not be kept.
      start: [N + 1], where the pairs of each row begin.
      most: see above.
    """
    width = np.diff(start)
    limits, crowded = np.zeros(len(width)), np.flatnonzero(width > most)
    crowded = crowded[np.argsort(width[crowded], kind="stable")]
    first = 0
    while first < len(crowded):
        # Rows of about the same width, padded to the widest of them.
        widest = width[crowded[min(first + ROWS_AT_ONCE, len(crowded)) - 1]]
        rows = crowded[first : first + max(min(ROWS_AT_ONCE, PAIRS_AT_ONCE // widest), 1)]
        column = np.arange(width[rows[-1]])
        pair = np.minimum(start[rows][:, None] + column, len(weight) - 1)
        values = np.where(column < width[rows][:, None], weight[pair], 0.0)
        limits[rows] = np.partition(values, -most, axis=1)[:, -most]
        first += len(rows)
    return limits


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
