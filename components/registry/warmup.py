"""Warm-up requests: TF Serving sends them to a new version before it serves, so that the first request is not slow.

The file is a TFRecord of `tensorflow.serving.PredictionLog`, at the path where TF Serving looks for it
(https://www.tensorflow.org/tfx/serving/saved_model_warmup). Our own server replays the same file.

Letters as in `components.registry.recommender`.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

WARMUP = os.path.join("assets.extra", "tf_serving_warmup_requests")
SIGNATURES = ("serving_default", "rank", "embed_query", "embed_items", "recommend_page", "similar_items", "list_items")
# One request without a history (the rules answer) and one with; a batch takes another path through some kernels.
SIZES = ((1, 0), (1, 3), (8, 3))


def write(signatures: Mapping[str, Any], items: tf.Tensor, blank: Mapping[tf.DType, object], folder: str) -> int:
    """Writes the warm-up requests of a saved recommender.

    Args:
      signatures: name to concrete function, as they were saved.
      items: [A] string, ids that are known; they make the histories.
      blank: what stands for a missing value, by dtype.
      folder: of the SavedModel.

    Returns:
      How many requests were written.
    """
    tf.io.gfile.makedirs(os.path.join(folder, os.path.dirname(WARMUP)))
    count = 0
    with tf.io.TFRecordWriter(os.path.join(folder, WARMUP)) as file:
        for request in _requests(signatures, items, blank):
            file.write(request.SerializeToString())
            count += 1
    return count


def read(folder: str) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields the stored requests of a saved recommender: the signature, and its inputs by name.

    Raises:
      tf.errors.OpError: if there are none, or the file is damaged.
    """
    for record in tf.compat.v1.io.tf_record_iterator(os.path.join(folder, WARMUP)):
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        yield (
            request.model_spec.signature_name,
            {name: tf.make_ndarray(value) for name, value in request.inputs.items()},
        )


def replay(folder: str, model: Any) -> int:
    """Asks a saved recommender its own warm-up requests, as a model server does.

    Args:
      folder: of the recommender.
      model: the same, loaded.

    Returns:
      How many requests were answered.

    Raises:
      ValueError: if there are no requests, or one fails or is answered with NaN.
    """
    count = 0
    try:
        for signature, arrays in read(folder):
            inputs = {name: tf.constant(values) for name, values in arrays.items()}
            for name, answer in model.signatures[signature](**inputs).items():
                # The scores of an answer with fewer items than its size end with -inf.
                if answer.dtype.is_floating and bool(tf.reduce_any(tf.math.is_nan(answer))):
                    raise ValueError(f"{signature} answers no number for {name}")
            count += 1
    except (OSError, KeyError, TypeError, tf.errors.OpError) as error:
        raise ValueError(f"{folder} fails its warm-up: {error}") from error
    return count


def _requests(
    signatures: Mapping[str, Any], items: tf.Tensor, blank: Mapping[tf.DType, object]
) -> Iterator[prediction_log_pb2.PredictionLog]:
    for name in SIGNATURES:
        if name not in signatures:
            continue
        specs = tf.nest.flatten(signatures[name].structured_input_signature)
        for batch, length in SIZES:
            yield _request(name, {spec.name: _value(spec, batch, length, items, blank) for spec in specs})


def _value(
    spec: tf.TensorSpec, batch: int, length: int, items: tf.Tensor, blank: Mapping[tf.DType, object]
) -> tf.Tensor:
    """Returns one input: known ids for items, a missing value for anything else."""
    if spec.name == "item_ids":
        chosen = items[: max(length, 1)]
        return tf.broadcast_to(chosen, [batch, tf.size(chosen)]) if spec.shape.rank == 2 else chosen
    if spec.dtype != tf.string and spec.shape.rank == 2:
        return tf.fill([batch, spec.shape[1] or length], tf.constant(blank[spec.dtype], spec.dtype))
    if spec.shape.rank == 2:
        chosen = items[: length if spec.name == "history" else 0]
        return tf.broadcast_to(chosen, [batch, tf.size(chosen)])
    return tf.fill([batch], tf.constant(blank[spec.dtype], spec.dtype))


def _request(signature: str, inputs: Mapping[str, tf.Tensor]) -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log
