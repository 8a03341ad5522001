"""The ranking head: how probable each objective is, were this item shown to this user now.

Letters: K rows, D vector size, O objectives, P positions.

logit = head(query, item, query * item) + bias[position]. The head crosses its inputs (DCN V2; Wang et al., WWW 2021, equation 1).
The bias takes up what the place on the page does to an objective whatever the item (position as a separate, additive input: Zhao et
al., "Recommending what video to watch next", RecSys 2019, section 4.3); serving holds it at its training mean.
"""

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

MAX_POSITIONS = 50
HIDDEN = 64


class RankingModel(tfrs.Model):
    """Cross layers over frozen query and item vectors, one logit per objective."""

    def __init__(self, objectives: tuple[str, ...], base_rates: list[float], mean_position: list[float], place_logits: np.ndarray | None = None):
        """Makes the layers.

        Args:
          objectives: O names.
          base_rates: the share of ones among each objective's labels, in (0, 1): where its logit starts.
          mean_position: [P + 1], the share of training rows at each position; slot 0 is "position unknown".
          place_logits: [P + 1, O], where the bias of each position starts; None for zeros.
        """
        super().__init__()
        logits = [tf.math.log(rate / (1.0 - rate)) for rate in base_rates]
        self.objectives = objectives
        self._cross = [tfrs.layers.dcn.Cross(projection_dim=HIDDEN, kernel_initializer="glorot_uniform") for _ in range(2)]
        self._hidden = tf.keras.layers.Dense(HIDDEN, activation="relu")
        # With a kernel of zeros the first logits are exactly the base rates'.
        self._logits = tf.keras.layers.Dense(len(objectives), kernel_initializer="zeros", bias_initializer=lambda shape, dtype=None: tf.stack(logits))
        start = np.zeros((MAX_POSITIONS + 1, len(objectives))) if place_logits is None else place_logits
        self._bias = self.add_weight("position_bias", start.shape, initializer=tf.keras.initializers.Constant(start))
        self._mean_position = tf.constant(mean_position, tf.float32)

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Logits [K, O] float32 at the mean position for `query` and `item` [K, D] float32 (Keras wants them in one argument)."""
        return self._content(inputs["query"], inputs["item"]) + tf.linalg.matvec(self._bias, self._mean_position, transpose_a=True)

    def _content(self, query: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        crossed = inputs = tf.concat([query, item, query * item], axis=-1)
        for cross in self._cross:
            crossed = cross(inputs, crossed)
        return self._logits(self._hidden(crossed))

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Mean log loss over the labels that are there.

        Args:
          inputs: `query` and `item` [K, D] float32, `position` [K] int32 (0: unknown), `label` [K, O] float32, negative where missing.
          training: whether the model is in training mode.
        """
        logits = self._content(inputs["query"], inputs["item"]) + tf.gather(self._bias, inputs["position"])
        known = tf.cast(inputs["label"] >= 0, tf.float32)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.maximum(inputs["label"], 0.0), logits)
        return tf.reduce_sum(losses * known) / tf.maximum(tf.reduce_sum(known), 1.0)
