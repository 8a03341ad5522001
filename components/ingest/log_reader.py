"""Reads a log or a catalogue of many files and formats as batches of one schema, without the rows that are wrong.

Ids come out as text, the time as int64 microseconds, every other column in the one type that holds its values in all
files. Types are guessed from the first block of each file; `settle` reads everything once and widens a guess that
fails, so that what a person sees is the schema gate's word on the type and not a parser's. The same pass finds the rows
that are wrong (`row_checks`).
"""

import collections
import collections.abc
import copy

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import LogError
from components.ingest import file_rows, row_checks
from components.ingest.column_types import TypeConflictError, Types, cast_column, id_texts, plain_type, unify
from components.ingest.event_time import NUMBER_TEXT, to_microseconds
from components.ingest.file_rows import Piece, Rows
from components.ingest.log_files import format_of
from components.ingest.log_layout import Layout, check_columns
from components.ingest.quarantine import Quarantine
from components.ingest.row_checks import UNREADABLE_LINE, RowChecks, SetAside

Batches = collections.abc.Iterator[pa.RecordBatch]


class LogReader:
    """The rows of several files as batches of one schema.

    Example:
      reader = LogReader(find_files(folder, "*.csv"), Layout.of_log(launch.log))
      keys = reader.settle((log.time, log.event))   # first pass: some columns of the whole log
      for batch in reader.batches(): ...            # second pass: all columns, the same rows in the same order

    Attributes:
      set_aside: after `settle`, how many rows were read and how many of them are wrong, per reason; neither pass
        returns those.
    """

    def __init__(self, files: collections.abc.Sequence[str], layout: Layout):
        """Looks at the first block of each file.

        Raises:
          LogError: if a file cannot be read or lacks an id or time column.
        """
        self._files, self._layout = tuple(files), layout
        self._pieces = tuple(map(Piece, self._files))
        self._checks = RowChecks(layout)
        self._codes: np.ndarray | None = None
        self._settled: Types | None = None
        self._rows_of: collections.Counter[str] = collections.Counter()
        self._broken_of: collections.Counter[str] = collections.Counter()
        self.set_aside = SetAside(0, {})
        self._found: dict[str, Types] = {file: file_rows.first_types(file, layout.delimiter) for file in self._files}
        for file, found in self._found.items():
            check_columns(file, layout.needed, found)

    @property
    def types(self) -> Types:
        """The columns of the log and their types, in the order of their first appearance."""
        if self._settled is not None:
            return self._settled
        types: Types = {}
        for file, found in self._found.items():
            for name, kind in found.items():
                types[name] = unify(types.get(name, pa.null()), self._role_type(name, kind), name, file)
        return types

    def settle(self, columns: collections.abc.Sequence[str]) -> pa.Table:
        """Reads all files once: settles the types, finds the rows that are wrong, and keeps the columns asked for in memory.

        Args:
          columns: those to return.

        Returns:
          [rows] the columns, in the order in which `batches` gives the rows.

        Raises:
          LogError: if a declared column is in no file, a column cannot be read, or there is no row.
        """
        self._settled = None
        try:
            table = self._collect(columns)
        except TypeConflictError as conflict:
            self._widen(conflict)
        else:
            self._settled = self.types
            return table
        return self.settle(columns)

    def parts(self) -> list["LogReader"]:
        """After `settle`, a reader for each file and each row group of a Parquet file: their `batches`, one after the other, are this one's."""
        assert self._codes is not None
        found, at = [], 0
        for piece, rows in (piece for file in self._files for piece in file_rows.pieces(file, self._rows_of[file])):
            part = copy.copy(self)
            part._pieces, part._files, part._found = (piece,), (piece.file,), {piece.file: self._found[piece.file]}
            part._codes = self._codes[at : at + rows]
            part.set_aside = self._counted(part._codes, self._broken_of[piece.file])
            found.append(part)
            at += rows
        return found

    def batches(self, quarantine: Quarantine | None = None) -> Batches:
        """All columns of all rows that are right, after `settle`.

        Args:
          quarantine: where the others go.

        Raises:
          LogError: if the rows are not those of the first pass.
        """
        types, at = self.types, 0
        keep_line = quarantine.add_line if quarantine else _ignore
        for rows in self._raw_rows(types, None, keep_line):
            batch = self._unified(rows, types, tuple(types))
            codes = self._codes_of(at, batch.num_rows)
            at += batch.num_rows
            wrong = np.flatnonzero(codes)
            if quarantine and len(wrong):
                reasons = [self._checks.reasons[code] for code in codes[wrong]]
                quarantine.add_rows(rows.file, rows.numbers[wrong], reasons, rows.raw.take(pa.array(wrong)))
            yield batch.filter(pa.array(codes == 0)) if len(wrong) else batch

    def _codes_of(self, start: int, count: int) -> np.ndarray:
        if self._codes is None:
            return np.zeros(count, np.int8)
        codes = self._codes[start : start + count]
        if len(codes) < count:
            raise LogError(
                ", ".join(self._files[:3]),
                "has more rows than when it was first read.",
                "Run again when nobody writes to it.",
            )
        return codes

    def _collect(self, columns: collections.abc.Sequence[str]) -> pa.Table:
        types, kept, codes = self.types, [], [np.zeros(0, np.int8)]
        self._rows_of, self._broken_of = collections.Counter(), collections.Counter()
        compared = tuple(types) if self._layout.unique else ()
        wanted = tuple(dict.fromkeys((*self._layout.checked, *columns, *compared)))

        def count_broken(file: str, *_: object) -> None:
            self._broken_of[file] += 1

        for rows in self._raw_rows(types, wanted, count_broken):
            batch = self._unified(rows, types, wanted)
            codes.append(self._checks.codes(rows.raw, batch))
            self._rows_of[rows.file] += batch.num_rows
            kept.append(pa.Table.from_batches([batch]).select(list(dict.fromkeys((*columns, *compared)))))
        check_columns(", ".join(self._files[:3]), self._layout.declared, self.types)
        self._codes = np.concatenate(codes)
        if not len(self._codes) + self._broken_of.total():
            raise LogError(
                ", ".join(self._files[:3]), "has a header but no rows.", "Check the path in the declaration."
            )
        return self._right_rows(kept, columns, compared)

    def _right_rows(
        self, kept: list[pa.Table], columns: collections.abc.Sequence[str], compared: tuple[str, ...]
    ) -> pa.Table:
        """Marks repeated rows, counts, and leaves the wrong rows out."""
        assert self._codes is not None
        none = pa.table(
            {name: pa.nulls(0, self.types.get(name, pa.null())) for name in dict.fromkeys((*columns, *compared))}
        )
        table = pa.concat_tables(kept) if kept else none
        if compared:
            self._codes[(self._codes == 0) & row_checks.repeated(table.select(list(compared)))] = (
                len(self._checks.reasons) - 1
            )
        self.set_aside = self._counted(self._codes, self._broken_of.total())
        table = table.select(list(columns))
        return table.filter(pa.array(self._codes == 0)) if columns and self._codes.any() else table

    def _counted(self, codes: np.ndarray, broken: int) -> SetAside:
        """Rows and lines per reason."""
        found = np.bincount(codes, minlength=len(self._checks.reasons)).tolist()
        counts = dict(zip(self._checks.reasons[1:], found[1:], strict=True)) | {UNREADABLE_LINE: broken}
        return SetAside(len(codes) + broken, {reason: count for reason, count in counts.items() if count})

    def _widen(self, conflict: TypeConflictError) -> None:
        found = self._found[conflict.file]
        wider = {
            name: unify(found.get(name, pa.null()), kind, name, conflict.file) for name, kind in conflict.types.items()
        }
        if all(found.get(name) == kind for name, kind in wider.items()):
            raise LogError(
                conflict.file,
                f"columns {sorted(wider)} cannot be read as {', '.join(map(str, wider.values()))}.",
                "Check their values.",
            )
        found.update(wider)

    def _role_type(self, name: str, kind: pa.DataType) -> pa.DataType:
        """The type that a column of this type comes out as."""
        if name in self._layout.all_ids:
            return pa.string()
        if name == self._layout.time:
            return pa.int64()
        # Among numbers, a text is a value that is wrong, not a reason to make texts of all.
        return pa.float64() if name == self._layout.value and pa.types.is_string(kind) else kind

    def _raw_rows(
        self, types: Types, columns: tuple[str, ...] | None, on_broken: collections.abc.Callable[[str, int, str], None]
    ) -> collections.abc.Iterator[Rows]:
        for piece in self._pieces:
            file = piece.file
            is_csv = format_of(file) == "csv"

            def broken(number: int, line: str, file: str = file) -> None:
                on_broken(file, number, line)

            for rows in file_rows.rows(
                piece, self._layout.delimiter, self._csv_types(file, types) if is_csv else {}, columns, broken
            ):
                if format_of(file) == "jsonl":
                    self._check_types(file, rows.raw.schema, types)
                yield rows

    def _csv_types(self, file: str, types: Types) -> Types:
        """Ids are read as text, as the file spells them ("007"); times and values in the type found, for their parser."""
        found = self._found[file]
        parsed = (self._layout.time, self._layout.value)
        text = {
            name: kind if pa.types.is_binary(kind) else pa.string()
            for name, kind in found.items()
            if name in self._layout.all_ids
        }
        return {name: text.get(name, kind if name in parsed else types[name]) for name, kind in found.items()}

    def _check_types(self, file: str, schema: pa.Schema, types: Types) -> None:
        """Raises `TypeConflictError` for the columns of a block that are new or do not fit."""
        found = {field.name: plain_type(field.type, field.name, file) for field in schema}
        roles = {name: self._role_type(name, kind) for name, kind in found.items()}
        wider = {
            name: found[name]
            for name, kind in roles.items()
            if unify(types.get(name, pa.null()), kind, name, file) != types.get(name)
        }
        if wider:
            raise TypeConflictError(file, wider)

    def _unified(self, rows: Rows, types: Types, columns: tuple[str, ...]) -> pa.RecordBatch:
        raw = rows.raw
        present = {name: at for at, name in enumerate(raw.schema.names)}
        arrays = []
        for name in columns:
            kind = types.get(name, pa.null())
            arrays.append(
                self._column(rows.file, name, raw.column(present[name]), kind)
                if name in present
                else pa.nulls(raw.num_rows, kind)
            )
        return pa.RecordBatch.from_arrays(arrays, list(columns))

    def _column(self, file: str, name: str, values: pa.Array, kind: pa.DataType) -> pa.Array:
        layout = self._layout
        try:
            if name not in (*layout.all_ids, layout.time, layout.value):
                return cast_column(values, kind)
            plain = cast_column(values, plain_type(values.type, name, file))
            if name == layout.time:
                return to_microseconds(plain, layout.time_unit)
            if name == layout.value:
                return _number(plain, kind)
            return id_texts(plain, name, file, was_float=pa.types.is_float64(self._found[file].get(name, kind)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise LogError(file, f"column {name!r} cannot be read as {kind}: {error}.", "Check its values.") from error


def _number(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of numbers; null for a text that is none."""
    if not (pa.types.is_string(values.type) and pa.types.is_floating(kind)):
        return cast_column(values, kind)
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.match_substring_regex(trimmed, NUMBER_TEXT), trimmed, pa.scalar(None, pa.string())).cast(kind)


def _ignore(file: str, number: int, line: str) -> None:
    """For a second pass without a quarantine."""
