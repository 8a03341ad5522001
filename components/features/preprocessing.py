"""What Transform learns from the training split: how the context of a request becomes numbers.

The same graph runs in training and inside the served model, on the raw columns of the log and of the request.
"""

import tensorflow as tf
import tensorflow_transform as tft

from components.declaration.views import TransformView

CONTEXT_PREFIX = "context_"
LAUNCH_KEY = "launch"
CODE_KEY = "code"  # read by no step: the digest of its code, so that TFX's cache sees an edit
CATALOGUE_INPUT, CATALOGUE_URI = "catalogue", "catalogue_uri"


def preprocessing_fn(inputs: dict, custom_config: dict) -> dict[str, tf.Tensor]:
    """TFX's entry: raw columns of a batch of events to the features that a query is asked with.

    Strings become numbers of a vocabulary, most frequent first, with one more for everything unknown; numbers get zero
    mean and unit deviation, missing ones the mean.

    Args:
      inputs: column to Tensor [B, 1] or SparseTensor, as the schema says.
      custom_config: `launch`, the declaration as JSON.

    Returns:
      `context_<column>` [B] int64 or float32 for each declared context column, and `time` [B] int64 microseconds.
    """
    launch = TransformView.from_json(custom_config[LAUNCH_KEY])
    outputs = {"time": _dense(inputs[launch.log.time], tf.constant(0, tf.int64))}
    for name in launch.log.context:
        column = inputs[name]
        if column.dtype == tf.string:
            outputs[CONTEXT_PREFIX + name] = tft.compute_and_apply_vocabulary(
                _dense(column, tf.constant("")), num_oov_buckets=1, vocab_filename=CONTEXT_PREFIX + name
            )
        else:
            outputs[CONTEXT_PREFIX + name] = _standardised(
                _dense(tf.cast(column, tf.float32), tf.constant(float("nan")))
            )
    return outputs


def _dense(column: tf.Tensor | tf.SparseTensor, default: tf.Tensor) -> tf.Tensor:
    """One value per row, the first: [B]."""
    if isinstance(column, tf.SparseTensor):
        rows = column.dense_shape[0]
        first = tf.sparse.slice(column, [0, 0], [rows, 1])
        column = tf.sparse.to_dense(tf.SparseTensor(first.indices, first.values, [rows, 1]), default)
    return tf.reshape(column, [-1])


def _standardised(values: tf.Tensor) -> tf.Tensor:
    """(value - mean) / deviation over the finite values [B]; 0 for the others, which are missing: [B] float32."""
    there = tf.math.is_finite(values)
    present = tf.boolean_mask(values, there)
    mean, deviation = tft.mean(present), tf.sqrt(tft.var(present))
    # A column that never changed in training must not shout when it does.
    return tf.where(there, (values - mean) / tf.where(deviation > 1e-6, deviation, 1.0), 0.0)
