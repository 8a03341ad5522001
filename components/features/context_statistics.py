"""What Transform's analyzers learn of the context columns, computed without Beam: vocabularies, means, deviations."""

import collections
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzers

from components.declaration.views import TransformView
from components.features.event_table import read_columns
from components.features.item_table import MISSING_INT
from components.features.preprocessing import CONTEXT_PREFIX


def learn(launch: TransformView, files: Sequence[str], spec: dict, folder: str) -> dict[str, str | list[float]]:
    """Learns from the examples of the train split what `preprocessing_fn` needs of each context column.

    Args:
      launch: the declaration.
      files: the examples.
      spec: column to parsing feature, of the curated schema.
      folder: takes the files of the vocabularies.

    Returns:
      Of a column of strings the path of its vocabulary, a value a line; of a column of numbers mean and deviation.
    """
    names = launch.log.context
    if not names:
        return {}
    columns = read_columns(files, {name: tf.io.VarLenFeature(spec[name].dtype) for name in names})
    return {
        name: _write_vocabulary(column, name, folder) if column.dtype == object else _moments(column)
        for name, column in columns.items()
    }


def _write_vocabulary(column: np.ndarray, name: str, folder: str) -> str:
    """Writes the distinct values by frequency, ties in reverse order, as Transform does; returns the path."""
    counts = collections.Counter(column.tolist())
    # A line is a value.
    words = [word for word in counts if word and b"\n" not in word and b"\r" not in word]
    words.sort(key=lambda word: (counts[word], word), reverse=True)
    # A table needs a line.
    lines = words or [analyzers.get_empy_vocabulary_dummy_value(tf.string)[1]]
    path = os.path.join(folder, analyzers.sanitized_vocab_filename(filename=CONTEXT_PREFIX + name))
    with open(path, "wb") as file:
        file.writelines(line + b"\n" for line in lines)
    return path


def _moments(column: np.ndarray) -> list[float]:
    """Returns mean and deviation of the values that are finite and not missing; 0 and 0 without any."""
    present = column[column != MISSING_INT] if column.dtype.kind == "i" else column[np.isfinite(column)]
    values = present.astype(np.float32).astype(np.float64)
    return [float(values.mean()), float(values.std())] if len(values) else [0.0, 0.0]
