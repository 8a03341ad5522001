"""Numbers for ids: what sorting, grouping, counting and breaking ties work on."""

import numpy as np
import pandas as pd
import pyarrow as pa


def codes(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the different ids in their own order.

    Args:
      column: [n] object, ids as bytes.

    Returns:
      The numbers [n] int64 and the ids [u] object, each at its number.
    """
    encoded = pa.array(column, pa.binary()).dictionary_encode()
    met = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(met)
    number = np.empty(len(met), np.int64)
    number[order] = np.arange(len(met))
    return number[encoded.indices.to_numpy()], met[order]


def hashes(*columns: np.ndarray) -> np.ndarray:
    """A number per row that depends on the row's own ids only: [n] object each to [n] int64."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        number, ids = codes(column)
        own = pd.util.hash_array(ids, categorize=False) if len(ids) else np.zeros(0, np.uint64)
        mixed = mixed * np.uint64(31) + own[number]
    return mixed.view(np.int64)
