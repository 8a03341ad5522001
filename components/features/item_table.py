"""The items a model knows: their ids, their catalogue features, and whether they may be recommended.

Row 0 is padding and the unknown item; items are rows 1 to n. Every vector, count and mask over items uses these rows.
Letters: n items, m feature slots per item, p number columns.
"""

import dataclasses
import math
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Catalogue, Filter
from components.declaration.views import CatalogueFeatures
from components.features import item_filters, truth_words
from components.features.id_codes import codes
from components.ingest.number_texts import COMMA_TEXT

MAX_FEATURE_SLOTS = 24
_COMMA = re.compile(COMMA_TEXT.encode())
# A missing integer: below every number that a log or a catalogue may hold.
MISSING_INT = int(np.iinfo(np.int64).min)


@dataclasses.dataclass(frozen=True)
class ItemTable:
    """Items by row; row 0 is the unknown item.

    Attributes:
      ids: [n + 1] object, ids as bytes; b"" in row 0.
      titles: [n + 1] object, titles as bytes; the id if an item has none.
      active: [n + 1] bool, whether the item may be recommended.
      features: [n + 1, m] int32, numbers of "column=value" and "column:word" features, padded with 0.
      feature_count: number of distinct features, without the padding.
      numbers: [n + 1, p] float32, standardised; 0 where missing.
      boost: [n + 1] float32, the declared factor of each item; None without boosts. An item of factor 0 is inactive.
      feature_names: [feature_count] object, the names of features 1, 2, ...; None without a catalogue.
      filtered: for each declared filter with a context [n + 1], the values of its column: float64 with NaN for a missing
        one, or object, texts as bytes and b"" for a missing one.
      filterable: what requests may filter by, catalogue column to [n + 1]: float64 with NaN for a missing number, or
        object, the values of an item as a tuple of bytes.
    """

    ids: np.ndarray
    titles: np.ndarray
    active: np.ndarray
    features: np.ndarray
    feature_count: int
    numbers: np.ndarray
    boost: np.ndarray | None = None
    feature_names: np.ndarray | None = None
    filtered: tuple[np.ndarray, ...] = ()
    filterable: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        """Returns the number of rows, including the unknown item."""
        return len(self.ids)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Returns the rows of item ids, [k] object -> [k] int32; 0 for ids that are not in the table."""
        row = pc.index_in(pa.array(ids, pa.binary()), value_set=pa.array(self.ids, pa.binary()))
        return row.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int32)


def build(
    catalogue: Catalogue | CatalogueFeatures | None, columns: dict[str, np.ndarray], logged: np.ndarray
) -> ItemTable:
    """Builds the item table from the catalogue and the items of the training log.

    Logged items that are missing from the catalogue get a row (a history may name them) but are not active. Without a
    catalogue every logged item is active. Of catalogue rows with the same id, the last one is used; rows without an id
    are dropped.

    Args:
      catalogue: the declaration's catalogue; None without one.
      columns: catalogue column to [rows] array; empty without a catalogue.
      logged: [k] object, item ids of the training log, with repeats.
    """
    _, item_ids = codes(logged)
    if catalogue is not None:
        columns = _last_of_each(columns, catalogue.item)
        listed = columns[catalogue.item]
        # Not `np.setdiff1d`: of objects it compares every pair, 7 minutes for 360,000 items.
        known = pc.is_in(pa.array(item_ids, pa.binary()), value_set=pa.array(listed, pa.binary()))
        item_ids = np.concatenate([listed, item_ids[~known.to_numpy(zero_copy_only=False)]])
    ids = np.concatenate([np.array([b""], object), item_ids[item_ids != b""]])
    size = len(ids)
    bare = ItemTable(ids, ids, np.arange(size) > 0, np.zeros((size, 1), np.int32), 0, np.zeros((size, 0), np.float32))
    return bare if catalogue is None else _with_catalogue(bare, catalogue, columns)


def _last_of_each(columns: dict[str, np.ndarray], key: str) -> dict[str, np.ndarray]:
    """Returns the last row of each value of the key column, sorted by value; rows with an empty key are dropped."""
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
    titles = _titles(bare, catalogue, columns, rows)
    features, names = _features(catalogue, columns, rows, len(bare))
    numbers = np.zeros((len(bare), len(catalogue.numbers)), np.float32)
    for index, name in enumerate(catalogue.numbers):
        numbers[rows, index] = _standardise(columns[name])
    boost = _boost(catalogue, columns, rows, len(bare)) if catalogue.boosts else None
    active &= True if boost is None else boost > 0
    filtered = []
    for one in catalogue.filters:
        values = _filter_values(one, columns[one.column], rows, len(bare))
        if one.context is None:
            active &= item_filters.passes(one, values)
        else:
            filtered.append(values)
    learnt = (features, len(names), numbers, boost, names)
    return ItemTable(
        bare.ids, titles, active, *learnt, tuple(filtered), _filterable(catalogue, columns, rows, len(bare))
    )


def _titles(
    bare: ItemTable, catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray], rows: np.ndarray
) -> np.ndarray:
    """Returns the title of each item, the id where there is none: [size] object."""
    titles = bare.ids.copy()
    if catalogue.title:
        title = _texts(columns[catalogue.title])
        titles[rows] = np.where(title == b"", columns[catalogue.item], title)
    return titles


def _filterable(
    catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray], rows: np.ndarray, size: int
) -> dict[str, np.ndarray]:
    """Returns the columns that requests may filter by: see `ItemTable.filterable`.

    Categories have one value per item, texts their words, numbers a number. A text of which an item has more than
    `MAX_FEATURE_SLOTS` words is left out: a description is nothing to choose by.
    """
    values = {}
    for name in dict.fromkeys((*catalogue.categories, *catalogue.texts)):
        texts = [text.split() if name in catalogue.texts else [text] for text in _texts(columns[name]).tolist()]
        if max(map(len, texts), default=0) > MAX_FEATURE_SLOTS:
            continue
        values[name] = _place([tuple(dict.fromkeys(word for word in words if word)) for words in texts], rows, size)
    for name in catalogue.numbers:
        if name not in values:
            values[name] = np.full(size, np.nan)
            values[name][rows] = _numbers(columns[name])
    return values


def _place(values: list[tuple[bytes, ...]], rows: np.ndarray, size: int) -> np.ndarray:
    """Returns the values of the catalogue's rows at the items' rows, () elsewhere: [size] object."""
    placed = np.empty(size, object)
    placed.fill(())
    for row, value in zip(rows.tolist(), values, strict=True):
        placed[row] = value
    return placed


def _filter_values(one: Filter, column: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Returns the column that a filter reads, for each item: see `ItemTable.filtered`."""
    if one.is_numeric:
        numbers = np.full(size, np.nan)
        numbers[rows] = _numbers(column)
        return numbers
    texts = np.full(size, b"", object)
    texts[rows] = _texts(column)
    return texts


