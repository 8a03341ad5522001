"""The item tower: a vector per item from its id and from what the catalogue says of it.

Letters: N rows of the item table (row 0 is the unknown item), M feature slots, P numbers, D vector size.
"""

import numpy as np
import tensorflow as tf

from components.features.item_table import ItemTable

ID_DROPOUT = 0.2


class ItemTower(tf.keras.Model):
    """Sum of an id embedding, the embeddings of the catalogue features and a projection of the numbers.

    In training the id embedding of a fifth of the items is left out at random, so that features learn to speak alone:
    an item that was launched after training has no trained id, and still gets a usable vector.
    """

    def __init__(self, table: ItemTable, trained: np.ndarray, dim: int):
        """Makes the embeddings.

        Args:
          table: the items.
          trained: [N] bool, whether training has events of the item; the others keep no id embedding.
          dim: D.
        """
        super().__init__()
        self._features_speak = table.feature_count > 0 or table.numbers.shape[1] > 0
        self._features = tf.constant(table.features)
        self._numbers = tf.constant(table.numbers)
        self._trained = tf.constant(trained[:, None], tf.float32)
        self._id = self.add_weight("id", (len(table), dim), initializer=tf.keras.initializers.RandomNormal(stddev=0.1))
        self._feature = self.add_weight(
            "feature", (table.feature_count + 1, dim), initializer=tf.keras.initializers.RandomNormal(stddev=0.1)
        )
        self._some = tf.constant(np.arange(len(table))[:, None] > 0, tf.float32)
        self._number = tf.keras.layers.Dense(dim, use_bias=False)
        place = np.argwhere(table.features > 0)
        listed = np.stack([place[:, 0], table.features[table.features > 0]], axis=1).astype(np.int64)
        order = np.lexsort((listed[:, 1], listed[:, 0]))
        self._listed = tf.SparseTensor(listed[order], tf.ones(len(listed)), (len(table), table.feature_count + 1))

    def call(self, rows: tf.Tensor, training: bool = False, cold: tf.Tensor | None = None) -> tf.Tensor:
        """Vectors of items.

        Args:
          rows: [K] int32, rows of the item table.
          training: whether id embeddings are left out at random.
          cold: [N] bool, items whose id embeddings are left out as if nobody had acted on them.

        Returns:
          [K, D] float32; zero for row 0.
        """
        keep = tf.gather(self._trained if cold is None else self._trained * tf.cast(~cold, tf.float32)[:, None], rows)
        if training and self._features_speak:
            keep *= tf.cast(tf.random.uniform(tf.shape(keep)) >= ID_DROPOUT, tf.float32)
        features = tf.gather(self._features, rows)
        present = tf.cast(features > 0, tf.float32)[..., None]
        vectors = tf.gather(self._id, rows) * keep + tf.reduce_sum(tf.gather(self._feature, features) * present, axis=1)
        if self._numbers.shape[1]:
            vectors += self._number(tf.gather(self._numbers, rows))
        return vectors * tf.cast(rows > 0, tf.float32)[:, None]

    def everything(self, training: bool = False, cold: tf.Tensor | None = None) -> tf.Tensor:
        """Returns all items' vectors, as `call` does: [N, D] float32. Dense gradients take a third of the CPU."""
        keep = self._trained if cold is None else self._trained * tf.cast(~cold, tf.float32)[:, None]
        if training and self._features_speak:
            keep *= tf.cast(tf.random.uniform(tf.shape(keep)) >= ID_DROPOUT, tf.float32)
        vectors = self._id * keep + tf.sparse.sparse_dense_matmul(self._listed, self._feature)
        if self._numbers.shape[1]:
            vectors += self._number(self._numbers)
        return vectors * self._some

    def by_name(self) -> dict[str, tf.Variable]:
        """Returns the weights with named rows: ids [N, D], catalogue features [F + 1, D], numbers [P, D] once built."""
        numbers = {"number": self._number.kernel} if self._number.built else {}
        return {"id": self._id, "feature": self._feature} | numbers
