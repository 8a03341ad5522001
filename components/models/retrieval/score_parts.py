"""What the model's score of a candidate is made of, in training (to learn the weights) and inside the SavedModel, by the same code.

Letters: B requests, L items of history, A candidates, N rows of the item table, P parts, R readings of a table, p pairs of a table, c cells that a
request touches.

    score = w_towers cosine(query, candidate) / temperature
            + sum over tables and readings of w f(x) + w' g(x), x = sum over the last items, j-th last, of decay^j weight
            + w_recent log(1 + recent) + w_popular log(1 + taken) + w_young exp(-age) + w_untrained untrained

    tables       `item_similarity`, EASE (`neighbours`), and every declared rule by the last items. f is log(1 + 1000 x), which tells what is in
                 the table from what is not; g is log(1 + 30 x), which tells strong from weak: together they follow whatever curve a log has.
                 EASE is divided by its deviation over the candidates instead: long histories would shout otherwise
    readings     how many of the last items, and how much less the older ones count: in some logs only the last item says what comes next
    recent       positive events of the candidate in the declared last days of training
    popular      all positive events of the candidate
    age          time from the candidate's first positive event to the end of training, as a share of these days: what is new is often what
                 is wanted, beyond what its counts say so far
    untrained    1 for a candidate without a positive event in training: such an item has no id vector and no popularity, and may be what
                 everyone wants because it is new, or what nobody ever wanted; the weight says what the log's own later days say

Tables touch some hundred candidates. With few candidates their sums are laid out in full, with many they stay pairs of cell and value, so that a
request costs what it touches.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.models.retrieval.neighbour_table import NeighbourTable
from components.models.retrieval.part_values import Dense, Touched, Values
from components.registry import graph_functions

TOWERS, NEXT, TRANSITION, KNN, EASE, ATTRIBUTES = "towers", "next", "transition", "knn", "ease", "attributes"
OF_ITEMS = ("recent", "popular", "young", "untrained")
LOGARITHM_SCALE, STRONG_SCALE = 1000.0, 30.0
STRONG = " strong"
LAID_OUT_CANDIDATES = 8_000


class Reading(NamedTuple):
    """How a table is read: with the last `items` of the history, each counting `decay` of the one after it; `deviation` names the f of EASE."""

    items: int
    decay: float
    deviation: bool = False


READINGS = {
    NEXT: {NEXT: Reading(5, 0.5), "next of last": Reading(1, 1.0), "next of many": Reading(10, 0.8)},
    TRANSITION: {"transition of last": Reading(1, 1.0)},
    KNN: {KNN: Reading(20, 0.85)},
    EASE: {EASE: Reading(20, 0.85, deviation=True)},
    ATTRIBUTES: {ATTRIBUTES: Reading(20, 0.85)},
}


def is_plain(name: str) -> bool:
    """Returns whether a part is weighed where there is little to learn from: no table's, or the first curve of the reading named as its table."""
    further = {reading for table, readings in READINGS.items() for reading in readings if reading != table}
    return STRONG not in name and name not in further


