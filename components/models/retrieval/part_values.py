"""A part of the score for some requests, as numpy: its best candidates, and its values at some columns.

Letters: q requests, A candidates, S columns of a request, c cells that the requests touch.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Dense:
    """A part with a value for every candidate: [q, A] float32, or [1, A] where requests do not matter."""

    values: np.ndarray

    @property
    def candidates(self) -> int:
        """A."""
        return self.values.shape[1]

    def best(self, requests: int, most: int) -> np.ndarray:
        """Returns the columns of the best candidates of each request: [q, at most `most`]."""
        kept = min(most, self.candidates)
        best = np.argpartition(-self.values, kept - 1, axis=1)[:, :kept] if kept else np.zeros((1, 0), int)
        return np.broadcast_to(best, (requests, kept))

    def at(self, columns: np.ndarray) -> np.ndarray:
        """Returns the values at the columns [q, S] of each request: [q, S] float32."""
        if len(self.values) == 1:
            return self.values[0][columns]
        return np.take_along_axis(self.values, columns, axis=1)


@dataclasses.dataclass(frozen=True)
class Touched:
    """A part that is 0 but at a few cells.

    Attributes:
      cells: [c] int64, request x A + column, ascending.
      values: [c] float32.
      candidates: A.
    """

    cells: np.ndarray
    values: np.ndarray
    candidates: int

    def best(self, requests: int, most: int) -> np.ndarray:
        """Returns the columns of the best touched candidates of each request, [q, at most `most`]; column 0 where there are fewer."""
        request = self.cells // self.candidates
        order = np.lexsort((-self.values, request))
        count = np.bincount(request, minlength=requests)
        rank = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        kept = order[rank < most]
        best = np.zeros((requests, min(most, self.candidates)), np.int64)
        best[request[kept], rank[rank < most]] = self.cells[kept] % self.candidates
        return best

    def at(self, columns: np.ndarray) -> np.ndarray:
        """Returns the values at the columns [q, S] of each request: [q, S] float32."""
        wanted = np.arange(len(columns))[:, None] * self.candidates + columns
        place = np.minimum(np.searchsorted(self.cells, wanted), max(len(self.cells) - 1, 0))
        if not len(self.cells):
            return np.zeros(columns.shape, np.float32)
        return np.where(self.cells[place] == wanted, self.values[place], 0).astype(np.float32)


Values = Dense | Touched
