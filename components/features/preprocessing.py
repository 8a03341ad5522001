"""The `preprocessing_fn` of Transform: encodes the context columns of a request, with statistics of the training split.

The same graph runs in training and inside the served model, on the raw columns of the log and of the request. The
statistics are those of Transform's analyzers, which run on Beam, or were learnt before (`context_statistics`).
"""

import tensorflow as tf
import tensorflow_transform as tft

from components.declaration.views import TransformView

CONTEXT_PREFIX = "context_"
LAUNCH_KEY = "launch"
LEARNT_KEY = "learnt"
CODE_KEY = "code"  # the digest of the step's code: no step reads it, but TFX's cache key covers it
CATALOGUE_INPUT, CATALOGUE_URI = "catalogue", "catalogue_uri"


def preprocessing_fn(inputs: dict, custom_config: dict) -> dict[str, tf.Tensor]:
    """Converts the raw columns of a batch of events to query features; TFX calls it by name.

    Strings become vocabulary indices, most frequent first, with one more for all unknown strings. Numbers are scaled to
    zero mean and unit deviation; missing ones become the mean.

    Args:
      inputs: column to Tensor [B, 1] or SparseTensor, as the schema says.
      custom_config: `launch`, the declaration as JSON; `learnt`, what `context_statistics.learn` returned, or nothing
        where Transform's analyzers learn it.

    Returns:
      `context_<column>` [B] int64 or float32 for each declared context column, and `time` [B] int64 microseconds.
    """
    launch = TransformView.from_json(custom_config[LAUNCH_KEY])
    learnt = custom_config.get(LEARNT_KEY, {})
    outputs = {"time": _dense(inputs[launch.log.time], tf.constant(0, tf.int64))}
    for name in launch.log.context:
        column = inputs[name]
        if column.dtype == tf.string:
            outputs[CONTEXT_PREFIX + name] = _index(_dense(column, tf.constant("")), name, learnt.get(name))
        else:
            values = _dense(tf.cast(column, tf.float32), tf.constant(float("nan")))
            outputs[CONTEXT_PREFIX + name] = _standardise(values, learnt.get(name))
    return outputs


def _dense(column: tf.Tensor | tf.SparseTensor, default: tf.Tensor) -> tf.Tensor:
    """Returns the first value of each row: [B]."""
    if isinstance(column, tf.SparseTensor):
        rows = column.dense_shape[0]
        first = tf.sparse.slice(column, [0, 0], [rows, 1])
        column = tf.sparse.to_dense(tf.SparseTensor(first.indices, first.values, [rows, 1]), default)
    return tf.reshape(column, [-1])


def _index(values: tf.Tensor, name: str, vocabulary: str | None) -> tf.Tensor:
    """Returns the line of each value in the vocabulary's file, the number of lines for an unknown one: [B] int64."""
    if vocabulary is None:
        return tft.compute_and_apply_vocabulary(values, num_oov_buckets=1, vocab_filename=CONTEXT_PREFIX + name)
    return tft.apply_vocabulary(values, vocabulary, num_oov_buckets=1)


def _standardise(values: tf.Tensor, moments: list[float] | None) -> tf.Tensor:
    """Returns (value - mean) / deviation of the finite values, [B] float32; 0 for the others, which are missing."""
    finite = tf.math.is_finite(values)
    if moments is None:
        present = tf.boolean_mask(values, finite)
        mean, deviation = tft.mean(present), tf.sqrt(tft.var(present))
    else:
        mean, deviation = (tf.constant(number, tf.float32) for number in moments)
    # A column that was constant in training would otherwise yield huge values as soon as it varies.
    return tf.where(finite, (values - mean) / tf.where(deviation > 1e-6, deviation, 1.0), 0.0)
