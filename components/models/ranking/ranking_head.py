"""The ranking head: how probable each objective is, were this item shown to this user now.

Letters: K rows, D vector size, O objectives, P positions.

    logit = scale x (head(query, item, query * item, declared columns) + bias[position]) + weight x score + shift

The head crosses its inputs (DCN V2; Wang et al., WWW 2021,
equation 1).
The bias absorbs the effect of the position on an objective, whatever the item (position as a separate, additive
input: Zhao et
al., "Recommending what video to watch next", RecSys 2019, section 4.3); serving holds it at its training mean. The score
is that of the retrieval, which knows what vectors do not: what follows what, and what is recent. It enters with scale and
shift, fitted on rows that neither it nor the head has seen (`ranking_training.fit_calibration`): tables count the very
clicks that the head is trained on.
"""

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.models.retrieval.context import ContextEmbedding

MAX_POSITIONS = 50
HIDDEN = 64
# How much faster than the weights of the head the bias is learnt. At their own pace its few numbers had a quarter of
# the effect after three epochs; started from each position's own rate of ones, they kept what is due to the better
# items that stand on top.
PLACE_PACE = 20.0
# Vectors enter with this length. With length 1 a vector of 128 numbers left the head untrained after its epochs (rank
# correlation with the truth of the sample .58 instead of .60); with length 11 it learnt its rows by heart.
VECTOR_LENGTH = 2.0


class RankingModel(tfrs.Model):
    """Cross layers over frozen query and item vectors, one logit per objective."""

    def __init__(
        self,
        objectives: tuple[str, ...],
        base_rates: list[float],
        mean_position: list[float],
        features: ContextEmbedding | None = None,
    ):
        """Makes the layers.

        Args:
          objectives: O names.
          base_rates: the share of ones among each objective's labels, in (0, 1): where its logit starts.
          mean_position: [P + 1], the share of training rows at each position; slot 0 is "position unknown".
          features: turns the declared columns (`head_features`) into a vector; None without any.
        """
        super().__init__()
        logits = [tf.math.log(rate / (1.0 - rate)) for rate in base_rates]
        self.objectives = objectives
        self._features = features
        self._cross = [
            tfrs.layers.dcn.Cross(projection_dim=HIDDEN, kernel_initializer="glorot_uniform") for _ in range(2)
        ]
        self._hidden = tf.keras.layers.Dense(HIDDEN, activation="relu")
        # With a kernel of zeros the first logits are exactly the base rates'.
        self._logits = tf.keras.layers.Dense(
            len(objectives), kernel_initializer="zeros", bias_initializer=lambda shape, dtype=None: tf.stack(logits)
        )
        self._bias = self.add_weight("position_bias", (MAX_POSITIONS + 1, len(objectives)), initializer="zeros")
        self._mean_position = tf.constant(mean_position, tf.float32)
        self._scale = self.add_weight("scale", (len(objectives),), initializer="ones", trainable=False)
        self._shift = self.add_weight("shift", (len(objectives),), initializer="zeros", trainable=False)
        self._score_weight = self.add_weight("score_weight", (len(objectives),), initializer="zeros", trainable=False)
        self._mean_score = self.add_weight("mean_score", (), initializer="zeros", trainable=False)

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Calibrated logits [K, O] float32 at the mean position.

        Args:
          inputs: `query` and `item` [K, D] float32, and perhaps `features`, and `score` [K] float32, NaN for an item
            that has none; Keras wants them in one argument.
          training: whether the model is in training mode.
        """
        logits = self._scale * self.raw_logits(inputs) + self._shift
        if "score" not in inputs:
            return logits
        return logits + self._score_weight * center_scores(inputs["score"], self._mean_score)[:, None]

    def raw_logits(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """Logits [K, O] float32 at the mean position, as the training rows would have them."""
        return self._content(inputs) + tf.linalg.matvec(self.places, self._mean_position, transpose_a=True)

    @property
    def places(self) -> tf.Tensor:
        """What each position adds to the logits: [P + 1, O] float32."""
        return PLACE_PACE * self._bias

    def calibrate(self, numbers: np.ndarray, mean_score: float = 0.0) -> None:
        """Sets scale, shift and weight of the score of each objective, [O, 3]; see `ranking_training.fit_calibration`."""
        for variable, column in zip((self._scale, self._shift, self._score_weight), numbers.T, strict=True):
            variable.assign(column)
        self._mean_score.assign(mean_score)

    @property
    def calibration(self) -> tuple[np.ndarray, float]:
        """What `calibrate` has set: [O, 3], and the mean score."""
        columns = (self._scale, self._shift, self._score_weight)
        return np.stack([column.numpy() for column in columns], axis=1), float(self._mean_score)

    def _content(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        query, item = VECTOR_LENGTH * inputs["query"], VECTOR_LENGTH * inputs["item"]
        parts = [query, item, query * item]
        if self._features is not None:
            parts.append(self._features(inputs["features"], query))
        crossed = first = tf.concat(parts, axis=-1)
        for cross in self._cross:
            crossed = cross(first, crossed)
        return self._logits(self._hidden(crossed))

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Mean log loss over the labels that are there.

        Args:
          inputs: `query` and `item` [K, D] float32, `features` (column to [K], where any are declared),
            `position` [K] int32 (0: unknown), `label` [K, O] float32, negative
            where missing.
          training: whether the model is in training mode.
        """
        logits = self._content(inputs) + tf.gather(self.places, inputs["position"])
        has_label = tf.cast(inputs["label"] >= 0, tf.float32)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.maximum(inputs["label"], 0.0), logits)
        return tf.reduce_sum(losses * has_label) / tf.maximum(tf.reduce_sum(has_label), 1.0)


def center_scores(score: tf.Tensor, mean: tf.Tensor | float) -> tf.Tensor:
    """Returns scores [K] float32 less their mean; 0 for NaN, of which the score says nothing."""
    return tf.where(tf.math.is_nan(score), 0.0, score - mean)
