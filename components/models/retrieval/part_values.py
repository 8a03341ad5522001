"""A part of the score for some requests, as numpy: its best candidates, and its values at some columns.

Letters: q requests, A candidates, S columns of a request, c cells that the requests touch.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

BLOCK = 64


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
        if not kept:
            return np.zeros((requests, 0), int)
        best = _best_by_blocks(self.values, kept) if self.candidates > 4 * kept * BLOCK else _best(self.values, kept)
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
        count = np.bincount(request, minlength=requests)
        rank = np.arange(len(request)) - np.repeat(np.cumsum(count) - count, count)
        values = np.full((requests, count.max(initial=0)), -np.inf, np.float32)
        columns = np.zeros(values.shape, np.int64)
        values[request, rank], columns[request, rank] = self.values, self.cells % self.candidates
        return np.take_along_axis(columns, np.argsort(-values, axis=1, kind="stable")[:, :most], axis=1)

    def at(self, columns: np.ndarray) -> np.ndarray:
        """Returns the values at the columns [q, S] of each request: [q, S] float32."""
        return _values_at(self, *_find(self, columns))


Values = Dense | Touched


def stack(parts: Sequence[Values], columns: np.ndarray) -> np.ndarray:
    """Returns the values of all parts at the columns [q, S] of each request: [q, S, P] float32; parts of the same cells are looked up once."""
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    values = np.empty((*columns.shape, len(parts)), np.float32)
    for number, part in enumerate(parts):
        if isinstance(part, Dense):
            values[:, :, number] = part.at(columns)
            continue
        if id(part.cells) not in found:
            found[id(part.cells)] = _find(part, columns)
        values[:, :, number] = _values_at(part, *found[id(part.cells)])
    return values


def _find(part: Touched, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the place of each column [q, S] among a part's cells, and whether it is there at all."""
    # A place for every cell: quicker than a search for each of them, and no more memory than one dense part.
    places = np.full(len(columns) * part.candidates, -1, np.int32)
    places[part.cells] = np.arange(len(part.cells))
    place = places[np.arange(len(columns))[:, None] * part.candidates + columns]
    return place, place >= 0


def _values_at(part: Touched, place: np.ndarray, is_there: np.ndarray) -> np.ndarray:
    return np.where(is_there, part.values[place], 0) if len(part.cells) else np.zeros(place.shape, np.float32)


def _best(values: np.ndarray, kept: int) -> np.ndarray:
    """Returns the columns of the largest values of each row: [q, kept], unsorted."""
    return np.argpartition(-values, kept - 1, axis=1)[:, :kept]


def _best_by_blocks(values: np.ndarray, kept: int) -> np.ndarray:
    """Returns the same from one pass for the maxima of blocks.

    A block is every so-many-th column, so that the pass compares rows of columns. The largest `kept` are in the blocks
    of the largest `kept` maxima, or behind the last block.
    """
    blocks = values.shape[1] // BLOCK
    in_blocks = values[:, : blocks * BLOCK].reshape(len(values), BLOCK, blocks)
    best = _best(in_blocks.max(axis=1), kept)
    columns = (best[:, None, :] + blocks * np.arange(BLOCK)[:, None]).reshape(len(values), -1)
    behind = np.broadcast_to(np.arange(blocks * BLOCK, values.shape[1]), (len(values), values.shape[1] % BLOCK))
    columns = np.concatenate([columns, behind], axis=1)
    return np.take_along_axis(columns, _best(np.take_along_axis(values, columns, axis=1), kept), axis=1)
