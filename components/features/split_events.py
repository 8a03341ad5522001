"""Reads the events of both splits from TFX artifacts, for the evaluation steps."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.declaration.views import EventsView
from components.features import event_table, training_data
from components.features.event_table import EventTable


def read(
    launch: EventsView, examples: standard_artifacts.Examples, schema: standard_artifacts.Schema, requests: bool = False
) -> EventTable:
    """Reads the events of both splits into one table, with request ids if `requests` is set."""
    spec, files = _read_spec(schema), _find_files(examples)
    return event_table.read_events(launch, [(files["train"], False), (files["eval"], True)], spec, requests)


def read_texts(
    names: Mapping[str, str | None], examples: standard_artifacts.Examples, schema: standard_artifacts.Schema
) -> dict[str, np.ndarray]:
    """Reads further columns of both splits as texts, in the order of the events of `read`.

    Args:
      names: what a column is called in the result, to its name in the log; None where there is none.
      examples, schema: of the log.

    Returns:
      [n] object of bytes, b"" for a missing value; columns that the schema does not have are left out.
    """
    spec, files = _read_spec(schema), _find_files(examples)
    columns = {name: column for name, column in names.items() if column and column in spec}
    features = {column: tf.io.VarLenFeature(spec[column].dtype) for column in columns.values()}
    read_columns = event_table.read_columns([*files["train"], *files["eval"]], features) if features else {}
    return {name: _to_texts(read_columns[column]) for name, column in columns.items()}


def _to_texts(column: np.ndarray) -> np.ndarray:
    """Returns a column as bytes, integers as their digits: [n] object."""
    if column.dtype == object:
        return column
    numbers = np.nan_to_num(column, nan=-1).astype(np.int64)
    distinct, place = np.unique(numbers, return_inverse=True)
    texts = np.array([b"%d" % value if value >= 0 else b"" for value in distinct.tolist()] + [None], object)[:-1]
    return texts[place] if len(texts) else np.zeros(0, object)


def _read_spec(schema: standard_artifacts.Schema) -> dict:
    curated = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    return schema_utils.schema_as_feature_spec(curated).feature_spec


def _find_files(examples: standard_artifacts.Examples) -> dict[str, list[str]]:
    return {
        name: training_data.matching([os.path.join(examples.uri, f"Split-{name}", "*")]) for name in ("train", "eval")
    }
