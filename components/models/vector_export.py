"""Stores the item vectors of a trained model with its SavedModel, for vector stores (`components.integrations`)."""

from typing import Any, Protocol

import pyarrow as pa

from components.features.training_data import TrainingData
from components.registry import export, vector_file


class VectorModel(Protocol):
    """A recommender that has a vector for each candidate."""

    def item_vectors(self) -> Any:
        """Returns the vectors of the candidates: [A, dim] float32."""


def write(recommender: VectorModel, data: TrainingData, folder: str) -> pa.Table:
    """Writes the vectors that `embed_items` answers, with the items' columns of the catalogue; returns these rows.

    Args:
      recommender: the trained model.
      data: its training data.
      folder: of the SavedModel.
    """
    rows = vector_file.table(data.items, recommender.item_vectors(), data.launch.catalogue, data.catalogue)
    export.add_file(folder, vector_file.FILE, vector_file.as_bytes(rows))
    return rows
