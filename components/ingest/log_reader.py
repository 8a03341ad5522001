"""Reads a log or a catalogue of many files and formats as batches of one schema.

Ids come out as text, the time as int64 microseconds, every other column in the one type that holds its values in all files. Types
are guessed from the first block of each file; `settle` reads everything once and widens a guess that fails, so that what a person
sees is the schema gate's word on the type and not a parser's.
"""

import collections.abc

import pyarrow as pa

from components.errors import LogError
from components.ingest import csv_blocks, jsonl_blocks, parquet_blocks
from components.ingest.column_types import TypeConflictError, Types, cast_column, id_texts, plain_type, unify
from components.ingest.event_time import to_microseconds
from components.ingest.log_files import format_of
from components.ingest.log_layout import Gaps, Layout, check_columns

Batches = collections.abc.Iterator[pa.RecordBatch]


class LogReader:
    """The rows of several files as batches of one schema.

    Example:
      reader = LogReader(find_files(folder, "*.csv"), Layout.of_log(launch.log))
      keys = reader.settle((log.time, log.event))   # first pass: some columns of the whole log
      for batch in reader.batches(): ...            # second pass: all columns, the same rows in the same order
    """

    def __init__(self, files: collections.abc.Sequence[str], layout: Layout):
        """Looks at the first block of each file.

        Raises:
          LogError: if a file cannot be read or lacks an id or time column.
        """
        self._files, self._layout = tuple(files), layout
        self._found: dict[str, Types] = {file: self._first_types(file) for file in self._files}
        for file, found in self._found.items():
            check_columns(file, layout.needed, found)

    @property
    def types(self) -> Types:
        """The columns of the log and their types, in the order of their first appearance."""
        types: Types = {}
        for file, found in self._found.items():
            for name, kind in found.items():
                types[name] = unify(types.get(name, pa.null()), self._role_type(name) or kind, name, file)
        return types

    def settle(self, columns: collections.abc.Sequence[str]) -> pa.Table:
        """Reads all files once: settles the types, checks ids and times, and keeps the columns asked for in memory.

        Args:
          columns: those to return.

        Returns:
          [rows] the columns, in the order in which `batches` gives the rows.

        Raises:
          LogError: if a declared column is in no file, ids or times are missing or unreadable, or there is no row.
        """
        try:
            return self._collect(columns)
        except TypeConflictError as conflict:
            self._widen(conflict)
        return self.settle(columns)

    def batches(self) -> Batches:
        """All columns of all rows, after `settle`."""
        types = self.types
        for file, _, raw in self._raw_blocks(types, None):
            yield self._unified(file, raw, types, tuple(types))

    def _collect(self, columns: collections.abc.Sequence[str]) -> pa.Table:
        types, kept, gaps = self.types, [], {name: Gaps(name, self._layout) for name in self._layout.needed}
        wanted = tuple(dict.fromkeys((*self._layout.needed, *columns)))
        for file, first_row, raw in self._raw_blocks(types, wanted):
            batch = self._unified(file, raw, types, wanted)
            for name, gap in gaps.items():
                gap.add(file, first_row, raw, batch.column(wanted.index(name)))
            kept.append(pa.Table.from_batches([batch]).select(list(columns)))
        check_columns(", ".join(self._files[:3]), self._layout.declared, self.types)
        rows = sum(table.num_rows for table in kept)
        if not rows:
            raise LogError(", ".join(self._files[:3]), "has a header but no rows.", "Check the path in the declaration.")
        for gap in gaps.values():
            gap.check(rows)
        return pa.concat_tables(kept)

    def _widen(self, conflict: TypeConflictError) -> None:
        found = self._found[conflict.file]
        wider = {name: unify(found.get(name, pa.null()), kind, name, conflict.file) for name, kind in conflict.types.items()}
        if all(found.get(name) == kind for name, kind in wider.items()):
            raise LogError(conflict.file, f"columns {sorted(wider)} cannot be read as {', '.join(map(str, wider.values()))}.", "Check their values.")
        found.update(wider)

    def _first_types(self, file: str) -> Types:
        kind = format_of(file)
        if kind == "csv":
            return csv_blocks.first_types(file, self._layout.delimiter)
        if kind == "parquet":
            return parquet_blocks.first_types(file)
        for table in jsonl_blocks.blocks(file):
            return {field.name: plain_type(field.type, field.name, file) for field in table.schema}
        raise LogError(file, "is empty, needs one JSON object per line.", "Remove the file or write it again.")

    def _role_type(self, name: str) -> pa.DataType | None:
        if name in self._layout.all_ids:
            return pa.string()
        return pa.int64() if name == self._layout.time else None

    def _raw_blocks(self, types: Types, columns: tuple[str, ...] | None) -> collections.abc.Iterator[tuple[str, int, pa.RecordBatch]]:
        """File, number of the first row in it (from 1) and the rows as the file has them."""
        for file in self._files:
            row = 1
            for batch in self._file_blocks(file, types, columns):
                yield file, row, batch
                row += batch.num_rows

    def _file_blocks(self, file: str, types: Types, columns: tuple[str, ...] | None) -> Batches:
        kind = format_of(file)
        if kind == "csv":
            yield from csv_blocks.blocks(file, self._layout.delimiter, self._csv_types(file, types))
        elif kind == "parquet":
            yield from parquet_blocks.blocks(file, columns)
        else:
            for table in jsonl_blocks.blocks(file):
                self._check_types(file, table.schema, types)
                yield from table.combine_chunks().to_batches()

    def _csv_types(self, file: str, types: Types) -> Types:
        """Ids are read as text, as the file spells them ("007"); times in the type found, for their parser."""
        found = self._found[file]
        text = {name: kind if pa.types.is_binary(kind) else pa.string() for name, kind in found.items() if name in self._layout.all_ids}
        return {name: text.get(name, kind if name == self._layout.time else types[name]) for name, kind in found.items()}

    def _check_types(self, file: str, schema: pa.Schema, types: Types) -> None:
        """Raises `TypeConflictError` for the columns of a block that are new or do not fit."""
        found = {field.name: plain_type(field.type, field.name, file) for field in schema}
        roles = {name: self._role_type(name) or kind for name, kind in found.items()}
        wider = {name: found[name] for name, kind in roles.items() if unify(types.get(name, pa.null()), kind, name, file) != types.get(name)}
        if wider:
            raise TypeConflictError(file, wider)

    def _unified(self, file: str, raw: pa.RecordBatch, types: Types, columns: tuple[str, ...]) -> pa.RecordBatch:
        present = {name: at for at, name in enumerate(raw.schema.names)}
        arrays = []
        for name in columns:
            kind = types.get(name, pa.null())
            arrays.append(self._column(file, name, raw.column(present[name]), kind) if name in present else pa.nulls(raw.num_rows, kind))
        return pa.RecordBatch.from_arrays(arrays, list(columns))

    def _column(self, file: str, name: str, values: pa.Array, kind: pa.DataType) -> pa.Array:
        try:
            if self._role_type(name) is None:
                return cast_column(values, kind)
            plain = cast_column(values, plain_type(values.type, name, file))
            if name == self._layout.time:
                return to_microseconds(plain, self._layout.time_unit)
            return id_texts(plain, name, file, was_float=pa.types.is_float64(self._found[file].get(name, kind)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise LogError(file, f"column {name!r} cannot be read as {kind}: {error}.", "Check its values.") from error
