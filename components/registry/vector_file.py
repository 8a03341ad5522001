"""The file of item vectors in a version's folder.

    serving/shop/1795449687/assets.extra/item_vectors.parquet

The Trainer writes it next to the SavedModel that computes the same vectors, so it moves with the version: it is pushed
to the serving folder if the model wins, and rolled back with the version. Rules have no vectors.
"""

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.declaration import Catalogue
from components.features.item_table import MISSING_INT, ItemTable
from components.registry import card_file
from components.registry.item_vectors import ACTIVE, ITEM, OWN, TITLE, VECTOR, ItemVectors, VectorsError
from components.safe_parquet import parquet as pq

FILE = os.path.join("assets.extra", "item_vectors.parquet")
ROWS_IN_GROUP = 50_000


def table(
    items: ItemTable, vectors: np.ndarray, catalogue: Catalogue | None, columns: dict[str, np.ndarray]
) -> pa.Table:
    """Returns the rows of the file: every known item, including inactive ones.

    Args:
      items: the item table; its row 0, the unknown item, is left out.
      vectors: [len(items), D] float32, by row of the table.
      catalogue: the declaration's catalogue; None without one.
      columns: catalogue column to [rows] array, as its examples hold it; the last row of an id is used.
    """
    flat = pa.array(vectors[1:].reshape(-1).astype(np.float32))
    rows = item_rows(items, catalogue, columns)
    return rows.add_column(
        rows.schema.get_field_index(ACTIVE) + 1, VECTOR, pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    )


def item_rows(items: ItemTable, catalogue: Catalogue | None, columns: dict[str, np.ndarray]) -> pa.Table:
    """Returns the same rows without vectors: id, title, active, and the declared columns of the catalogue."""
    basic = {ITEM: _text(items.ids[1:]), TITLE: _text(items.titles[1:]), ACTIVE: pa.array(items.active[1:])}
    return pa.table(basic | (_features(items, catalogue, columns) if catalogue else {}))


def as_bytes(rows: pa.Table) -> bytes:
    """Returns the content of the file."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, row_group_size=ROWS_IN_GROUP)
    return sink.getvalue().to_pybytes()


def known_ids(folder: Path) -> frozenset[bytes] | None:
    """Returns the ids of all items that a version has vectors of; None if there are none, or none readable."""
    try:
        ids = pq.read_table(folder / FILE, columns=[ITEM])[ITEM]
    except (OSError, ValueError, KeyError, RuntimeError):
        return None
    return frozenset(text.encode() for text in ids.to_pylist())


def read(folder: Path) -> ItemVectors:
    """Reads the vectors of a version.

    Args:
      folder: the version's folder.

    Raises:
      VectorsError: if it holds no vectors, as with rules or a model pushed before this file existed.
    """
    card = card_file.read(folder)
    if not (folder / FILE).is_file():
        kind = card.get("kind", "unknown")
        why = "rules count and do not embed" if kind == "rules" else f"it lacks {FILE}"
        raise VectorsError(
            f"an export needs the vectors of a model, version {folder.name} ({kind}) has none: {why}. Nothing was written, sent or deleted. "
            "An index filled from an earlier version does not match the champion. To export an older version, name it with --version."
        )
    return ItemVectors(str(card.get("launch", "")), int(folder.name.partition(".")[0]), pq.read_table(folder / FILE))


def _text(column: np.ndarray) -> pa.Array:
    return pa.array(column, pa.binary()).cast(pa.string())


def _features(items: ItemTable, catalogue: Catalogue, columns: dict[str, np.ndarray]) -> dict[str, pa.Array]:
    """Returns the declared columns by item; null for items that are in the log only."""
    # A query of a vector store has to compare the columns of filters with a context itself.
    compared = (one.column for one in catalogue.filters if one.context)
    names = [
        name
        for name in dict.fromkeys((*catalogue.filterable, *compared))
        if name in columns and name != catalogue.title
    ]
    if not names:
        return {}
    last = {item: row for row, item in enumerate(columns[catalogue.item])}
    rows = pa.array([last.get(item) for item in items.ids[1:]], pa.int64())
    return {column: _values(columns[name]).take(rows) for name, column in _column_names(names).items()}


def _values(column: np.ndarray) -> pa.Array:
    if column.dtype == object:
        return pa.array(column, pa.binary(), mask=column == b"").cast(pa.string())
    return pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else column == MISSING_INT)


def _column_names(names: list[str]) -> dict[str, str]:
    """Maps the columns to unique names that every store accepts (letters, digits, _); the file's own are taken."""
    columns: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if re.match(r"[A-Za-z]", plain) else f"c_{plain}"
        while plain in OWN or plain in columns.values():
            plain += "_"
        columns[name] = plain
    return columns
