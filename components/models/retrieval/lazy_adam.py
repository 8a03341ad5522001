"""Adam that touches only the rows of an embedding that a step has read.

Keras's own Adam lets the moments of all rows decay at every step: three passes over the entire table, which at 360,000 items of size 128 take longer
than everything else in a step together. Here the moments of a row stand still until the row is read again ("lazy" Adam).
"""

import tensorflow as tf


class LazyAdam(tf.keras.optimizers.Adam):
    """Adam (Kingma & Ba, ICLR 2015, algorithm 1) for dense gradients; for those of gathered rows, the same formula on these rows alone."""

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        """Updates a variable; Keras has added up the slices of repeated rows before."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable)
            return
        place = self._index_dict[self._var_key(variable)]
        rows, values = gradient.indices, gradient.values
        step = tf.cast(self.iterations + 1, variable.dtype)
        first, second = tf.cast(self.beta_1, variable.dtype), tf.cast(self.beta_2, variable.dtype)
        rate = (
            tf.cast(self.learning_rate, variable.dtype) * tf.sqrt(1 - tf.pow(second, step)) / (1 - tf.pow(first, step))
        )
        moment = first * tf.gather(self._momentums[place], rows) + (1 - first) * values
        power = second * tf.gather(self._velocities[place], rows) + (1 - second) * tf.square(values)
        self._momentums[place].scatter_update(tf.IndexedSlices(moment, rows))
        self._velocities[place].scatter_update(tf.IndexedSlices(power, rows))
        variable.scatter_sub(tf.IndexedSlices(rate * moment / (tf.sqrt(power) + self.epsilon), rows))
