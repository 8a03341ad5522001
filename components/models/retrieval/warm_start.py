"""Starts the towers from those of the champion: what is the same by name keeps its weights, the rest begins at random.

    assets.extra/towers.npz     written next to a version if the declaration says `warm_start`

Item ids, catalogue features and number columns are matched by name. Of the query tower every layer is taken whose shape
is the same: other context columns or another declared size make another one. Embeddings of context values begin anew,
as their numbers are those of each run's own vocabulary.
"""

import io
import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.declaration.views import ServingView
from components.features.item_table import ItemTable
from components.features.training_data import TrainingData
from components.models.retrieval.retrieval_model import RetrievalModel

FILE = os.path.join("assets.extra", "towers.npz")
CHAMPION_KEY = "champion"
LAST_EVENT = "last event"
Saved = Mapping[str, np.ndarray]


def write(folder: str, data: TrainingData, towers: RetrievalModel) -> None:
    """Writes the weights next to a saved recommender; a row of `dim` floats per item and feature."""
    launch, table = data.launch, data.items
    arrays = {name: weights.numpy() for name, weights in _weights(towers).items()}
    arrays |= {f"names of {part}": np.asarray(names, bytes) for part, names in _names(launch, table).items()}
    arrays[LAST_EVENT] = np.array(data.events.time.max(initial=0))
    content = io.BytesIO()
    np.savez(content, **arrays)
    tf.io.gfile.makedirs(os.path.join(folder, os.path.dirname(FILE)))
    with tf.io.gfile.GFile(os.path.join(folder, FILE), "wb") as file:
        file.write(content.getvalue())


def read(folder: str) -> Saved | None:
    """Returns the weights saved next to a recommender; None if there are none, as with rules."""
    path = os.path.join(folder, FILE)
    if not folder or not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as arrays:
        return dict(arrays)


def last_event(saved: Saved) -> int:
    """Returns the time (us) of the champion's last training event: earlier events do not test a warm start."""
    return int(saved[LAST_EVENT])


def begin(saved: Saved, data: TrainingData, towers: RetrievalModel) -> None:
    """Gives built towers the saved weights of what they have in common."""
    names = _names(data.launch, data.items)
    for part, weights in _weights(towers).items():
        saved_weights = saved.get(part)
        if saved_weights is None or saved_weights.shape[1:] != tuple(weights.shape)[1:]:
            continue
        if part in names:
            weights.assign(_match(weights.numpy(), names[part], saved_weights, saved[f"names of {part}"]))
        elif saved_weights.shape == tuple(weights.shape):
            weights.assign(saved_weights)


def _match(own: np.ndarray, names: np.ndarray, there: np.ndarray, their_names: np.ndarray) -> np.ndarray:
    """Own rows, those with a name that is there too replaced."""
    place = {name: row for row, name in enumerate(their_names.tolist())}
    rows = np.array([place.get(name, -1) for name in np.asarray(names, bytes).tolist()], int)
    own[rows >= 0] = there[rows[rows >= 0]]
    return own


def _names(launch: ServingView, table: ItemTable) -> dict[str, np.ndarray]:
    """Returns the names of the rows of the item tower's weights."""
    numbers = launch.catalogue.numbers if launch.catalogue else ()
    features = np.append(b"", table.feature_names) if table.feature_names is not None else np.array([b""], object)
    return {"id": table.ids, "feature": features, "number": np.array([name.encode() for name in numbers], object)}


def _weights(towers: RetrievalModel) -> dict[str, tf.Variable]:
    """Returns the weights that can be carried over, by name."""
    return towers.items.by_name() | {
        f"query {place}": weights for place, weights in enumerate(towers.query.trainable_variables)
    }
