"""The query tower: what a user wants next, read from the last items and the context of the request.

Letters: B batch, L positions, T queries, D vector size, R decay rates. Position t sees the items 0..t only, so that one
  pass over a sequence
gives the query after each of its items: training uses every position of a sequence, serving the last one, with the same
weights.

    history   v0   v1   v2   (pad)
    query     q0   q1   q2    .        the target of q1 is the item that followed v1
"""

import numpy as np
import tensorflow as tf

DECAYS = (0.0, 0.5, 0.8, 0.95)
DROPOUT = 0.2


class QueryTower(tf.keras.Model):
    """Recency pooling of the history at several decay rates, then a residual two-layer perceptron.

    Pool r at position t is the weighted mean of the item vectors so far, sum_s<=t decay_r^(t-s) v_s / sum_s<=t
    decay_r^(t-s): rate 0 is the last item, rates near 1 the long-term taste. The weights are fixed and there is no
    attention to learn: all positions of a sequence cost one product with a constant matrix. In training a fifth of the
    pooled cells is dropped.
    """

    def __init__(self, dim: int, length: int):
        """Makes the layers for vectors of size `dim` and at most `length` items of history."""
        super().__init__()
        steps = np.arange(length)[:, None] - np.arange(length)[None, :]
        pools = [np.where(steps >= 0, np.power(float(decay), np.maximum(steps, 0)), 0.0) for decay in DECAYS]
        # [L, R, L]: of a position, by rate, each item's weight.
        self._pools = tf.constant(np.stack(pools, axis=1), tf.float32)
        self._hidden = tf.keras.layers.Dense(dim, activation="gelu")
        self._output = tf.keras.layers.Dense(dim)
        self._dropout = tf.keras.layers.Dropout(DROPOUT)
        self._mix = tf.keras.layers.Dense(dim, use_bias=False)

    def call(
        self, items: tf.Tensor, mask: tf.Tensor, asked: tf.Tensor, context: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Queries after some of the items: the layers see no position that nobody asks for, and many histories are shorter than L.

        Args:
          items: [B, L, D] float32, item vectors, oldest first; L may be less than the declared length.
          mask: [B, L] float32, 1 for items, 0 for padding.
          asked: [T, 2] int64, the history and the position of each query.
          context: [T, C] float32, the context of each query's request; C may be 0.
          training: whether dropout is on.

        Returns:
          [T, D] float32 of length 1.
        """
        length = tf.shape(items)[1]
        shares = _shares(self._pools[:length, :, :length], mask[:, None, None, :])
        means = tf.matmul(tf.reshape(shares, [-1, length * len(DECAYS), length]), items)
        rows = tf.reshape(means, [-1, len(DECAYS) * items.shape[-1]])
        return self._query(tf.gather(rows, asked[:, 0] * tf.cast(length, tf.int64) + asked[:, 1]), context, training)

    def last(self, items: tf.Tensor, mask: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """Returns the query after the last item only, which serving needs, at a fraction of the cost of all positions.

        Args:
          items: [B, L, D] float32, oldest first, right-padded.
          mask: [B, L] float32, 1 for items, 0 for padding.
          context: [B, C] float32.

        Returns:
          [B, D] float32 of length 1.
        """
        last = tf.maximum(tf.cast(tf.reduce_sum(mask, axis=1), tf.int32) - 1, 0)
        means = tf.matmul(_shares(tf.gather(self._pools, last), mask[:, None, :]), items)
        return self._query(tf.reshape(means, [-1, len(DECAYS) * items.shape[-1]]), context, training=False)

    def _query(self, pooled: tf.Tensor, context: tf.Tensor, training: bool) -> tf.Tensor:
        """From the pools of each query [T, R * D] and its context [T, C] to queries [T, D]."""
        pooled = self._dropout(pooled, training=training)
        inputs = tf.concat([pooled, context], axis=-1) if context.shape[-1] else pooled
        return tf.math.l2_normalize(self._mix(pooled) + self._output(self._hidden(inputs)), axis=-1)


def _shares(pools: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns each item's share of a pool, over the last axis: the weights [..., L] of the items that are there [..., L], over their sum."""
    present = pools * mask
    return present / tf.maximum(tf.reduce_sum(present, axis=-1, keepdims=True), 1e-6)
