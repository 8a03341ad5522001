"""Integer codes and hashes of ids, for sorting, grouping, counting and breaking ties."""

import numpy as np
import pandas as pd
import pyarrow as pa


def codes(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the distinct ids in sorted order.

    Args:
      column: [n] object, ids as bytes.

    Returns:
      The code of each row, [n] int64, and the distinct ids, [u] object: `ids[code]` is the row's id.
    """
    encoded = pa.array(column, pa.binary()).dictionary_encode()
    distinct = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(distinct)
    number = np.empty(len(distinct), np.int64)
    number[order] = np.arange(len(distinct))
    return number[encoded.indices.to_numpy()], distinct[order]


def hashes(*columns: np.ndarray) -> np.ndarray:
    """Hashes each row's ids, regardless of other rows: [n] object each -> [n] int64."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        number, ids = codes(column)
        hashed = pd.util.hash_array(ids, categorize=False) if len(ids) else np.zeros(0, np.uint64)
        mixed = mixed * np.uint64(31) + hashed[number]
    return mixed.view(np.int64)
