"""Pages of rankings inside the SavedModel: `n` items from the rank `offset` on that pass some filters, for each request its own.

Letters: B requests, A candidates, K answers by default, W the most items that a request of the batch wants, R lists.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.declaration.request_names import filter_inputs
from components.declaration.views import CatalogueFeatures
from components.features.item_table import ItemTable
from components.registry.graph_functions import share
from components.registry.request_filters import RequestFilters

MOST = 100


class AnswerPages(tf.Module):
    """What a page needs beyond scores: filters by columns of the catalogue, and the lists of rules.

    Attributes:
      lists: the names of the lists, the default one first.
      list_ranks: [R, A] int32, the rank of each candidate, 0 the best.
      specs: the inputs of a page by name: `n`, `offset`, and one for each filter.
    """

    def __init__(
        self,
        table: ItemTable,
        catalogue: CatalogueFeatures | None,
        context: Mapping[str, tf.DType],
        lists: Mapping[str, np.ndarray] | None,
        default: int,
    ):
        """Takes the items, what the declaration says of them, the declared context, the ranks of each list, and K."""
        super().__init__()
        self._default = default
        self._filters = RequestFilters(table, filter_inputs(catalogue.filterable if catalogue else (), context))
        self.lists = tuple(lists or ())
        ranks = np.stack(list(lists.values())) if lists else np.zeros((0, int(table.active.sum())))
        self.list_ranks = tf.Variable(ranks, dtype=tf.int32, trainable=False)
        numbers = {name: tf.TensorSpec([None], tf.int64, name) for name in ("n", "offset")}
        self.specs = numbers | self._filters.specs
        scores = tf.TensorSpec([None, ranks.shape[1]], tf.float32)
        self._shared_cut = share(self._cut, tf.TensorSpec([ranks.shape[1]], tf.string), scores, self.specs)

    def cut(self, ids: tf.Tensor, scores: tf.Tensor, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the page that the inputs ask for, of candidates [A] by scores [B, A]: see `cut`."""
        return self._shared_cut(ids, scores, {name: inputs[name] for name in self.specs})

    def _cut(self, ids: tf.Tensor, scores: tf.Tensor, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return cut(ids, self._filters(inputs, scores), inputs["n"], inputs["offset"], self._default)

    def score_list(self, rule: tf.Tensor) -> tf.Tensor:
        """Returns 0, -1, ... in the order of each request's list [B]; -inf where there is none of that name: [B, A] float32."""
        is_rule = rule[:, None] == tf.constant(self.lists)
        scores = tf.cast(-tf.gather(self.list_ranks, tf.argmax(is_rule, axis=1)), tf.float32)
        return tf.where(tf.reduce_any(is_rule, axis=1, keepdims=True), scores, -np.inf)

    def stand_in(self, scores: tf.Tensor, said: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns scores [B, A] and who says so [B], by the default list where nobody does (""); unchanged without a list."""
        if not self.lists:
            return scores, said
        is_answered = said != ""
        listed = tf.cast(-self.list_ranks[:1], tf.float32)
        return tf.where(is_answered[:, None], scores, listed), tf.where(is_answered, said, self.lists[0])

    def choices(self) -> dict[str, tf.Tensor]:
        """Returns the names of the lists [R], and for each filter its values [D], or its least and greatest number [2]."""
        return self._filters.choices() | {"rules": tf.constant(self.lists, tf.string, [len(self.lists)])}


def cut(ids: tf.Tensor, scores: tf.Tensor, n: tf.Tensor, offset: tf.Tensor, default: int) -> dict[str, tf.Tensor]:
    """Returns the candidates of the ranks offset, ..., offset + n - 1, best first; equal scores in the candidates' order.

    Args:
      ids: [A] string.
      scores: [B, A] float32; -inf is never shown.
      n: [B] int64; below 1 it is `default`, above `MOST` it is `MOST`.
      offset: [B] int64; below 0 it is 0.
      default: K.

    Returns:
      item_ids [B, W] and scores [B, W]; "" and -inf where a request's page has ended. Exact; O(A log(offset + n)).
    """
    size = tf.size(ids, tf.int64)
    n = tf.minimum(tf.where(n < 1, tf.constant(default, tf.int64), n), MOST)
    first = tf.clip_by_value(offset, 0, size)
    best = tf.math.top_k(scores, tf.cast(tf.minimum(tf.reduce_max(first + n), size), tf.int32))
    # A column of "" and -inf behind the last rank stands for whatever the page lacks.
    values = tf.pad(best.values, [[0, 0], [0, 1]], constant_values=-np.inf)
    indices = tf.pad(best.indices, [[0, 0], [0, 1]])
    slots = tf.range(tf.reduce_max(n))[None]
    ranks = tf.where(slots < n[:, None], first[:, None] + slots, size)
    ranks = tf.minimum(ranks, tf.shape(best.values, tf.int64)[1])
    shown = tf.gather(values, ranks, batch_dims=1)
    positions = tf.gather(indices, ranks, batch_dims=1)
    return {"item_ids": tf.where(shown > -np.inf, tf.gather(ids, positions), ""), "scores": shown}
