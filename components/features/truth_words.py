"""The words of a flag: what counts as true and as false in a catalogue, in a boost and in a check, in any case."""

import numpy as np

TRUE_WORDS = frozenset(("1", "1.0", "true", "t", "yes", "y", "on"))
FALSE_WORDS = frozenset(("0", "0.0", "false", "f", "no", "n", "off"))


def is_true(column: np.ndarray) -> np.ndarray:
    """Returns whether each value of a flag is true.

    Args:
      column: [n] object (bytes) or a number; a number is true above 0.

    Returns:
      [n] bool; False for a missing value and for any other word.
    """
    return matches(column, TRUE_WORDS) if column.dtype == object else column > 0


def matches(column: np.ndarray, words: frozenset[str]) -> np.ndarray:
    """Returns whether each text of a column [n] object (bytes) is one of some words, in any case: [n] bool."""
    return np.isin(np.char.lower(column.astype(bytes)), [word.encode() for word in sorted(words)])


def words_like(value: str) -> frozenset[str]:
    """Returns all words of a flag that say the same as a value; none for a value that is no "true" or "false"."""
    return {"true": TRUE_WORDS, "false": FALSE_WORDS}.get(value.lower(), frozenset())
