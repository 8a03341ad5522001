"""Writes record batches as gzipped TFRecords of tf.Example, column by column.

A null is a feature without a value; 0, 0.0, "" and False are values and stay so (the row-wise converters of TFX drop
them, tensorflow/tfx#6407). tf.Example has float32 only: floats lose what is beyond it.
"""

import os
import types

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tfx_bsl.coders import example_coder

_SLICE_ROWS = 1 << 15  # bounds the encoded rows in memory: about 20 MB
# At gzip level 6 writing alone costs three times the CPU, for files a tenth smaller.
GZIP_LEVEL = 1
ONE_SHARD = "00000-of-00001"


class ExampleFile:
    """A file of a split, under the name that the standard ExampleGen gives it.

    Example:
      with ExampleFile(os.path.join(uri, "Split-train")) as file:
        file.write(batch)
    """

    def __init__(self, folder: str, gzip_level: int = GZIP_LEVEL, shard: str = ONE_SHARD):
        """Creates the folder and opens the file."""
        tf.io.gfile.makedirs(folder)
        path = os.path.join(folder, f"data_tfrecord-{shard}.gz")
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=gzip_level)
        self._writer = tf.io.TFRecordWriter(path, options)
        self._encoder = example_coder.RecordBatchToExamplesEncoder()
        self.rows = 0

    def __enter__(self) -> "ExampleFile":
        """Returns the file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        """Closes the file."""
        self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends the rows of a batch; columns as `log_reader` gives them."""
        for start in range(0, batch.num_rows, _SLICE_ROWS):
            examples = self._encoder.encode(feature_lists(batch.slice(start, _SLICE_ROWS)))
            for example in examples:
                self._writer.write(example)
            self.rows += len(examples)


def feature_lists(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the batch in the form that the encoder takes: each column lists of int64, float32 or bytes, null where missing."""
    return pa.RecordBatch.from_arrays([_as_lists(column) for column in batch.columns], batch.schema.names)


def _as_lists(values: pa.Array) -> pa.Array:
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.large_list(pa.large_binary()))
    present = values.is_valid().to_numpy(zero_copy_only=False)
    if not pa.types.is_list(values.type):
        return _lists(values, present.astype(np.int64), present)
    # The encoder would write a null inside a list as 0 or "".
    parts, parents = values.flatten(), pc.list_parent_indices(values).to_numpy()
    kept = parts.is_valid().to_numpy(zero_copy_only=False)
    return _lists(parts, np.bincount(parents[kept], minlength=len(values)), present)


def _lists(parts: pa.Array, lengths: np.ndarray, present: np.ndarray) -> pa.Array:
    """Lists of these lengths over the parts that are not null; null where `present` is false."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # An offset that is null makes its list null; the last offset closes the last list and never is.
    missing = None if present.all() else np.append(~present, False)
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, mask=missing), parts.drop_null().cast(_feature_type(parts.type), safe=False)
    )


def _feature_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(kind):
        return pa.float32()
    return pa.binary() if pa.types.is_string(kind) or pa.types.is_binary(kind) else pa.int64()
