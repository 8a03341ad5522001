"""Converts the rows of a file to events: one event per element of a list of items, columns of partition folders, ids from the first column filled.

A row whose item column holds a list is one event per element; the fields of the same list (`items.price` next to `items.item_id`) go with
their element, all other columns are repeated. A row without an element stays one event, without an item. `row_id` names the row, so that
the events of one row share a request.
"""

import os
import re
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration.data import ROW_ID
from components.errors import LogError
from components.ingest.column_types import Types, cast_column, id_texts, plain_type
from components.ingest.log_layout import Layout

_PARTITION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.+)")


def partition_columns(file: str) -> dict[str, str]:
    """Returns the columns that a file's folders name: ".../dt=2026-01-31/country=de/part-0.parquet"."""
    columns: dict[str, str] = {}
    for folder in reversed(os.path.dirname(file).split(os.sep)):
        match = _PARTITION.fullmatch(folder)
        if match is None:
            break
        columns = {match[1]: match[2]} | columns
    return columns


class EventShape:
    """Converts the rows of a log or a catalogue to events.

    Example:
      shape = EventShape(layout)
      types = shape.types(file, file_types)
      batch, numbers = shape.events(file, batch, numbers)
    """

    def __init__(self, layout: Layout):
        """Takes the layout: its item column, its fallbacks of the user, and which columns it names."""
        self._layout = layout

    def explodes(self, types: Types) -> bool:
        """Returns whether a file of these types has a list in its item column."""
        return pa.types.is_list(types.get(self._layout.item or "", pa.null()))

    def types(self, file: str, types: Types) -> Types:
        """Returns the columns of a file's events, derived from those of its rows."""
        exploded = self._list_columns(types)
        made = {name: kind.value_type if name in exploded else kind for name, kind in types.items()}
        made |= {name: pa.string() for name in self._layout.fallbacks if name in made}
        return made | {name: pa.string() for name in self._extra_columns(file, types)}

    def events(
        self, file: str, rows: pa.RecordBatch, numbers: np.ndarray, types: Types
    ) -> tuple[pa.RecordBatch, np.ndarray]:
        """Returns the events of some rows, and the number of the row that each event comes from.

        Args:
          file: that the rows are from.
          rows: [rows] opened columns.
          numbers: [rows] int64, of the rows in their file.
          types: of the file's rows.

        Raises:
          LogError: if two lists that have to go together differ in length.
        """
        exploded = [name for name in self._list_columns(types) if name in rows.schema.names]
        if exploded:
            rows, numbers = _explode(file, rows, numbers, exploded)
        added = self._extra_columns(file, types)
        if not added and not self._layout.fallbacks:
            return rows, numbers
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        for name, value in added.items():
            columns[name] = (
                pa.array([value] * len(numbers), pa.string()) if value is not None else _row_ids(file, numbers)
            )
        if self._layout.fallbacks:
            columns |= self._fill_user(file, columns, types)
        return pa.RecordBatch.from_arrays(list(columns.values()), list(columns)), numbers

    def _list_columns(self, types: Types) -> tuple[str, ...]:
        """Returns the list columns that are exploded together with the item's."""
        if not self.explodes(types):
            return ()
        item = self._layout.item or ""
        root = item.rpartition(".")[0] + "." if "." in item else item
        return tuple(
            name
            for name, kind in types.items()
            if name == item or (name.startswith(root) and "." in root and pa.types.is_list(kind))
        )

    def _extra_columns(self, file: str, types: Types) -> dict[str, str | None]:
        """Columns that the file does not hold itself, with their value; None for the row's id."""
        layout = self._layout
        added: dict[str, str | None] = {
            name: value for name, value in partition_columns(file).items() if name not in types and layout.reads(name)
        }
        return added | ({ROW_ID: None} if layout.request == ROW_ID and ROW_ID not in types else {})

    def _fill_user(self, file: str, columns: dict[str, pa.Array], types: Types) -> dict[str, pa.Array]:
        """Returns the user column, from the first of its columns that is filled, and its fallbacks as text."""
        names = [name for name in (self._layout.ids[0], *self._layout.fallbacks) if name in columns]
        texts = {name: _id_column(columns[name], name, file, types) for name in names}
        return texts | {self._layout.ids[0]: pc.coalesce(*map(_without_blanks, texts.values()))} if texts else {}


def _id_column(values: pa.Array, name: str, file: str, types: Types) -> pa.Array:
    plain = cast_column(values, plain_type(values.type, name, file))
    return id_texts(plain, name, file, was_float=pa.types.is_float64(types.get(name, pa.null())))


def _without_blanks(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0), pa.scalar(None, texts.type), texts)


def _explode(
    file: str, rows: pa.RecordBatch, numbers: np.ndarray, names: list[str]
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Returns one row per element of the lists; a row whose list is empty stays, with a null."""
    lists = {name: rows.column(rows.schema.get_field_index(name)) for name in names}
    lengths = {
        name: pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
        for name, values in lists.items()
    }
    first = lengths[names[0]]
    for name, other in lengths.items():
        if not np.array_equal(first, other):
            raise LogError(
                file,
                f"the lists {names[0]!r} and {name!r} of one row differ in length.",
                "Declare columns of one list only.",
            )
    counts = np.maximum(first, 1)
    parents = np.repeat(np.arange(rows.num_rows), counts)
    filled = np.repeat(first > 0, counts)
    places = pa.array(np.where(filled, np.cumsum(filled) - 1, 0), mask=~filled)
    parent_rows = pa.array(parents)
    columns = [
        lists[name].flatten().take(places) if name in lists else column.take(parent_rows)
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, rows.schema.names), numbers[parents]


def _row_ids(file: str, numbers: np.ndarray) -> pa.Array:
    """Returns a text per row that is unique in the log."""
    prefix = f"{zlib.crc32(file.encode()):08x}-"
    return pc.binary_join_element_wise(pa.scalar(prefix), pa.array(numbers).cast(pa.string()), "")
