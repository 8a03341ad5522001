"""Declared filters inside the SavedModel: which candidates may be shown to a request.

Letters: B requests, A candidates, W words of an item.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.declaration import Filter
from components.declaration.views import CatalogueFeatures
from components.errors import DeclarationError
from components.features.item_filters import COMPARISONS, words_of
from components.features.item_table import MISSING_INT, ItemTable

UNKNOWN = -1


def build(catalogue: CatalogueFeatures | None, table: ItemTable, context: Mapping[str, tf.DType]) -> list["ItemFilter"]:
    """Returns the declared filters with a context column, for the active items of the table as candidates.

    Args:
      catalogue: of the declaration; None without one.
      table: the items.
      context: context column to dtype.
    """
    declared = [one for one in catalogue.filters if one.context] if catalogue else []
    pairs = zip(declared, table.filtered, strict=True)
    return [ItemFilter(one, values[table.active], context[str(one.context)]) for one, values in pairs]


class ItemFilter(tf.Module):
    """One filter with a context column."""

    def __init__(self, declared: Filter, values: np.ndarray, dtype: tf.DType):
        """Takes the values of the candidates.

        Args:
          declared: the filter.
          values: [A] float64 with NaN, or object with b"", for a missing value.
          dtype: of the context column.

        Raises:
          DeclarationError: if the context column is no number where one is needed, or a fraction where none may be.
        """
        super().__init__()
        if declared.is_numeric and dtype == tf.string:
            needed = f"a column of numbers for the operator {declared.operator!r}"
            raise DeclarationError("launch.catalogue.filters", declared.context, needed, "The log holds text there.")
        if not declared.is_numeric and dtype.is_floating:
            needed = f"a column of text or integers for the operator {declared.operator!r}"
            raise DeclarationError(
                "launch.catalogue.filters", declared.context, needed, "The log holds fractions there."
            )
        self._declared = declared
        if declared.is_numeric:
            self._numbers = tf.constant(values, tf.float32)
        else:
            self._set_words([words_of(declared, value) for value in values])

    def _set_words(self, words: list[tuple[bytes, ...]]) -> None:
        vocabulary = sorted({word for item_words in words for word in item_words})
        number = {word: place for place, word in enumerate(vocabulary, 1)}
        codes = np.zeros((len(words), max(map(len, words), default=1) or 1), np.int32)
        for row, item_words in enumerate(words):
            codes[row, : len(item_words)] = [number[word] for word in item_words]
        self._codes = tf.constant(codes)  # [A, W]; 0 pads
        keys = tf.constant(vocabulary, tf.string, [len(vocabulary)])
        table = tf.lookup.KeyValueTensorInitializer(keys, tf.range(1, len(vocabulary) + 1))
        self._lookup = tf.lookup.StaticHashTable(table, UNKNOWN)

    def __call__(self, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns which candidates may be shown, [B, A] bool, for raw context columns [B]."""
        column = tf.reshape(context[str(self._declared.context)], [-1])
        return self._by_number(column) if self._declared.is_numeric else self._by_word(column)

    def _by_number(self, column: tf.Tensor) -> tf.Tensor:
        limits = tf.cast(column, tf.float32)
        if column.dtype.is_integer:
            limits = tf.where(column == MISSING_INT, np.nan, limits)
        # A comparison with NaN is false.
        holds = COMPARISONS[self._declared.operator](self._numbers[None, :], limits[:, None])
        return holds | tf.math.is_nan(self._numbers)[None, :]

    def _by_word(self, column: tf.Tensor) -> tf.Tensor:
        texts = column if column.dtype == tf.string else tf.strings.as_string(column)
        missing = texts == "" if column.dtype == tf.string else column == MISSING_INT
        matches = tf.reduce_any(self._codes[None] == self._lookup.lookup(texts)[:, None, None], axis=2)
        holds = ~matches if self._declared.operator == "!=" else matches
        return (holds & ~missing[:, None]) | (self._codes[:, 0] == 0)[None, :]
