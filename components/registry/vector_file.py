"""The file of item vectors in a version's folder.

    serving/shop/1795449687/assets.extra/item_vectors.parquet

The trainer writes it beside the SavedModel that computes the same vectors, so it goes where the version goes: through
the verdict, to the serving folder, back with a rollback. A model that did not win is not pushed, and neither are its
vectors. Rules have none.
"""

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.declaration import Catalogue
from components.features.item_table import MISSING_INT, ItemTable
from components.registry import card_file
from components.registry.item_vectors import ACTIVE, ITEM, OWN, TITLE, VECTOR, ItemVectors, VectorsError

FILE = os.path.join("assets.extra", "item_vectors.parquet")
ROWS_IN_GROUP = 50_000


def table(
    items: ItemTable, vectors: np.ndarray, catalogue: Catalogue | None, columns: dict[str, np.ndarray]
) -> pa.Table:
    """The rows of the file: every known item, also those that may not be recommended.

    Args:
      items: the item table; its row 0, the unknown item, is left out.
      vectors: [len(items), D] float32, by row of the table.
      catalogue: the declaration's.
      columns: catalogue column to [rows] array, as the examples have it; of rows with the same id the last counts.
    """
    flat = pa.array(vectors[1:].reshape(-1).astype(np.float32))
    rows = item_rows(items, catalogue, columns)
    return rows.add_column(
        rows.schema.get_field_index(ACTIVE) + 1, VECTOR, pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    )


def item_rows(items: ItemTable, catalogue: Catalogue | None, columns: dict[str, np.ndarray]) -> pa.Table:
    """The same rows without vectors: id, title, active, and the declared columns of the catalogue."""
    own = {ITEM: _text(items.ids[1:]), TITLE: _text(items.titles[1:]), ACTIVE: pa.array(items.active[1:])}
    return pa.table(own | (_features(items, catalogue, columns) if catalogue else {}))


def as_bytes(rows: pa.Table) -> bytes:
    """The file's content."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, row_group_size=ROWS_IN_GROUP)
    return sink.getvalue().to_pybytes()


def read(folder: Path) -> ItemVectors:
    """The vectors of a version.

    Args:
      folder: the version's.

    Raises:
      VectorsError: if it holds none: the rules have no vectors, nor has a model from before this file was written.
    """
    card = card_file.read(folder)
    if not (folder / FILE).is_file():
        kind = card.get("kind", "unknown")
        why = "rules count and do not embed" if kind == "rules" else f"it lacks {FILE}"
        raise VectorsError(
            f"an export needs the vectors of a model, version {folder.name} ({kind}) has none: {why}. Nothing was written, sent or deleted. What an "
            "index holds from an earlier version is not what is served now. To export an older version that is kept, name it with --version."
        )
    return ItemVectors(str(card.get("launch", "")), int(folder.name.partition(".")[0]), pq.read_table(folder / FILE))


def _text(column: np.ndarray) -> pa.Array:
    return pa.array(column, pa.binary()).cast(pa.string())


def _features(items: ItemTable, catalogue: Catalogue, columns: dict[str, np.ndarray]) -> dict[str, pa.Array]:
    """The declared columns by item; null for items that are in the log only."""
    names = [
        name
        for name in dict.fromkeys((*catalogue.categories, *catalogue.texts, *catalogue.numbers))
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
    """Names that every store takes (letters, digits, _), different from each other and from the file's own."""
    chosen: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if re.match(r"[A-Za-z]", plain) else f"c_{plain}"
        while plain in OWN or plain in chosen.values():
            plain += "_"
        chosen[name] = plain
    return chosen
