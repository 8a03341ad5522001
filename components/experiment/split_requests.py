"""The requests of both splits, from TFX's artifacts."""

import os

import numpy as np
import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.declaration.outcome_view import OutcomeView
from components.experiment.log_requests import Impressions, group_requests
from components.experiment.outcome import Traffic
from components.features import event_table, training_data


def read(launch: OutcomeView, examples: standard_artifacts.Examples, schema: standard_artifacts.Schema) -> Traffic:
    """Returns all requests that the log holds, those of the train and of the eval split.

    Args:
      launch: the declaration, with impressions.
      examples: of the log.
      schema: the curated one.
    """
    curated = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    spec = schema_utils.schema_as_feature_spec(curated).feature_spec
    patterns = [os.path.join(examples.uri, f"Split-{name}", "*") for name in ("train", "eval")]
    files = [file for pattern in patterns for file in training_data.matching([pattern])]
    columns = event_table.read_columns(files, _feature_spec(launch, spec))
    labels = {objective.name: columns[objective.label] for objective in launch.ranking_objectives}
    shown = np.flatnonzero(next(iter(labels.values())) >= 0)
    log, version = launch.log, launch.log.model_version or ""
    return group_requests(
        Impressions(
            user=columns[log.user][shown],
            time=columns[log.time][shown],
            request=columns[log.request][shown] if log.request else None,
            labels={name: label[shown] for name, label in labels.items()},
            version=_to_texts(columns[version][shown]) if version in columns else None,
        )
    )


def _feature_spec(launch: OutcomeView, spec: dict) -> dict[str, tf.io.VarLenFeature]:
    """Returns what to parse: ids, time, labels and, where the schema has it, the version."""
    log = launch.log
    dtypes = {log.user: tf.string, log.time: tf.int64}
    if log.request:
        dtypes[log.request] = tf.string
    if log.model_version and log.model_version in spec:
        dtypes[log.model_version] = spec[log.model_version].dtype
    dtypes |= {objective.label: tf.int64 for objective in launch.ranking_objectives}
    return {name: tf.io.VarLenFeature(dtype) for name, dtype in dtypes.items()}


def _to_texts(column: np.ndarray) -> np.ndarray:
    """Returns versions as bytes, however the log writes them: [n] object."""
    if column.dtype == object:
        return column
    numbers = np.nan_to_num(column, nan=-1).astype(np.int64)
    return np.array([b"%d" % value if value >= 0 else b"" for value in numbers.tolist()] + [None], object)[:-1]
