"""TensorBoard's files of a training, in the Trainer's artifact `model_run`: scalars by epoch, and the item vectors.

`events.out.tfevents.*` holds losses and validation values (`fitting.fit`); `projector_config.pbtxt` names, for the tab
"Projector", `vectors.tsv`, one item per row, and `items.tsv`, its id and title.
"""

import contextlib
import os

import numpy as np
import pyarrow as pa
import tensorflow as tf

from components.registry.item_vectors import ITEM, TITLE, VECTOR

MOST_ITEMS = 10_000  # more are slow in a browser
_CONFIG = """embeddings {
  tensor_name: "items"
  tensor_path: "vectors.tsv"
  metadata_path: "items.tsv"
}
"""


def record(folder: str | None) -> contextlib.AbstractContextManager:
    """Returns a context in which `write_scalar` writes to a folder; None for nowhere."""
    return tf.summary.create_file_writer(folder).as_default() if folder else contextlib.nullcontext()


def write_scalar(tag: str, value: float, step: int) -> None:
    """Writes a scalar where `record` is active; elsewhere nothing happens.

    `tf.summary.scalar` is TensorBoard's own function, and TensorFlow 2.21 no longer installs TensorBoard.
    """
    kind = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    tf.summary.write(tag, tf.constant(value, tf.float32), step, tf.compat.v1.SummaryMetadata(plugin_data=kind))


def write_projector(folder: str | None, rows: pa.Table) -> None:
    """Writes the vectors of the first `MOST_ITEMS` items for TensorBoard's projector.

    Args:
      folder: of the scalars; None for nowhere.
      rows: of `vector_file.table`: an id, a title and a vector each.
    """
    if not folder:
        return
    shown = rows.slice(0, MOST_ITEMS)
    lines = ("\t".join(f"{value:.5g}" for value in vector) for vector in np.array(shown[VECTOR].to_pylist()))
    names = zip(shown[ITEM].to_pylist(), shown[TITLE].to_pylist(), strict=True)
    items = ["id\ttitle", *(f"{_clean(item)}\t{_clean(title)}" for item, title in names)]
    files = {"vectors.tsv": "\n".join(lines), "items.tsv": "\n".join(items), "projector_config.pbtxt": _CONFIG}
    for name, text in files.items():
        with tf.io.gfile.GFile(os.path.join(folder, name), "w") as file:
            file.write(text.rstrip("\n") + "\n")


def _clean(text: str | None) -> str:
    """Returns a text without the characters that end a cell or a row."""
    return " ".join((text or "").split())
