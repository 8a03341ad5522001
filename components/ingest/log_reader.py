"""Reads a log or a catalogue of many files and formats as batches of one schema, without invalid rows.

Ids come out as text, the time as int64 microseconds, every other column in the one type that holds its values in all
files. Types are guessed from the first block of each file; `settle` reads everything once and widens a guess that
fails, so that what a person sees is the schema gate's word on the type and not a parser's. The same pass finds the rows
that are wrong (`row_checks`).
"""

import collections.abc
import copy

import numpy as np
import pyarrow as pa

from components.errors import LogError
from components.ingest import file_rows, row_checks
from components.ingest.column_types import TypeConflictError, Types, plain_type, unify
from components.ingest.event_shape import EventShape
from components.ingest.file_pieces import Piece, PieceCounts
from components.ingest.file_rows import Rows
from components.ingest.log_files import format_of
from components.ingest.log_layout import Layout, check_columns
from components.ingest.quarantine import Quarantine
from components.ingest.role_columns import read_column
from components.ingest.row_checks import UNREADABLE_LINE, Quarantined, RowChecks

Batches = collections.abc.Iterator[pa.RecordBatch]


class LogReader:
    """The rows of several files as batches of one schema.

    Example:
      reader = LogReader(find_files(folder, "*.csv"), Layout.of_log(launch.log))
      keys = reader.settle((log.time, log.event))   # first pass: some columns of the entire log
      for batch in reader.batches(): ...            # second pass: all columns, the same rows in the same order

    Attributes:
      ignored: nested columns that no role names, with their types: nothing is read of them.
      quarantined: after `settle`, how many rows were read and how many of them are wrong, per reason; neither pass
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
        self._shape = EventShape(layout)
        self._codes: np.ndarray | None = None
        self._settled: Types | None = None
        self._counts = PieceCounts()
        self.quarantined = Quarantined(0, {})
        columns = {file: file_rows.first_columns(file, layout.delimiter, layout.role_names) for file in self._files}
        self._found: dict[str, Types] = {file: leaves.types for file, leaves in columns.items()}
        self.ignored: Types = {name: kind for leaves in columns.values() for name, kind in leaves.ignored.items()}
        for file, types in self._found.items():
            check_columns(file, layout.mandatory, self._shape.types(file, types), self.ignored)

    @property
    def types(self) -> Types:
        """The columns of the log and their types, in the order of their first appearance."""
        if self._settled is not None:
            return self._settled
        types: Types = {}
        for file, kinds in self._found.items():
            for name, kind in self._shape.types(file, kinds).items():
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
        """After `settle`, a reader for each piece of each file (see `file_pieces`): their `batches`, one after the other, are this one's."""
        assert self._codes is not None
        parts, at = [], 0
        for file in self._files:
            for piece, events, broken in self._counts.pieces(file):
                part = copy.copy(self)
                part._pieces, part._files, part._found = (piece,), (file,), {file: self._found[file]}
                part._codes = self._codes[at : at + events]
                part.quarantined = self._count_reasons(part._codes, broken)
                parts.append(part)
                at += events
        return parts

    def batches(self, quarantine: Quarantine | None = None) -> Batches:
        """Returns all columns of all valid rows, after `settle`.

        Args:
          quarantine: where the others go.

        Raises:
          LogError: if the rows are not those of the first pass.
        """
        types, at = self.types, 0
        keep_line = quarantine.add_line if quarantine else _pass_over
        for rows in self._raw_rows(types, None, keep_line):
            batch = self._unify_batch(rows, types, tuple(types))
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
        counts = self._counts = PieceCounts()
        compared = tuple(types) if self._layout.unique else ()
        worded = [name for name in self._layout.numbers if self._holds_text(name)]
        chosen = tuple(dict.fromkeys((*self._layout.to_check, *worded, *columns, *compared)))
        for rows in self._raw_rows(types, chosen, counts.add_broken):
            batch = self._unify_batch(rows, types, chosen)
            codes.append(self._checks.codes(rows.raw, batch))
            counts.add(rows.file, rows.mark, rows.first, batch.num_rows)
            kept.append(pa.Table.from_batches([batch]).select(list(dict.fromkeys((*columns, *compared)))))
        check_columns(", ".join(self._files[:3]), self._layout.declared, self.types, self.ignored)
        self._check_types_of_roles()
        self._codes = np.concatenate(codes)
        self._check_rows(len(self._codes) + counts.broken)
        return self._right_rows(kept, columns, compared)

    def _check_rows(self, count: int) -> None:
        if not count and not self._layout.may_be_empty:
            raise LogError(
                ", ".join(self._files[:3]), "has a header but no rows.", "Check the path in the declaration."
            )

    def _holds_text(self, name: str) -> bool:
        return any(pa.types.is_string(types.get(name, pa.null())) for types in self._found.values())

    def _check_types_of_roles(self) -> None:
        """Raises `LogError` for a declared column that is not UTF-8, or holds lists where a row has one value."""
        for name, kind in self.types.items():
            if name not in self._layout.single or name in self._layout.all_ids:
                continue
            where = f"column {name!r}"
            if pa.types.is_list(kind):
                fix = "Write one value per row; of a catalogue, name it among texts: there a list is words."
                raise LogError(where, f"holds {kind}, and a row has one value: only the first would be read.", fix)
            if pa.types.is_binary(kind) and any(format_of(file) == "csv" for file in self._files):
                raise LogError(where, "is not UTF-8.", "Save the file as UTF-8: iconv -f latin1 -t utf-8 FILE.")

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
            self._codes[(self._codes == 0) & row_checks.find_repeats(table.select(list(compared)))] = (
                len(self._checks.reasons) - 1
            )
        self.quarantined = self._count_reasons(self._codes, self._counts.broken)
        table = table.select(list(columns))
        return table.filter(pa.array(self._codes == 0)) if columns and self._codes.any() else table

    def _count_reasons(self, codes: np.ndarray, broken: int) -> Quarantined:
        """Rows and lines per reason."""
        rows = np.bincount(codes, minlength=len(self._checks.reasons)).tolist()
        counts = dict(zip(self._checks.reasons[1:], rows[1:], strict=True)) | {UNREADABLE_LINE: broken}
        expected = sum(counts[reason] for reason in self._checks.expected)
        return Quarantined(len(codes) + broken, {reason: count for reason, count in counts.items() if count}, expected)

    def _widen(self, conflict: TypeConflictError) -> None:
        kinds = self._found[conflict.file]
        wider = {
            name: unify(kinds.get(name, pa.null()), kind, name, conflict.file) for name, kind in conflict.types.items()
        }
        if all(kinds.get(name) == kind for name, kind in wider.items()):
            raise LogError(
                conflict.file,
                f"columns {sorted(wider)} cannot be read as {', '.join(map(str, wider.values()))}.",
                "Check their values.",
            )
        kinds.update(wider)

    def _role_type(self, name: str, kind: pa.DataType) -> pa.DataType:
        """Returns the type that a column of this type is converted to."""
        if name in self._layout.all_ids:
            return pa.string()
        if name == self._layout.time:
            return pa.int64()
        if name == self._layout.event or name in self._layout.words:
            return kind if pa.types.is_binary(kind) or pa.types.is_null(kind) else pa.string()
        # Among numbers, a text is a value that is wrong, not a reason to make texts of all.
        return pa.float64() if name in self._layout.to_parse and pa.types.is_string(kind) else kind

    def _raw_rows(
        self, types: Types, columns: tuple[str, ...] | None, on_broken: collections.abc.Callable[[str, int, str], None]
    ) -> collections.abc.Iterator[Rows]:
        for piece in self._pieces:
            file = piece.file
            is_csv = format_of(file) == "csv"

            def broken(number: int, line: str, file: str = file) -> None:
                on_broken(file, number, line)

            kinds = self._csv_types(file, types) if is_csv else self._found[file]
            chosen = None if columns is None else {*columns, *self._layout.fallbacks}
            for rows in file_rows.rows(piece, self._layout.delimiter, kinds, chosen, self._layout.role_names, broken):
                if format_of(file) == "jsonl":
                    self._check_types(file, rows.raw.schema, types)
                raw, numbers = self._shape.events(file, rows.raw, rows.numbers, self._found[file])
                yield rows._replace(numbers=numbers, raw=raw)

    def _csv_types(self, file: str, types: Types) -> Types:
        """Ids are read as text, as the file spells them ("007"); times and values in the type found, for their parser."""
        kinds = self._found[file]
        layout = self._layout
        spelled = (*layout.all_ids, *layout.fallbacks)
        text = {
            name: kind if pa.types.is_binary(kind) else pa.string() for name, kind in kinds.items() if name in spelled
        }
        return {name: text.get(name, kind if name in layout.to_parse else types[name]) for name, kind in kinds.items()}

    def _check_types(self, file: str, schema: pa.Schema, types: Types) -> None:
        """Raises `TypeConflictError` for the columns of a block that are new or do not fit."""
        raw = {
            field.name: plain_type(field.type, field.name, file) for field in schema if not pa.types.is_null(field.type)
        }
        raw_types = {name: kind for name, kind in self._shape.types(file, raw).items() if name in raw}
        roles = {name: self._role_type(name, kind) for name, kind in raw_types.items()}
        wider = {
            name: raw[name]
            for name, kind in roles.items()
            if unify(types.get(name, pa.null()), kind, name, file) != types.get(name)
        }
        if wider:
            raise TypeConflictError(file, wider)

    def _unify_batch(self, rows: Rows, types: Types, columns: tuple[str, ...]) -> pa.RecordBatch:
        raw = rows.raw
        present = {name: at for at, name in enumerate(raw.schema.names)}
        arrays = []
        for name in columns:
            kind = types.get(name, pa.null())
            arrays.append(
                read_column(self._layout, self._found[rows.file], rows.file, name, raw.column(present[name]), kind)
                if name in present
                else pa.nulls(raw.num_rows, kind)
            )
        return pa.RecordBatch.from_arrays(arrays, list(columns))


def _pass_over(file: str, number: int, line: str) -> None:
    """Ignores a line, in a second pass without a quarantine."""