def _boost(
    catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray], rows: np.ndarray, size: int
) -> np.ndarray:
    """Returns the product of the boost factors that apply to each item: [size] float32; 1 if none does.

    Values are compared as text; an integral number has no fraction, so that 3 and 3.0 are equal.
    """
    factor = np.ones(size, np.float32)
    for boost in catalogue.boosts:
        texts = _texts(columns[boost.column])
        matches = np.isin(texts.astype(bytes), _spellings(boost.value))
        matches |= truth_words.matches(texts, truth_words.words_like(boost.value))
        factor[rows] *= np.where(matches, boost.factor, 1.0)
    return factor


def _spellings(value: str) -> list[bytes]:
    """Returns the texts that a value may have in a column: the value itself and, for a number, its other formats."""
    texts = [value.encode()]
    number = _number(texts[0])
    if math.isfinite(number):
        texts += [str(number).encode(), b"%d" % number] if number.is_integer() else [str(np.float32(number)).encode()]
    return texts


def _standardise(column: np.ndarray) -> np.ndarray:
    """Scales the present values to zero mean and unit deviation; missing values and non-numeric text become 0."""
    values = _numbers(column)
    present = np.isfinite(values)
    if not present.any():
        return np.zeros(len(values), np.float32)
    deviation = values[present].std() or 1.0
    return np.where(present, (values - values[present].mean()) / deviation, 0.0).astype(np.float32)


def _numbers(column: np.ndarray) -> np.ndarray:
    """Returns the column as float64, NaN for missing values and for text that is no number."""
    if column.dtype == object:
        return np.array([_number(text) for text in column], np.float64)
    return np.where(column == MISSING_INT, np.nan, column) if column.dtype == np.int64 else column.astype(np.float64)


def _number(text: bytes) -> float:
    """Returns the number that a text holds, with a point or a comma ("4,50"); NaN for none."""
    try:
        return float(text.replace(b",", b".") if _COMMA.fullmatch(text) else text)
    except ValueError:
        return float("nan")


def _features(
    catalogue: Catalogue | CatalogueFeatures, columns: dict[str, np.ndarray], rows: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the features of the catalogue rows.

    A feature that only one item has carries no information and is dropped. A missing category is a feature ("column=").

    Returns:
      The features of each item, [size, m] int32, and the names of features 1, 2, ..., object.
    """
    names_per_row: list[list[bytes]] = [[] for _ in rows]
    for column in catalogue.categories:
        for names, value in zip(names_per_row, _texts(columns[column]), strict=True):
            names.append(column.encode() + b"=" + value)
    for column in catalogue.texts:
        for names, value in zip(names_per_row, _texts(columns[column]), strict=True):
            names.extend(column.encode() + b":" + word for word in dict.fromkeys(value.lower().split()))
    flat = np.array([name for names in names_per_row for name in names[:MAX_FEATURE_SLOTS]], object)
    owner = np.repeat(np.arange(len(rows)), [min(len(names), MAX_FEATURE_SLOTS) for names in names_per_row])
    if not len(flat):
        return np.zeros((size, 1), np.int32), flat
    number, distinct = codes(flat)
    shared = np.bincount(number) > 1
    slot = np.arange(len(flat)) - np.searchsorted(owner, owner)
    features = np.zeros((size, int(slot.max()) + 1), np.int32)
    features[rows[owner], slot] = np.where(shared, np.cumsum(shared), 0)[number]
    return features, distinct[shared]


def _texts(column: np.ndarray) -> np.ndarray:
    """Returns the column as bytes; b"" where a value is missing."""
    if column.dtype == object:
        return column
    is_missing = np.isnan(column) if column.dtype.kind == "f" else column == MISSING_INT
    texts = [b"" if missing else str(value).encode() for value, missing in zip(column, is_missing, strict=True)]
    return np.array(texts, object)
