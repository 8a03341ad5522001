"""The words of a flag: which values count as true or false in a catalogue, a boost and a check (case-insensitive)."""

import numpy as np

from components.ingest.number_texts import FALSE_WORDS, TRUE_WORDS


def is_true(column: np.ndarray) -> np.ndarray:
    """Returns whether each value of a flag is true.

    Args:
      column: [n] object (bytes) or a number; a number is true above 0.

    Returns:
      [n] bool; False for a missing value and for any other word.
    """
    return matches(column, TRUE_WORDS) if column.dtype == object else column > 0


def matches(column: np.ndarray, words: frozenset[str]) -> np.ndarray:
    """Returns whether each text of a column, [n] object (bytes), is one of the words, ignoring case: [n] bool."""
    return np.isin(np.char.lower(column.astype(bytes)), [word.encode() for word in sorted(words)])


def words_like(value: str) -> frozenset[str]:
    """Returns all synonyms of "true" or "false"; the empty set for any other value."""
    return {"true": TRUE_WORDS, "false": FALSE_WORDS}.get(value.lower(), frozenset())
