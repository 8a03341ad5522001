"""The items a model knows: ids, what the catalogue says of them, and which of them may be recommended.

Row 0 stands for "no item, or one never heard of"; items are rows 1 to n. Every vector, count and mask over items uses these rows.
Letters: n items, m feature slots per item, p number columns.
"""

import dataclasses

import numpy as np

from components.declaration import Catalogue

MAX_FEATURE_SLOTS = 24
TRUE_TEXTS = (b"1", b"true", b"True", b"TRUE", b"yes", b"t")


@dataclasses.dataclass(frozen=True)
class ItemTable:
    """Items by row; row 0 is the unknown item.

    Attributes:
      ids: [n + 1] object, ids as bytes; b"" in row 0.
      titles: [n + 1] object, titles as bytes; the id where there is none.
      active: [n + 1] bool, whether the item may be recommended.
      features: [n + 1, m] int32, numbers of "column=value" and "column:word" features; 0 pads.
      feature_count: how many different features there are, the padding not counted.
      numbers: [n + 1, p] float32, standardised; 0 where missing.
    """

    ids: np.ndarray
    titles: np.ndarray
    active: np.ndarray
    features: np.ndarray
    feature_count: int
    numbers: np.ndarray

    def __len__(self) -> int:
        """The number of rows, the unknown item included."""
        return len(self.ids)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """The rows of item ids: [k] object to [k] int32; 0 for ids that are not in the table."""
        order = np.argsort(self.ids)
        ordered = self.ids[order]
        place = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
        return np.where(ordered[place] == ids, order[place], 0).astype(np.int32)


def build(catalogue: Catalogue | None, columns: dict[str, np.ndarray], logged: np.ndarray) -> ItemTable:
    """The item table of a catalogue and of the items seen in the training log.

    Items of the log that the catalogue does not hold get a row (a history may name them) but are not active. Without a
    catalogue every logged item is active.

    Args:
      catalogue: the declaration's catalogue.
      columns: catalogue column to [rows] array; empty without a catalogue.
      logged: [k] object, item ids of the training log, with repeats.
    """
    if catalogue is None:
        ids = np.unique(logged)
        listed = np.zeros(0, object)
    else:
        listed = columns[catalogue.item]
        ids = np.concatenate([np.unique(listed), np.setdiff1d(logged, listed)])
    ids = np.concatenate([np.array([b""], object), ids[ids != b""]])
    size = len(ids)
    bare = ItemTable(ids, ids, np.arange(size) > 0, np.zeros((size, 1), np.int32), 0, np.zeros((size, 0), np.float32))
    return bare if catalogue is None else _with_catalogue(bare, catalogue, columns)


def _with_catalogue(bare: ItemTable, catalogue: Catalogue, columns: dict[str, np.ndarray]) -> ItemTable:
    rows = bare.rows_of(columns[catalogue.item])
    active = np.zeros(len(bare), bool)
    active[rows] = True if catalogue.active is None else _truth(columns[catalogue.active])
    titles = bare.ids.copy()
    if catalogue.title:
        titles[rows] = np.where(columns[catalogue.title] == b"", columns[catalogue.item], columns[catalogue.title])
    features, count = _features(catalogue, columns, rows, len(bare))
    numbers = np.zeros((len(bare), len(catalogue.numbers)), np.float32)
    for index, name in enumerate(catalogue.numbers):
        numbers[rows, index] = _standardised(columns[name])
    return ItemTable(bare.ids, titles, active & (bare.ids != b""), features, count, numbers)


def _truth(column: np.ndarray) -> np.ndarray:
    return np.isin(column.astype(bytes), TRUE_TEXTS) if column.dtype == object else column > 0


def _standardised(column: np.ndarray) -> np.ndarray:
    """Zero mean and unit deviation over the values that are there; 0 where there is none. Text that is no number is missing."""
    if column.dtype == object:
        column = np.array([_number(text) for text in column], np.float64)
    values = np.where(column == np.iinfo(np.int64).min, np.nan, column) if column.dtype == np.int64 else column.astype(np.float64)
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(values), np.float32)
    deviation = values[known].std() or 1.0
    return np.where(known, (values - values[known].mean()) / deviation, 0.0).astype(np.float32)


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _features(catalogue: Catalogue, columns: dict[str, np.ndarray], rows: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Features of the catalogue rows as numbers [size, m], and how many there are. A word of one item only says nothing: dropped."""
    names: list[list[bytes]] = [[] for _ in rows]
    for column in catalogue.categories:
        for listed, value in zip(names, _texts(columns[column]), strict=True):
            listed.append(column.encode() + b"=" + value)
    for column in catalogue.texts:
        for listed, value in zip(names, _texts(columns[column]), strict=True):
            listed.extend(column.encode() + b":" + word for word in dict.fromkeys(value.lower().split()))
    flat = np.array([name for listed in names for name in listed[:MAX_FEATURE_SLOTS]], object)
    owner = np.repeat(np.arange(len(rows)), [min(len(listed), MAX_FEATURE_SLOTS) for listed in names])
    if not len(flat):
        return np.zeros((size, 1), np.int32), 0
    kept, number, uses = np.unique(flat, return_inverse=True, return_counts=True)
    renumbered = np.where(uses > 1, np.cumsum(uses > 1), 0)[number]
    slot = np.arange(len(flat)) - np.searchsorted(owner, owner)
    features = np.zeros((size, int(slot.max()) + 1), np.int32)
    features[rows[owner], slot] = renumbered
    return features, int((uses > 1).sum()) if len(kept) else 0


def _texts(column: np.ndarray) -> list[bytes]:
    return list(column) if column.dtype == object else [str(value).encode() for value in column]
