"""The base of a team's own query tower: a state for each position of a history, and the context of the request.

Letters: B batch, L positions, T queries, D vector size, S size of a state, C size of the context.
"""

import tensorflow as tf


class SequenceTower(tf.keras.Model):
    """A query tower whose subclass adds `states`; docs/extend.md shows one."""

    def __init__(self, dim: int, length: int):
        """Makes the output layer for vectors of size `dim`; a history has at most `length` items."""
        super().__init__()
        self.dim, self.length = dim, length
        self._mix = tf.keras.layers.Dense(dim, use_bias=False)
        self._output = tf.keras.layers.Dense(dim)

    def states(self, items: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Returns the state after each item; the subclass's part. A state must not see the items after its own.

        Args:
          items: [B, L, D] float32, item vectors, oldest first, right-padded.
          mask: [B, L] float32, 1 for items, 0 for padding.
          training: whether dropout is on.

        Returns:
          [B, L, S] float32.
        """
        raise NotImplementedError

    def call(
        self, items: tf.Tensor, mask: tf.Tensor, asked: tf.Tensor, context: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Returns queries [T, D] of length 1 after the items at `asked` [T, 2]; see `QueryTower.call`."""
        return self._query(tf.gather_nd(self.states(items, mask, training), asked), context)

    def last(self, items: tf.Tensor, mask: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """Returns queries [B, D] of length 1 after the last item of each history; see `QueryTower.last`."""
        last = tf.maximum(tf.cast(tf.reduce_sum(mask, axis=1), tf.int32) - 1, 0)
        return self._query(tf.gather(self.states(items, mask, False), last, batch_dims=1), context)

    def _query(self, states: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """States [T, S] and context [T, C] to queries [T, D]."""
        return tf.math.l2_normalize(self._mix(states) + self._output(tf.concat([states, context], axis=-1)), axis=-1)
