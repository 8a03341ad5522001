"""The retrieval model: which item comes next, learnt by a softmax over the catalogue at every position of every history.

Letters: B batch, L positions, T queries, N rows of the item table, D vector size, S sampled candidates.

loss = mean over positions of -log softmax(q . v / temperature)[next item]. Up to `FULL_SOFTMAX_ITEMS` items the softmax
runs over the entire table. Beyond, over the next item and S = 512 candidates that a step's queries share, drawn with
replacement from Q, half uniform and half by the root of the counts. Each candidate's logit is corrected by -log(S Q)
(log-Q correction; Yi et al., "Sampling-bias-corrected neural modeling", RecSys 2019, section 3), the next item's own is
not, and a candidate that is the next item is left out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.declaration import Model
from components.declaration.functions import load_function
from components.features.item_table import ItemTable
from components.models.retrieval.context import ContextEmbedding
from components.models.retrieval.item_tower import ItemTower
from components.models.retrieval.query_tower import QueryTower

FULL_SOFTMAX_ITEMS = 2000
SAMPLED = 512
# An exponent and a sum of powers that float32 holds, times a weight and a number of candidates.
LARGEST, SMALLEST = 60.0, 1e-37


class RetrievalModel(tfrs.Model):
    """Query tower and item tower, trained to point the query at the next item."""

    def __init__(self, table: ItemTable, counts: np.ndarray, settings: Model, context: ContextEmbedding):
        """Makes the towers.

        Args:
          table: N items, the unknown one included.
          counts: [N] int, how often training has each item as the next one.
          settings: the declared hyperparameters.
          context: the embedding of the request's context.
        """
        super().__init__()
        item_tower = _tower("item_tower", settings.item_tower, ItemTower)
        query_tower = _tower("query_tower", settings.query_tower, QueryTower)
        self.items = item_tower(table, counts > 0, settings.dim)
        self.query = query_tower(settings.dim, settings.history)
        self.context = context
        self._size = len(table)
        self._temperature = settings.temperature
        # Cosines reach 1: no logit is larger than 1 / temperature.
        self._shift = max(0.0, 1 / settings.temperature - LARGEST)
        self._sampled = len(table) > FULL_SOFTMAX_ITEMS
        roots = np.sqrt(counts[1:].astype(float))
        drawn = 0.5 / max(len(roots), 1) + 0.5 * roots / max(roots.sum(), 1e-9)
        self._correction = tf.constant(1 / (SAMPLED * drawn), tf.float32)
        self._mass = tf.constant(np.cumsum(roots) / max(roots.sum(), 1e-9), tf.float32)

    def all_items(self, training: bool = False, cold: tf.Tensor | None = None) -> tf.Tensor:
        """Returns all items' vectors for the query tower: [N, D] float32, row 0 zero; `cold` as in `ItemTower.call`."""
        return self.items.everything(training=training, cold=cold)

    def vectors(self) -> tf.Tensor:
        """Returns the vectors of all items as candidates, of length 1: [N, D] float32; row 0 is zero."""
        return tf.math.l2_normalize(self.all_items(), axis=-1)

    def last_query(self, items: tf.Tensor, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns the query after the last item of each history.

        Args:
          items: [B, L, D] float32, the vectors of the history's items.
          history: [B, L] int32, rows of the item table, right-padded with 0.
          context: context features, each [B].

        Returns:
          [B, D] float32 of length 1.
        """
        return self.query.last(items, tf.cast(history > 0, tf.float32), self.context(context, items[:, 0]))

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Mean loss per next item, so that the learning rate does not depend on the batch size.

        Args:
          inputs: `history` [B, L] int32 item rows, `target` [B, L] int32 the row that followed each (0: none), `weight`
            [B, L] float32, `context` the features of the request for each next item, column to [B, L].
          training: whether dropout is on.
        """
        history = inputs["history"]
        positions = tf.where(inputs["weight"] > 0)
        target = tf.gather_nd(inputs["target"], positions)
        weight = tf.gather_nd(inputs["weight"], positions)
        if self._sampled:
            candidates = self._sample()
            read, positive, vectors = self._embed(history, target, candidates, training)
        else:
            items = self.all_items(training)
            read, vectors = tf.gather(items, history), tf.math.l2_normalize(items[1:], axis=-1)
            positive, candidates = tf.gather(vectors, target - 1), None
        context = self.context(
            {name: tf.gather_nd(column, positions) for name, column in inputs["context"].items()},
            tf.gather_nd(read, positions),
        )
        queries = self.query(read, tf.cast(history > 0, tf.float32), positions, context, training)
        losses = self._cross_entropy(queries / self._temperature, positive, vectors, target, candidates)
        return tf.reduce_sum(losses * weight) / tf.maximum(tf.reduce_sum(weight), 1e-6)

    def _cross_entropy(
        self, queries: tf.Tensor, own: tf.Tensor, vectors: tf.Tensor, target: tf.Tensor, candidates: tf.Tensor | None
    ) -> tf.Tensor:
        """-log softmax at each query's own item: [T] float32.

        Args:
          queries: [T, D] float32.
          own: [T, D] float32 of length 1, what came next.
          vectors: [S, D] float32 of length 1, the candidates.
          target: [T] int32, the row of what came next.
          candidates: [S] int32, the rows of a sample; None if the candidates are all items.
        """
        reached = tf.reduce_sum(queries * own, axis=1)
        if candidates is None:
            total = _sum_of_powers(queries, vectors, tf.ones(tf.shape(vectors)[0]), self._shift)
        else:
            total = _sum_of_powers(queries, vectors, tf.gather(self._correction, candidates - 1), self._shift)
            own_weight = 1 - _times(target, candidates) * tf.gather(
                self._correction, target - 1
            )  # drawn, it is no competitor
            total += tf.exp(reached - self._shift) * own_weight
        return tf.math.log(tf.maximum(total, SMALLEST)) + self._shift - reached

    def _sample(self) -> tf.Tensor:
        """`SAMPLED` rows of items with replacement, half of them uniform, half by the root of the counts: [S] int32."""
        uniform = tf.random.uniform([SAMPLED // 2], 1, self._size, tf.int32)
        by_root = tf.searchsorted(
            self._mass, tf.random.uniform([SAMPLED - SAMPLED // 2]) * self._mass[-1], side="right"
        )
        return tf.concat([uniform, tf.minimum(by_root, self._size - 2) + 1], axis=0)

    def _embed(
        self, history: tf.Tensor, target: tf.Tensor, candidates: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the vectors of histories [B, L, D], targets [T, D] and candidates [S, D], each item embedded once."""
        rows, place = tf.unique(tf.concat([tf.reshape(history, [-1]), target, candidates], axis=0))
        vectors = self.items(rows, training=training)
        read, target_rows, sampled = tf.split(place, [tf.size(history), tf.size(target), tf.size(candidates)])
        unit = tf.math.l2_normalize(vectors, axis=-1)
        return (
            tf.gather(vectors, tf.reshape(read, tf.shape(history))),
            tf.gather(unit, target_rows),
            tf.gather(unit, sampled),
        )


def _tower(field: str, path: str | None, default: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the class that a launch names, or ours."""
    return load_function(f"launch.model.{field}", path) if path else default


def _times(target: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """Returns how often each target [T] is among the candidates [S]: [T] float32."""
    rows, place = tf.unique(tf.concat([candidates, target], axis=0))
    of_candidates, of_targets = tf.split(place, [tf.size(candidates), tf.size(target)])
    drawn = tf.math.unsorted_segment_sum(tf.ones(tf.shape(candidates)), of_candidates, tf.size(rows))
    return tf.gather(drawn, of_targets)


def _sum_of_powers(queries: tf.Tensor, vectors: tf.Tensor, weight: tf.Tensor, shift: float) -> tf.Tensor:
    """sum over s of weight_s exp(q . v_s - shift): queries [T, D], vectors [S, D] and weights [S] to [T].

    Its own gradient (none for the weights) puts what is constant along a row or a column of the [T, S] powers into the
    factors of its products, which have D columns: no pass over T x S numbers but the products themselves.
    """

    @tf.custom_gradient
    def total(queries: tf.Tensor, vectors: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        logits = tf.matmul(queries, vectors, transpose_b=True)
        powers = tf.exp(logits - shift if shift else logits)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_queries = upstream[:, None] * tf.matmul(powers, weight[:, None] * vectors)
            of_vectors = weight[:, None] * tf.matmul(powers, upstream[:, None] * queries, transpose_a=True)
            return of_queries, of_vectors

        return tf.linalg.matvec(powers, weight), gradient

    return total(queries, vectors)
