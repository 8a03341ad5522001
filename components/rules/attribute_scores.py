"""How much candidates are like some items by what the catalogue says of them: what is known on a launch's first day.

Letters: B requests, L items, N rows of the item table, A candidates, m feature slots, F features.

    score(items, candidate) = sum over the features f of both of weight(f)^2 / |candidate|
    weight(f) = log(N / items with f),  |candidate| = sqrt(sum over its features of weight(f)^2)
"""

import numpy as np
import tensorflow as tf

from components.features.item_table import ItemTable


class AttributeScores(tf.Module):
    """Scores by shared categories and words."""

    def __init__(self, table: ItemTable):
        """Takes the items and their features."""
        super().__init__()
        counts = np.bincount(table.features.ravel(), minlength=table.feature_count + 1)
        squares = np.log(len(table) / np.maximum(counts, 1.0)) ** 2
        squares[0] = 0.0  # padding
        size = np.sqrt(squares[table.features].sum(axis=1))
        self._features = tf.Variable(table.features, dtype=tf.int32, trainable=False)
        self._squares = tf.Variable(squares, dtype=tf.float32, trainable=False)
        self._active = tf.Variable(np.flatnonzero(table.active), dtype=tf.int32, trainable=False)
        self._scale = tf.Variable(np.where(size > 0, 1 / np.maximum(size, 1e-6), 0), dtype=tf.float32, trainable=False)

    def __call__(self, items: tf.Tensor) -> tf.Tensor:
        """Returns the scores [B, A] float32 for rows of the item table [B, L], 0 pads; 0 where nothing is shared. O(B N m)."""
        requests, slots = tf.shape(items)[0], self._features.shape[1]
        shared = tf.reshape(tf.gather(self._features, items), [requests, -1])
        cells = tf.stack([tf.broadcast_to(tf.range(requests)[:, None], tf.shape(shared)), shared], axis=-1)
        squared_weights = tf.scatter_nd(cells, tf.gather(self._squares, shared), [requests, tf.size(self._squares)])
        total = tf.add_n([tf.gather(squared_weights, self._features[:, slot], axis=1) for slot in range(slots)])
        return tf.gather(total * self._scale, self._active, axis=1)
