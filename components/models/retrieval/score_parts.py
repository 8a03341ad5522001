"""What the model's score of a candidate is made of, in training (to learn the weights) and inside the SavedModel, by the same code.

Letters: B requests, L items of history, A candidates, N rows of the item table, M neighbours of an item, R items that
  are read for neighbours.

    score = w_towers cosine(query, candidate) / temperature + w_neighbours standardised(neighbours)
            + w_recent log(1 + recent) + w_young exp(-age) + w_untrained untrained

    neighbours   sum over the last R items, j-th last, of DECAY^j x weight(item, candidate); see `neighbours`
    recent       positive events of the candidate in the declared last days of training
    age          time from the candidate's first positive event to the end of training, as a share of these days: what is new is often what
                 is wanted, beyond what its counts say so far
    untrained    1 for a candidate without a positive event in training: such an item has no id vector and no popularity, and may be what
                 everyone wants because it is new, or what nobody ever wanted; the weight says what the log's own later
                 days say
"""

import numpy as np
import tensorflow as tf

from components.models.retrieval.neighbours import Neighbours

PARTS = ("towers", "neighbours", "recent", "young", "untrained")
# Where the weights start, and stay if nothing can be learnt.
START = np.array([1.0, 0.15, 0.15, 0.0, 0.0])
DECAY = 0.85
READ = 20


class NeighbourScores(tf.Module):
    """The part "neighbours", standardised over the candidates of each request: long histories would shout otherwise."""

    def __init__(self, table: Neighbours, columns: np.ndarray, candidates: int):
        """Takes the table and the column of each item among the A candidates, [N] int32; A for an item that is none."""
        super().__init__()
        self._slot = tf.constant(table.slot)
        self._columns = tf.constant(np.where(table.items > 0, columns[table.items], candidates), tf.int32)
        self._weights = tf.constant(table.weights)
        self._candidates = candidates

    def __call__(self, history: tf.Tensor) -> tf.Tensor:
        """Histories [B, L] int32, oldest first, right-padded with 0, to [B, A] float32; 0 for an empty history."""
        back = tf.range(min(READ, history.shape[1]))
        place = tf.reduce_sum(tf.cast(history > 0, tf.int32), axis=1, keepdims=True) - 1 - back
        last = tf.where(place >= 0, tf.gather(history, tf.maximum(place, 0), batch_dims=1), 0)
        slot = tf.gather(self._slot, last)
        decay = tf.pow(tf.constant(DECAY), tf.cast(back, tf.float32))[:, None]
        weights, columns = tf.gather(self._weights, slot) * decay, tf.gather(self._columns, slot)
        width, requests = (
            self._candidates + 1,
            tf.shape(history)[0],
        )  # the spare last column takes the neighbours that are no candidates
        cells = columns + width * tf.range(requests)[:, None, None]
        sums = tf.math.unsorted_segment_sum(tf.reshape(weights, [-1]), tf.reshape(cells, [-1]), width * requests)
        return _standardised(tf.reshape(sums, [-1, width])[:, :-1])


def _standardised(scores: tf.Tensor) -> tf.Tensor:
    """Zero mean and unit deviation in each row: [B, A]."""
    mean, variance = tf.nn.moments(scores, axes=[1], keepdims=True)
    return (scores - mean) / tf.sqrt(variance + 1e-12)


class ScoreParts(tf.Module):
    """All parts of the score; holds the candidates' vectors, not the towers."""

    def __init__(
        self, vectors: tf.Tensor, temperature: float, neighbours: NeighbourScores, recent: np.ndarray, age: np.ndarray
    ):
        """Takes what is known of the candidates.

        Args:
          vectors: [A, D] float32 of length 1.
          temperature: the declared one.
          neighbours: the wide part.
          recent: [A], positive events in the declared last days.
          age: [A], the time since the first positive event as a share of these days; inf where there is none.
        """
        super().__init__()
        self._vectors, self._temperature, self._neighbours = vectors, temperature, neighbours
        self._of_items = tf.constant(np.stack([np.log1p(recent), np.exp(-age), np.isinf(age)]), tf.float32)

    def __call__(self, query: tf.Tensor, history: tf.Tensor) -> list[tf.Tensor]:
        """The parts in the order of `PARTS`, [B, A] or [1, A] float32 each, for queries [B, D] and their histories [B, L]."""
        towers = tf.matmul(query, self._vectors, transpose_b=True) / self._temperature
        return [towers, self._neighbours(history), *(row[None, :] for row in tf.unstack(self._of_items))]
