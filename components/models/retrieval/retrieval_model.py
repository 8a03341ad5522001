"""The retrieval model: which item comes next, learnt by a softmax over the catalogue at every position of every history.

Letters: B batch, L positions, N rows of the item table, D vector size, S sampled candidates.

loss = mean over positions of -log softmax(q . v / temperature)[next item]. Up to `FULL_SOFTMAX_ITEMS` items the softmax
runs over the whole table. Beyond, over the batch's own next items and as many uniform samples, each logit corrected by
-log of the probability that its candidate is there (log-Q correction; Yi et al., "Sampling-bias-corrected neural
modeling", RecSys 2019, section 3).
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.declaration import Model
from components.features.item_table import ItemTable
from components.models.retrieval.context import ContextEmbedding
from components.models.retrieval.item_tower import ItemTower
from components.models.retrieval.query_tower import QueryTower

FULL_SOFTMAX_ITEMS = 30_000
EMBEDDED_AT_ONCE = 65_536  # items; bounds what the feature slots of all of them take


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
        self.items = ItemTower(table, counts > 0, settings.dim)
        self.query = QueryTower(settings.dim, settings.history)
        self.context = context
        self._size = len(table)
        self._temperature = settings.temperature
        self._share = tf.constant(np.maximum(counts, 1e-9) / max(counts.sum(), 1), tf.float32)
        self._sampled = len(table) > FULL_SOFTMAX_ITEMS

    def all_items(self, training: bool = False) -> tf.Tensor:
        """The vectors of all items as the query tower reads them: [N, D] float32; row 0 is zero."""
        starts = range(0, self._size, EMBEDDED_AT_ONCE)
        chunks = [
            self.items(tf.range(start, min(start + EMBEDDED_AT_ONCE, self._size)), training=training)
            for start in starts
        ]
        return tf.concat(chunks, axis=0)

    def vectors(self) -> tf.Tensor:
        """The vectors of all items as candidates, of length 1: [N, D] float32; row 0 is zero."""
        return tf.math.l2_normalize(self.all_items(), axis=-1)

    def last_query(self, items: tf.Tensor, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """The query after the last item of each history.

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
        asked = tf.where(inputs["weight"] > 0)
        target = tf.gather_nd(inputs["target"], asked)
        weight = tf.gather_nd(inputs["weight"], asked)
        if self._sampled:
            candidates, log_q = self._sample(target)
            read, vectors = self._embed(history, candidates, training)
            column = _places(candidates, target)
        else:
            items = self.all_items(training)
            read, vectors, log_q, column = tf.gather(items, history), items[1:], 0.0, target - 1
        context = self.context(
            {name: tf.gather_nd(column, asked) for name, column in inputs["context"].items()}, tf.gather_nd(read, asked)
        )
        queries = self.query(read, tf.cast(history > 0, tf.float32), asked, context, training)
        losses = self._cross_entropy(queries, tf.math.l2_normalize(vectors, axis=-1), log_q, column)
        return tf.reduce_sum(losses * weight) / tf.maximum(tf.reduce_sum(weight), 1e-6)

    def _cross_entropy(
        self, queries: tf.Tensor, vectors: tf.Tensor, log_q: tf.Tensor | float, column: tf.Tensor
    ) -> tf.Tensor:
        """-log softmax at each query's own candidate: [T] float32.

        Args:
          queries: [T, D] float32 of length 1.
          vectors: [S, D] float32 of length 1, the candidates.
          log_q: what is taken off each candidate's logit, [S], or 0.
          column: [T] int32, the candidate that came next.
        """
        queries = queries / self._temperature
        logits = tf.matmul(queries, vectors, transpose_b=True)
        own = tf.reduce_sum(queries * tf.gather(vectors, column), axis=1)
        if self._sampled:
            logits, own = logits - log_q, own - tf.gather(log_q, column)
        return _log_sum_exp(logits) - own

    def _sample(self, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The targets [T] without repeats and as many uniform samples, a hit counted once: rows [S] int32, and log Q [S] float32.

        Q = 1 - exp(-expected count) is the probability to be among the candidates of a batch of T targets.
        """
        own = tf.unique(target).y
        samples = tf.maximum(
            tf.size(own), 1
        )  # a batch without targets has a softmax too: over nothing it would be an error
        drawn = tf.random.uniform([samples], 1, self._size, tf.int32)
        candidates = tf.unique(tf.concat([own, drawn], axis=0)).y
        in_batch = tf.cast(tf.size(target), tf.float32) * tf.gather(self._share, candidates)
        by_chance = tf.cast(samples, tf.float32) / float(self._size - 1)
        return candidates, tf.math.log(-tf.math.expm1(-(in_batch + by_chance)))

    def _embed(self, history: tf.Tensor, candidates: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """The vectors of the history [B, L, D] and of the candidates [S, D], each different item embedded once."""
        rows, place = tf.unique(tf.concat([tf.reshape(history, [-1]), candidates], axis=0))
        vectors = tf.gather(self.items(rows, training=training), place)
        read, sampled = tf.split(vectors, [tf.size(history), tf.size(candidates)])
        return tf.reshape(read, tf.concat([tf.shape(history), [vectors.shape[-1]]], axis=0)), sampled


@tf.custom_gradient
def _log_sum_exp(logits: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """log sum exp over the columns: [T, S] to [T]. Half the CPU of TensorFlow's softmax with cross entropy: fewer passes over T x S numbers."""
    highest = tf.reduce_max(logits, axis=1, keepdims=True)
    powers = tf.exp(logits - highest)
    total = tf.reduce_sum(powers, axis=1, keepdims=True)
    return (highest + tf.math.log(total))[:, 0], lambda gradient: powers * (gradient[:, None] / total)


def _places(candidates: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The column of each target among the candidates: [T] int32."""
    order = tf.argsort(candidates)
    return tf.gather(order, tf.searchsorted(tf.gather(candidates, order), target))
