"""The declared columns that the ranking head reads in addition to the vectors: of the catalogue by item, of the request by its context.

Letters: N rows of the item table, K pairs of a request and an item.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.features.item_table import ItemTable
from components.features.training_data import TrainingData
from components.models.retrieval.context import ContextEmbedding, RequestContext


class HeadFeatures(tf.Module):
    """Looks the columns of `Model.ranking_features` up; the same for training and for serving."""

    def __init__(self, data: TrainingData, request: RequestContext):
        """Takes the item columns out of the item table, and the vocabularies of the context columns."""
        super().__init__()
        self.names: tuple[str, ...] = data.launch.model.ranking_features
        self._context = tuple(name for name in self.names if name in request.names)
        self._items: dict[str, tf.Tensor] = {}
        self._sizes = {name: request.sizes[name] for name in self._context if name in request.sizes}
        catalogue = data.launch.catalogue
        for name in self.names:
            if name in self._context:
                continue
            if name in catalogue.numbers:
                self._items[name] = tf.constant(data.items.numbers[:, catalogue.numbers.index(name)])
            else:
                number = category_numbers(data.items, name)
                self._items[name], self._sizes[name] = tf.constant(number), int(number.max()) + 1

    def __call__(self, rows: tf.Tensor, context: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns column to [K], the numbers of categories (int32 or int64) or float32.

        Args:
          rows: [K] int32 of the item table.
          context: column to [K], the features of each request (`RequestContext`).
        """
        items = {name: tf.gather(column, rows) for name, column in self._items.items()}
        return items | {name: tf.convert_to_tensor(context[name]) for name in self._context}

    def embedding(self) -> ContextEmbedding:
        """Makes the layer that turns the columns into one vector."""
        return ContextEmbedding(self._sizes, self.names)


def category_numbers(items: ItemTable, column: str) -> np.ndarray:
    """Returns the number of each item's category: [N] int32, from 1; 0 for an unknown one, or one that a single item has."""
    names = items.feature_names if items.feature_names is not None else np.zeros(0, object)
    ours = np.array([name.startswith(column.encode() + b"=") for name in names], bool)
    number = np.append(0, np.where(ours, np.cumsum(ours), 0)).astype(np.int32)
    return number[items.features].max(axis=1)
