"""Numbers for ids: what sorting, grouping and counting work on."""

import numpy as np
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
