"""Lazy Adam: Keras's Adam on rows that every step reads, and rows that stand still when they are not read."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS

from components.models.retrieval.lazy_adam import LazyAdam

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


def _steps(optimizer, rows_of_steps, seed=0):
    """A table of 5 rows after steps on the gathered rows, and another variable after the same number of dense steps."""
    rng = np.random.default_rng(seed)
    table, dense = tf.Variable(rng.normal(size=(5, 2)), dtype=tf.float32), tf.Variable([1.0, -2.0])
    optimizer.build([table, dense])
    for rows in rows_of_steps:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table, rows) ** 2) + tf.reduce_sum(dense**2)
        optimizer.apply_gradients(zip(tape.gradient(loss, [table, dense]), [table, dense], strict=True))
    return table.numpy(), dense.numpy()


def test_rows_that_every_step_reads_move_as_with_adam():
    steps = [[0, 1, 2, 3, 4]] * 6
    for ours, theirs in zip(_steps(LazyAdam(0.1), steps), _steps(tf.keras.optimizers.Adam(0.1), steps), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_a_row_that_is_not_read_stands_still():
    before, _ = _steps(LazyAdam(0.1), [[1, 2]])
    after, _ = _steps(LazyAdam(0.1), [[1, 2], [2, 2], [2]])
    np.testing.assert_array_equal(after[[0, 1, 3, 4]], before[[0, 1, 3, 4]])
    assert (after[2] != before[2]).all()
