"""Filters of a request inside the SavedModel: which candidates have one of some values, or a number in a range.

Letters: B requests, A candidates, V values of a request, D distinct values of a column, p pairs of a value and a candidate.

    filter_category   [B, V] string    candidates with one of these values; "" pads, no value at all filters nothing
    filter_price      [B, 2] float32   candidates from the first to the second number, both included; NaN is open

A candidate without a value passes no filter of that column. All filters of a request have to hold.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.features.item_table import ItemTable


class RequestFilters(tf.Module):
    """The columns that requests may filter by."""

    def __init__(self, table: ItemTable, inputs: Mapping[str, str]):
        """Takes the items, and the input of each filterable column."""
        super().__init__()
        self._columns: dict[str, _Values | _Numbers] = {
            inputs[column]: _Values(values[table.active]) if values.dtype == object else _Numbers(values[table.active])
            for column, values in table.filterable.items()
        }

    @property
    def specs(self) -> dict[str, tf.TensorSpec]:
        """The inputs by name."""
        return {name: tf.TensorSpec(column.shape, column.dtype, name) for name, column in self._columns.items()}

    def __call__(self, wanted: Mapping[str, tf.Tensor], scores: tf.Tensor) -> tf.Tensor:
        """Returns scores [B, A] with -inf where a candidate fails a filter of its request; `wanted` is input to tensor."""
        for name, column in self._columns.items():
            scores = tf.where(column(wanted[name]), scores, -np.inf)
        return scores

    def choices(self) -> dict[str, tf.Tensor]:
        """Returns what each input may hold: the values of the candidates [D], or their least and greatest number [2]."""
        return {name: tf.identity(column.choices) for name, column in self._columns.items()}


class _Values(tf.Module):
    """A column of values: for each value the candidates that have it, one after the other."""

    shape, dtype = (None, None), tf.string

    def __init__(self, values: np.ndarray):
        """Takes the values of each candidate, [A] object of tuples of bytes."""
        super().__init__()
        pairs = [(value, column) for column, words in enumerate(values.tolist()) for value in words]
        vocabulary = sorted({value for value, _ in pairs})
        code = {value: place for place, value in enumerate(vocabulary)}
        codes, columns = np.array([(code[value], column) for value, column in pairs], np.int64).reshape(-1, 2).T
        order = np.argsort(codes, kind="stable")
        # The last value, which no candidate has, stands for the unknown ones.
        count = np.bincount(codes, minlength=len(vocabulary) + 1)
        self._start = tf.Variable(np.append(0, np.cumsum(count)), dtype=tf.int64, trainable=False)
        self._candidates = tf.Variable(columns[order], dtype=tf.int32, trainable=False)
        self._size = len(values)
        self.choices = tf.constant(vocabulary, tf.string, [len(vocabulary)])
        places = tf.range(len(vocabulary), dtype=tf.int64)
        self._codes = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(self.choices, places), len(vocabulary)
        )

    def __call__(self, wanted: tf.Tensor) -> tf.Tensor:
        """Returns the candidates that have one of the values [B, V]; all where none is given: [B, A] bool. O(B A + p)."""
        requests, width = tf.shape(wanted)[0], tf.shape(wanted, tf.int64)[1]
        codes = tf.reshape(self._codes.lookup(wanted), [-1])
        pairs = tf.ragged.range(tf.gather(self._start, codes), tf.gather(self._start, codes + 1))
        request = tf.cast(pairs.value_rowids() // tf.maximum(width, 1), tf.int32)
        cells = tf.stack([request, tf.gather(self._candidates, pairs.values)], axis=1)
        hits = tf.scatter_nd(cells, tf.ones_like(request), [requests, self._size]) > 0
        return hits | ~tf.reduce_any(wanted != "", axis=1, keepdims=True)


class _Numbers(tf.Module):
    """A column of numbers."""

    shape, dtype = (None, 2), tf.float32

    def __init__(self, values: np.ndarray):
        """Takes the number of each candidate, [A] float64, NaN for none."""
        super().__init__()
        self._numbers = tf.Variable(values, dtype=tf.float32, trainable=False)
        present = values[np.isfinite(values)]
        self.choices = tf.constant([present.min(), present.max()] if len(present) else [np.nan] * 2, tf.float32)

    def __call__(self, wanted: tf.Tensor) -> tf.Tensor:
        """Returns the candidates in the range [B, 2]; all where both ends are open: [B, A] bool."""
        least, greatest = wanted[:, :1], wanted[:, 1:]
        number, is_open = self._numbers[None], tf.math.is_nan(wanted)
        holds = (is_open[:, :1] | (number >= least)) & (is_open[:, 1:] | (number <= greatest))
        return (holds & ~tf.math.is_nan(number)) | tf.reduce_all(is_open, axis=1, keepdims=True)
