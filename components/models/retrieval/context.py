"""The context of a request: raw columns to one vector, with Transform's graph.

Letters: B batch, C size of the context vector.
"""

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader

from components.features.item_table import MISSING_INT
from components.features.preprocessing import CONTEXT_PREFIX

EMBEDDING_DIM = 8
CHUNK_ROWS = 65536


class RequestContext(tf.Module):
    """Transform's graph for the declared context columns, as a part of the served model."""

    def __init__(self, names: tuple[str, ...], transform: tft.TFTransformOutput):
        """Loads the transform graph for the context columns `names`; none are fine."""
        super().__init__()
        self.names = names
        raw = transform.raw_feature_spec() if names else {}
        self._shapes = {
            name: None if isinstance(raw[name], tf.io.VarLenFeature) else tuple(raw[name].shape) for name in names
        }
        self.dtypes: dict[str, tf.DType] = {name: raw[name].dtype for name in names}
        self.sizes = {name: self._vocabulary_size(transform, name) for name in names if self.dtypes[name] == tf.string}
        # Not Transform's Keras layer: saving one traces it several times, a third of the seconds of the export.
        loader = SavedModelLoader(transform.transform_savedmodel_dir) if names else None
        self._transform = loader.apply_transform_model if loader else None
        self._vocabularies = loader._imported if loader else None  # an attribute, so that its tables are saved

    @staticmethod
    def _vocabulary_size(transform: tft.TFTransformOutput, name: str) -> int:
        return transform.vocabulary_size_by_name(CONTEXT_PREFIX + name) + 1

    def __call__(self, columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Raw columns [B] to features [B]: int64 numbers of the vocabulary, or float32.

        A value is missing, and says nothing, if it is an empty string, NaN, or the smallest int64, as in `EventTable`.
        """
        if self._transform is None:
            return {}
        inputs = {name: self._as_declared(name, tf.reshape(columns[name], [-1])) for name in self.names}
        outputs = self._transform(inputs)
        return {name: tf.reshape(outputs[CONTEXT_PREFIX + name], [-1]) for name in self.names}

    def _as_declared(self, name: str, column: tf.Tensor) -> tf.Tensor | tf.SparseTensor:
        shape = self._shapes[name]
        if shape is not None:
            return tf.reshape(column, [-1, *shape])
        # Not `tf.sparse.from_dense`: it takes a 0 for a missing value.
        place = tf.where(_is_there(column))
        rows = tf.size(column, tf.int64)
        return tf.SparseTensor(tf.pad(place, [[0, 0], [0, 1]]), tf.gather_nd(column, place), [rows, 1])

    def of_rows(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Encodes the columns of a log in chunks: each [n] to [n]."""
        count = len(next(iter(columns.values()))) if columns else 0
        parts = []
        for start in range(0, count, CHUNK_ROWS):
            chunk = {
                name: tf.constant(column[start : start + CHUNK_ROWS], self.dtypes[name])
                for name, column in columns.items()
            }
            parts.append({name: value.numpy() for name, value in self(chunk).items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in columns} if parts else {}


def _is_there(column: tf.Tensor) -> tf.Tensor:
    """[B] bool, False for missing values."""
    if column.dtype == tf.string:
        return column != ""
    return column != MISSING_INT if column.dtype.is_integer else tf.math.is_finite(column)


class ContextEmbedding(tf.keras.Model):
    """Context features to one vector: an embedding per vocabulary, numbers unchanged."""

    def __init__(self, sizes: dict[str, int], names: tuple[str, ...]):
        """Makes an embedding for each column in `sizes` (column to vocabulary size); the other `names` are numbers."""
        super().__init__()
        self._names = names
        self._embeddings = {name: tf.keras.layers.Embedding(size, EMBEDDING_DIM) for name, size in sizes.items()}

    def call(self, features: dict[str, tf.Tensor], like: tf.Tensor) -> tf.Tensor:
        """Features to context vectors.

        Args:
          features: column to [...] int64 or float32.
          like: [..., any] float32, a tensor whose leading shape is that of the features (there may be no feature to
            take it from).

        Returns:
          [..., C] float32; C is 0 where no context is declared.
        """
        parts = [like[..., :0]]
        for name in self._names:
            if name in self._embeddings:
                parts.append(self._embeddings[name](features[name]))
            else:
                parts.append(tf.cast(features[name], tf.float32)[..., None])
        return tf.concat(parts, axis=-1)
