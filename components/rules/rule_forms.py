"""What a rule is, once it is counted: one of three forms that the served graph knows how to score with.

A rule is a function `(launch, log) -> PerItem | PerContext | NextItems` that is named in the declaration: a built-in
one by its name, one of yours by its dotted path. Scores are at least 0; an item with 0 is one the rule says nothing of,
so that the declared fallbacks order it.

Letters: N rows of the item table (row 0 is the unknown item), c of the catalogue, e positive events, S context slices, M neighbours kept
  per item.
"""

import dataclasses

import numpy as np

from components.features.item_table import ItemTable


@dataclasses.dataclass(frozen=True)
class RuleLog:
    """What a rule counts: the positive events of the training split, in any order, and the items.

    Attributes:
      user: [e] int64 codes.
      item: [e] int32 rows of the item table.
      time: [e] int64 microseconds since the epoch, UTC.
      tie: [e] int64, what orders a user's events of equal time.
      context: column to [e], as the log has it.
      items: the item table: ids, titles, the catalogue's numbers, which are active.
      catalogue: column to [c], as the catalogue has it; empty without one.
      place: [N] int64, the row of the catalogue that an item comes from; -1 for none.
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    tie: np.ndarray
    context: dict[str, np.ndarray]
    items: ItemTable
    catalogue: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    place: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))


@dataclasses.dataclass(frozen=True)
class PerItem:
    """The same scores whoever asks: `scores` [N] float32."""

    scores: np.ndarray


@dataclasses.dataclass(frozen=True)
class PerContext:
    """Scores by the values of some context columns.

    Attributes:
      columns: of the context; words or integers.
      keys: [S] object, the values of a slice as `context_keys` joins them.
      scores: [S + 1, N] float32; the last row answers every other slice.
    """

    columns: tuple[str, ...]
    keys: np.ndarray
    scores: np.ndarray


@dataclasses.dataclass(frozen=True)
class NextItems:
    """Scores by the last items of the history: sum over the last `window` items, j-th last, of decay^j x weight(item, candidate).

    Attributes:
      neighbours: [N, M] int32, candidates by item; 0 pads.
      weights: [N, M] float32.
      window: how many of the last items count.
      decay: the weight of the second last against the last, and so on.
    """

    neighbours: np.ndarray
    weights: np.ndarray
    window: int
    decay: float


Rule = PerItem | PerContext | NextItems
# Of two items that a rule scores alike, up to this share of its best score, the next rule decides.
TIE = 1e-4
SEPARATOR = b"\x1f"


def context_keys(columns: list[np.ndarray]) -> np.ndarray:
    """Joins the values of some context columns [n] into one key per row, as the served graph does: [n] object.

    Raises:
      TypeError: for a column of fractions, whose text is not the same everywhere.
    """
    if any(column.dtype.kind == "f" for column in columns):
        raise TypeError("a context slice needs words or integers, got a column of fractions")
    texts = [
        column if column.dtype == object else column.astype(np.int64).astype(bytes).astype(object) for column in columns
    ]
    keys = texts[0]
    for text in texts[1:]:
        keys = keys + SEPARATOR + text
    return keys