class TableScores(tf.Module):
    """The parts of the score that one table gives."""

    def __init__(
        self, table: NeighbourTable, readings: Mapping[str, Reading], columns: np.ndarray, candidates: int
    ) -> None:
        """Takes the table, its readings by name, and the column of each item among the A candidates [N]; what is none is left out."""
        super().__init__()
        column, size = columns[table.items], len(table.start) - 1
        kept = column < candidates
        row = np.repeat(np.arange(size), np.diff(table.start))[kept]
        count = np.bincount(row, minlength=size)
        self.names = tuple(
            part for name, how in readings.items() for part in ((name,) if how.deviation else (name, name + STRONG))
        )
        self._readings, self._candidates = tuple(readings.values()), candidates
        self._items = max(how.items for how in self._readings)
        # Variables: constants would make a graph of more than the two gigabytes that a file of it may have.
        self._start = tf.Variable(np.cumsum(count) - count, dtype=tf.int64, trainable=False)
        self._count = tf.Variable(count, dtype=tf.int64, trainable=False)
        self._columns = tf.Variable(column[kept], dtype=tf.int32, trainable=False)
        self._weights = tf.Variable(table.weights[kept], dtype=tf.float32, trainable=False)
        self._pairs: Callable = self._find_pairs

    def share(self, history: tf.TensorSpec) -> None:
        """Finds the pairs of histories [B, L] by one graph, in all graphs that are made from now on."""
        self._pairs = graph_functions.share(self._find_pairs, history)

    def _find_pairs(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the cells, request x A + column [p] int64, of histories [B, L], and what each adds to each reading, [p, R] float32."""
        read = min(self._items, history.shape[1])
        back = tf.range(read)
        place = tf.reduce_sum(tf.cast(history > 0, tf.int32), axis=1, keepdims=True) - 1 - back
        last = tf.where(place >= 0, tf.gather(history, tf.maximum(place, 0), batch_dims=1), 0)
        start, count = (tf.reshape(tf.gather(values, last), [-1]) for values in (self._start, self._count))
        pairs = tf.ragged.range(start, start + count)
        value_rows = pairs.value_rowids()
        decays = [
            [how.decay**item if item < how.items else 0.0 for how in self._readings] for item in range(self._items)
        ]
        decay = tf.gather(tf.constant(decays, tf.float32), value_rows % read)
        column = tf.cast(tf.gather(self._columns, pairs.values), tf.int64)
        return value_rows // read * self._candidates + column, tf.gather(self._weights, pairs.values)[:, None] * decay

    def laid_out(self, history: tf.Tensor) -> list[tf.Tensor]:
        """Histories [B, L] int32, oldest first, right-padded with 0, to the parts, as `names`: [B, A] float32 each; 0 for an empty history."""
        sums = self._sums(history)
        return self._curves(sums, sums)

    def of_cells(self, history: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns distinct cells [c] int64 and their values for each part [c] float32; all others are 0."""
        cells, sums = self._touched(history)
        request, requests, parts = cells // self._candidates, tf.shape(history)[0], []
        for how, each in zip(self._readings, tf.unstack(sums, axis=1), strict=True):
            if how.deviation:
                mean, square = (
                    tf.math.unsorted_segment_sum(values, request, requests) / self._candidates
                    for values in (each, each * each)
                )
                parts.append(each / tf.gather(tf.sqrt(square - mean * mean + 1e-12), request))
            else:
                parts.extend(_logarithms(each))
        return cells, parts

    def _touched(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the distinct cells [c] int64 that histories touch, and their sums for each reading [c, R] float32."""
        if self._candidates <= LAID_OUT_CANDIDATES:
            sums = tf.reshape(self._sums(history), [-1, len(self._readings)])
            cells = tf.where(tf.reduce_any(sums != 0, axis=1))[:, 0]
            return cells, tf.gather(sums, cells)
        pairs, added = self._pairs(history)
        cells, place = tf.unique(pairs)
        return cells, tf.math.unsorted_segment_sum(added, place, tf.size(cells))

    def of_candidates(self, history: tf.Tensor, columns: tf.Tensor) -> list[tf.Tensor]:
        """Returns the parts, as `names`, of the candidates [B, C] int64 of each history: [B, C] float32 each."""
        if self._candidates <= LAID_OUT_CANDIDATES:
            sums = self._sums(history)
            return self._curves(tf.gather(sums, columns, batch_dims=1), sums)
        cells, parts = self.of_cells(history)
        order = tf.argsort(cells)
        # Behind the last cell stands one that nobody asks for: there is always a place to look at.
        touched = tf.concat([tf.gather(cells, order), [cells.dtype.max]], axis=0)
        wanted = tf.range(tf.shape(columns, tf.int64)[0])[:, None] * self._candidates + columns
        place = tf.reshape(tf.searchsorted(touched, tf.reshape(wanted, [-1])), tf.shape(wanted))
        found = tf.gather(touched, place) == wanted
        return [
            tf.where(found, tf.gather(tf.concat([tf.gather(part, order), [0.0]], axis=0), place), 0.0) for part in parts
        ]

    def _sums(self, history: tf.Tensor) -> tf.Tensor:
        """Returns the weighted sums of each reading, laid out: [B, A, R] float32."""
        cells, values = self._pairs(history)
        requests = tf.shape(history, tf.int64)[0]
        return tf.reshape(
            tf.math.unsorted_segment_sum(values, cells, requests * self._candidates),
            [requests, self._candidates, len(self._readings)],
        )

    def _curves(self, chosen: tf.Tensor, sums: tf.Tensor) -> list[tf.Tensor]:
        """Returns the parts [B, C] float32 of chosen sums [B, C, R] out of all [B, A, R], whose deviation counts."""
        parts = []
        for how, each, every in zip(
            self._readings, *(tf.unstack(part, axis=2) for part in (chosen, sums)), strict=True
        ):
            if how.deviation:
                parts.append(each / tf.sqrt(tf.math.reduce_variance(every, axis=1, keepdims=True) + 1e-12))
            else:
                parts.extend(_logarithms(each))
        return parts


def _logarithms(sums: tf.Tensor) -> list[tf.Tensor]:
    return [tf.math.log(1.0 + scale * sums) for scale in (LOGARITHM_SCALE, STRONG_SCALE)]


class ScoreParts(tf.Module):
    """All parts of the score, by name; holds the candidates' vectors, not the towers."""

    def __init__(
        self,
        vectors: tf.Tensor,
        temperature: float,
        tables: Sequence[TableScores],
        of_items: np.ndarray,
        columns: np.ndarray,
    ):
        """Takes what is known of the candidates.

        Args:
          vectors: [A, D] float32 of length 1.
          temperature: the declared one.
          tables: what gives the parts by the last items.
          of_items: [4, A], what `OF_ITEMS` names, as it stands in the score.
          columns: [N] int, the candidate that each row of the item table is; A for none.
        """
        super().__init__()
        self.names = (TOWERS, *(name for table in tables for name in table.names), *OF_ITEMS)
        self._vectors = tf.Variable(vectors, dtype=tf.float32, trainable=False)
        self._temperature, self._tables, self.candidates = temperature, tuple(tables), len(vectors)
        self._of_items = tf.Variable(of_items, dtype=tf.float32, trainable=False)
        self._columns = tf.Variable(columns, dtype=tf.int64, trainable=False)

    def share(self, history: tf.TensorSpec) -> None:
        """Lets the signatures of a model share what its tables have in common; see `graph_functions.share`."""
        for table in self._tables:
            table.share(history)

    def __call__(self, query: tf.Tensor, history: tf.Tensor) -> list[Values]:
        """Returns the parts, as `names`, for queries [B, D] and histories [B, L]."""
        towers = tf.matmul(query, self._vectors, transpose_b=True) / self._temperature
        parts: list[Values] = [Dense(towers.numpy())]
        for table in self._tables:
            touched, values = table.of_cells(history)
            order = np.argsort(touched.numpy())
            cells = touched.numpy()[order]
            parts += [Touched(cells, value.numpy()[order], self.candidates) for value in values]
        return parts + [Dense(row[None]) for row in self._of_items.numpy()]

    def score(self, query: tf.Tensor, history: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Returns the weighted sum of the parts: [B, A] float32.

        Args:
          query: [B, D] float32.
          history: [B, L] int32.
          weights: [B, P] float32, what each part counts for each request.
        """
        first = len(self.names) - len(OF_ITEMS)
        total = (
            tf.matmul(query * weights[:, :1] / self._temperature, self._vectors, transpose_b=True)
            + weights[:, first:] @ self._of_items
        )
        by_table = tf.split(weights[:, 1:first], [len(table.names) for table in self._tables], axis=1)
        add = self._add_laid_out if self.candidates <= LAID_OUT_CANDIDATES else self._add_cells
        return add(total, history, by_table)

    def score_items(self, query: tf.Tensor, history: tf.Tensor, rows: tf.Tensor, weights: np.ndarray) -> tf.Tensor:
        """Returns the weighted sum of the parts of some items of each request, NaN for what is no candidate: [B, C] float32.

        It costs what a request touches, not what it leaves out.

        Args:
          query: [B, D] float32.
          history: [B, L] int32.
          rows: [B, C] int32 of the item table.
          weights: [P], what each part counts.
        """
        columns = tf.gather(self._columns, rows)
        known = columns < self.candidates
        columns = tf.where(known, columns, 0)
        towers = tf.reduce_sum(query[:, None] * tf.gather(self._vectors, columns), axis=-1) / self._temperature
        parts = [towers]
        for table in self._tables:
            parts += table.of_candidates(history, columns)
        parts += [tf.gather(row, columns) for row in tf.unstack(self._of_items)]
        total = tf.add_n([weight * part for weight, part in zip(weights, parts, strict=True)])
        return tf.where(known, total, np.nan)

    def _add_laid_out(self, total: tf.Tensor, history: tf.Tensor, by_table: list[tf.Tensor]) -> tf.Tensor:
        """Adds what the tables give, by weights [B, parts of the table] each, to scores [B, A]."""
        for table, weights in zip(self._tables, by_table, strict=True):
            for place, part in enumerate(table.laid_out(history)):
                total += weights[:, place : place + 1] * part
        return total

    def _add_cells(self, total: tf.Tensor, history: tf.Tensor, by_table: list[tf.Tensor]) -> tf.Tensor:
        """Does the same at the cells that the tables touch."""
        touched, added = [], []
        for table, weights in zip(self._tables, by_table, strict=True):
            cells, parts = table.of_cells(history)
            touched.append(cells)
            added.append(tf.reduce_sum(tf.stack(parts, axis=1) * tf.gather(weights, cells // self.candidates), axis=1))
        cells = tf.concat(touched, axis=0)[:, None]
        return tf.reshape(
            tf.tensor_scatter_nd_add(tf.reshape(total, [-1]), cells, tf.concat(added, axis=0)), tf.shape(total)
        )


def of_items(recent: np.ndarray, taken: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Returns `OF_ITEMS`, [4, A]: recent events, all events, and the age, inf for an item without events."""
    return np.stack([np.log1p(recent), np.log1p(taken), np.exp(-age), np.isinf(age)]).astype(np.float32)
