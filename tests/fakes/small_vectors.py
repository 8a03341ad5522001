"""Item vectors made of a few numbers, and version folders that hold them, for tests that need no TensorFlow."""

import json

import numpy as np
import pyarrow as pa

from components.registry import card_file, vector_file
from components.registry.item_vectors import ItemVectors

FOUR = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0.6, 0.8]]


def table(matrix=FOUR, ids=None, active=None, **columns):
    """Rows of items "i0", "i1", ..., all active; `columns` are the catalogue's."""
    matrix = np.array(matrix, np.float32)
    ids = ids or [f"i{row}" for row in range(len(matrix))]
    standard = {
        "item_id": pa.array(ids, pa.string()),
        "title": pa.array([f"Item {item}" for item in ids]),
        "active": pa.array(active or [True] * len(ids)),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1]),
    }
    return pa.table(standard | columns)


def vectors(matrix=FOUR, version=7, launch="shop", **rows):
    """The item vectors of a version."""
    return ItemVectors(launch, version, table(matrix, **rows))


def random_vectors(count, dim=16, seed=0, **rows):
    """Unit vectors in a few clusters, as items have them."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(20, dim))[rng.integers(20, size=count)] + 0.5 * rng.normal(size=(count, dim))
    return vectors((matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32), **rows)


def push(folder, version, kind="model", rows=None, launch="shop"):
    """A version folder as the pusher leaves it: a model's has vectors, the rules' has none."""
    assets = folder / str(version) / "assets.extra"
    assets.mkdir(parents=True)
    (folder / str(version) / "saved_model.pb").touch()
    (folder / str(version) / card_file.CARD).write_text(json.dumps({"kind": kind, "launch": launch}))
    if kind == "model":
        (folder / str(version) / vector_file.FILE).write_bytes(vector_file.as_bytes(table() if rows is None else rows))
    return folder / str(version)
