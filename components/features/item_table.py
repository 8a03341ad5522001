"""The items a model knows: ids, what the catalogue says of them, and which of them may be recommended.

Row 0 stands for "no item, or one never heard of"; items are rows 1 to n. Every vector, count and mask over items uses
these rows.
Letters: n items, m feature slots per item, p number columns.
"""

import dataclasses
import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Catalogue
from components.declaration.views import CatalogueFeatures
from components.features import truth_words
from components.features.id_codes import codes

MAX_FEATURE_SLOTS = 24
MISSING_INT = int(
    np.iinfo(np.int64).min
)  # stands for a missing integer: below every number that a log or a catalogue may hold


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
      feature_names: [feature_count] object, what the features 1, 2, ... are called; None where there is no catalogue.
      boost: [n + 1] float32, the declared factor of each item; None where nothing is boosted. What has the factor 0 is
        not active.
    """

    ids: np.ndarray
    titles: np.ndarray
    active: np.ndarray
    features: np.ndarray
    feature_count: int
    numbers: np.ndarray
    boost: np.ndarray | None = None
    feature_names: np.ndarray | None = None

    def __len__(self) -> int:
        """The number of rows, the unknown item included."""
        return len(self.ids)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """The rows of item ids: [k] object to [k] int32; 0 for ids that are not in the table."""
        row = pc.index_in(pa.array(ids, pa.binary()), value_set=pa.array(self.ids, pa.binary()))
        return row.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int32)


def build(
    catalogue: Catalogue | CatalogueFeatures | None, columns: dict[str, np.ndarray], logged: np.ndarray
) -> ItemTable:
    """The item table of a catalogue and of the items seen in the training log.

    Items of the log that the catalogue does not hold get a row (a history may name them) but are not active. Without a
    catalogue every logged item is active. Of catalogue rows with the same id the last counts; rows without an id do
    not.

    Args:
      catalogue: the declaration's catalogue.
      columns: catalogue column to [rows] array; empty without a catalogue.
      logged: [k] object, item ids of the training log, with repeats.
    """
    _, met = codes(logged)
    if catalogue is not None:
        columns = _last_of_each(columns, catalogue.item)
        listed = columns[catalogue.item]
        met = np.concatenate([listed, np.setdiff1d(met, listed, assume_unique=True)])
    ids = np.concatenate([np.array([b""], object), met[met != b""]])
    size = len(ids)
    bare = ItemTable(ids, ids, np.arange(size) > 0, np.zeros((size, 1), np.int32), 0, np.zeros((size, 0), np.float32))
    return bare if catalogue is None else _with_catalogue(bare, catalogue, columns)


def _last_of_each(columns: dict[str, np.ndarray], key: str) -> dict[str, np.ndarray]:
    """The last row of each value of the key column, in the order of the values; rows with an empty key are left out."""
    number, values = codes(columns[key])
    last = np.zeros(len(values), np.int64)
    np.maximum.at(last, number, np.arange(len(number)))
    last = last[values != b""]
    return {name: column[last] for name, column in columns.items()}


def _with_catalogue(
    bare: ItemTable, catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray]
) -> ItemTable:
    rows = bare.rows_of(columns[catalogue.item])
    active = np.zeros(len(bare), bool)
    active[rows] = True if catalogue.active is None else truth_words.is_true(columns[catalogue.active])
    titles = bare.ids.copy()
    if catalogue.title:
        named = _texts(columns[catalogue.title])
        titles[rows] = np.where(named == b"", columns[catalogue.item], named)
    features, names = _features(catalogue, columns, rows, len(bare))
    numbers = np.zeros((len(bare), len(catalogue.numbers)), np.float32)
    for index, name in enumerate(catalogue.numbers):
        numbers[rows, index] = _standardised(columns[name])
    boost = _boost(catalogue, columns, rows, len(bare)) if catalogue.boosts else None
    return ItemTable(
        bare.ids, titles, active if boost is None else active & (boost > 0), features, len(names), numbers, boost, names
    )


def _boost(
    catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray], rows: np.ndarray, size: int
) -> np.ndarray:
    """The product of the factors of the boosts that name an item: [size] float32; 1 where none does.

    A value is compared as text: a whole number without its fraction, so that 3 and 3.0 are the same.
    """
    factor = np.ones(size, np.float32)
    for boost in catalogue.boosts:
        texts = _texts(columns[boost.column])
        named = np.isin(texts.astype(bytes), _spellings(boost.value))
        named |= truth_words.matches(texts, truth_words.words_like(boost.value))
        factor[rows] *= np.where(named, boost.factor, 1.0)
    return factor


def _spellings(value: str) -> list[bytes]:
    """Returns the texts that a value may have in a column: its own, and those of a number."""
    texts = [value.encode()]
    number = _number(texts[0])
    if math.isfinite(number):
        texts += [str(number).encode(), b"%d" % number] if number.is_integer() else [str(np.float32(number)).encode()]
    return texts


def _standardised(column: np.ndarray) -> np.ndarray:
    """Zero mean and unit deviation over the values that are there; 0 where there is none. Text that is no number is missing."""
    if column.dtype == object:
        column = np.array([_number(text) for text in column], np.float64)
    values = np.where(column == MISSING_INT, np.nan, column) if column.dtype == np.int64 else column.astype(np.float64)
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


def _features(
    catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray], rows: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Features of the catalogue rows as numbers [size, m], and what the numbers 1, 2, ... stand for.

    A feature of one item only says nothing: dropped. That a category is missing is a feature ("column=").
    """
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
        return np.zeros((size, 1), np.int32), flat
    number, named = codes(flat)
    shared = np.bincount(number) > 1
    slot = np.arange(len(flat)) - np.searchsorted(owner, owner)
    features = np.zeros((size, int(slot.max()) + 1), np.int32)
    features[rows[owner], slot] = np.where(shared, np.cumsum(shared), 0)[number]
    return features, named[shared]


def _texts(column: np.ndarray) -> np.ndarray:
    """The column as bytes; b"" where a value is missing."""
    if column.dtype == object:
        return column
    missing = np.isnan(column) if column.dtype.kind == "f" else column == MISSING_INT
    return np.array([b"" if gone else str(value).encode() for value, gone in zip(column, missing, strict=True)], object)
