"""The item's side of declared filters: the values of their columns, and the items that a constant hides.

Letters: r rows of the catalogue.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from components.declaration.filters import Filter

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}


def passes(one: Filter, values: np.ndarray) -> np.ndarray:
    """Returns the rows that a filter with a constant shows: [r] bool.

    Args:
      one: the filter.
      values: [r] float64 with NaN for a missing value, or [r] object, texts as bytes and b"" for a missing one.
    """
    if one.is_numeric:
        return np.isnan(values) | COMPARISONS[one.operator](values, one.value)
    word = str(one.value).encode()
    matches = np.array([word in words_of(one, value) for value in values], bool)
    return (values == b"") | (~matches if one.operator == "!=" else matches)


def words_of(one: Filter, value: bytes) -> tuple[bytes, ...]:
    """Returns what an item's text may be equal to: the text itself, or each of its words; () for a missing value."""
    if not value:
        return ()
    return tuple(value.split()) if one.operator == "contains" else (value,)
