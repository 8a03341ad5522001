"""The reward model q(item, position, context) of the doubly robust estimate, fitted on other users than those it scores.

An additive model on indicators, q = b + item + position + context, by ridge regression: a biased q costs precision
only, since the weighted residuals correct it (Dudik, Langford, Li, ICML 2011). Cross-fitting: users fall into folds,
and each fold is scored by the model that the others made, so that no row corrects itself.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import linalg

FOLDS = 5
RIDGE = 5.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Cells:
    """The cells in which q is evaluated: the item, position and context of each cell.

    Attributes:
      item, position, context: [m] int64 codes from 0.
    """

    item: Ints
    position: Ints
    context: Ints


@dataclasses.dataclass(frozen=True)
class Candidates:
    """What the judged policy might show, for each row of the log.

    Attributes:
      row: [m] int64, which row of the log this is a candidate of.
      cells: [m] the candidate at the row's position and context.
      probability: [m] float64, pi; those of one row sum to 1.
    """

    row: Ints
    cells: Cells
    probability: Floats


def cross_fit(cells: Cells, reward: Floats, user: Ints, candidates: Candidates, seed: int) -> tuple[Floats, Floats]:
    """Returns q of each row's own item and E_pi[q] of each row: two [n] float64.

    Args:
      cells: [n] of the log.
      reward: [n] float64.
      user: [n] int64 codes.
      candidates: [m] of the judged policy.
      seed: of the folds.
    """
    users, code = np.unique(user, return_inverse=True)
    fold = np.random.default_rng(seed).integers(FOLDS, size=len(users))[code.ravel()]
    sizes = tuple(
        int(max(shown_code.max(initial=0), other.max(initial=0))) + 1
        for shown_code, other in zip(_codes(cells), _codes(candidates.cells), strict=True)
    )
    shown, candidate_columns = _indicators(cells, sizes), _indicators(candidates.cells, sizes)
    logged, expected = np.zeros(len(reward)), np.zeros(len(reward))
    for index in range(FOLDS):
        held, in_fold = fold == index, fold[candidates.row] == index
        if not held.any():
            continue
        mean, weights = _fit(shown[~held], reward[~held])
        logged[held] = mean + shown[held] @ weights
        values = candidates.probability[in_fold] * (mean + candidate_columns[in_fold] @ weights)
        expected += np.bincount(candidates.row[in_fold], values, minlength=len(reward))
    return logged, expected


def _fit(design: sparse.csr_matrix, reward: Floats) -> tuple[float, Floats]:
    """Returns the mean reward and the ridge weights of what departs from it."""
    if not len(reward):
        return 0.0, np.zeros(design.shape[1])
    mean = float(reward.mean())
    return mean, linalg.lsqr(design, reward - mean, damp=RIDGE**0.5)[0]


def _codes(cells: Cells) -> tuple[Ints, Ints, Ints]:
    return cells.item, cells.position, cells.context


def _indicators(cells: Cells, sizes: tuple[int, ...]) -> sparse.csr_matrix:
    """Returns one indicator per item, position and context: [m, sum of sizes] float64 with three ones a row."""
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    columns = np.stack(_codes(cells), axis=1) + offsets
    count = len(columns)
    pointers = np.arange(0, 3 * count + 1, 3)
    return sparse.csr_matrix((np.ones(3 * count), columns.ravel(), pointers), shape=(count, int(sum(sizes))))
