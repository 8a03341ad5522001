"""The first rows of a log or a catalogue, column by column: what a declaration is proposed from."""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.errors import LogError, SettingsError
from components.ingest import csv_form
from components.ingest.column_types import TypeConflictError
from components.ingest.log_files import check_literal, format_of
from components.ingest.log_reader import LogReader
from components.ingest.spans import input_files
from pipeline.onboarding import lenient_log, partitions
from pipeline.onboarding.column_profile import MOST_LISTED, Column

SAMPLE_ROWS = 50_000
# Of a catalogue: whether a column holds the items of the log is told by all of it.
CATALOGUE_ROWS = 1_000_000
_WILD = frozenset("*?[{")


@dataclasses.dataclass(frozen=True)
class Sample:
    """The first rows.

    Attributes:
      base: the folder where the log lies; relative paths of the declaration start there.
      name: of the file or folder in it, or the pattern of the files below it.
      files: the files it stands for.
      delimiter: of CSV files.
      columns: by name, in the order of the file; without those that have no name.
      rows: how many rows the sample has.
      item: the list column whose elements are the rows; None for a row per row of the file.
      ignored: nested columns of which nothing can be read, with their types.
      spans: how many days the partition folders of the log cover; None where it has none.
    """

    base: Path
    name: str
    files: tuple[str, ...]
    delimiter: str
    columns: dict[str, Column]
    rows: int
    item: str | None = None
    ignored: Mapping[str, pa.DataType] = dataclasses.field(default_factory=dict)
    spans: int | None = None

    def explode(self, item: str) -> "Sample":
        """Returns the sample with a row per element of a list column."""
        sample = _sample(self.base, self.name, self.files, self.delimiter, self.rows, item)
        return dataclasses.replace(sample, spans=self.spans)

    def drop(self, names: Collection[str]) -> "Sample":
        """Returns the sample without the columns that a person names.

        Raises:
          SettingsError: for a name that no column has.
        """
        for name in names:
            if name not in self.columns:
                raise SettingsError("--drop", name, f"a column of {self.name} ({', '.join(self.columns)})")
        return self.without(names)

    def without(self, names: Collection[str]) -> "Sample":
        """Returns the sample without some columns."""
        return dataclasses.replace(
            self, columns={name: column for name, column in self.columns.items() if name not in names}
        )


def read(path: Path, rows: int = SAMPLE_ROWS) -> Sample:
    """Returns the first rows of a file, or of the files of a folder or pattern in the order of their names.

    Args:
      path: of a file or a folder, or a pattern: `days/*.csv`, `days/{YYYY}-{MM}-{DD}/*.csv`.
      rows: how many.

    Raises:
      LogError: if there is nothing to read.
    """
    path = path.expanduser().absolute()
    if path.exists():
        check_literal(str(path))
    base, name = _locate(path)
    pattern = partitions.pattern_of(path) if path.is_dir() else None
    if pattern:
        name = f"{name}/{pattern[0]}"
    files = input_files(name, str(base), pattern[1] if pattern else None)
    sample = _sample(base, name, files, lenient_log.delimiter_of(files[0]), rows, None)
    return dataclasses.replace(sample, spans=pattern[1] if pattern else None)


def _sample(base: Path, name: str, files: tuple[str, ...], delimiter: str, rows: int, item: str | None) -> Sample:
    """Returns the first rows of some files; see `Sample`."""
    csv_form.check(files[0])
    reader = lenient_log.reader(files, (), delimiter, item)
    table = _head(reader, rows)
    if not table.num_rows:
        raise LogError(", ".join(files[:3]), "has a header but no rows.", "Give a log with some events in it.")
    csv_form.check_encoding(files[0], table.schema)
    ids = tuple(field.name for field in table.schema if _may_hold_ids(field.type))
    spelled = _head(lenient_log.reader(files, ids, delimiter, item), rows)
    # Only CSV has a spelling of its own for a number or a yes: True and 1.0, where other files hold true and 1.
    coded = [field.name for field in table.schema if format_of(files[0]) == "csv" and _may_be_codes(table, field)]
    texts = _head(lenient_log.reader(files, (), delimiter, item, coded), rows) if coded else table
    # An index that a data frame wrote has no name, and a declaration cannot name it.
    columns = {
        name: Column(
            name,
            _flat(table[name]),
            _flat(spelled[name]) if name in ids else None,
            _flat(texts[name]) if name in coded else None,
        )
        for name in table.schema.names
        if name
    }
    return Sample(base, name, files, delimiter, columns, table.num_rows, item, reader.ignored)


def _may_hold_ids(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind)
    )


def _may_be_codes(table: pa.Table, field: pa.Field) -> bool:
    """Returns whether a column holds a few numbers, or true and false: codes of events or answers."""
    kind = field.type
    is_code = pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(is_code and pc.count_distinct(table[field.name]).as_py() <= MOST_LISTED)


def _locate(path: Path) -> tuple[Path, str]:
    """Returns the folder without wildcards and the rest; of a plain path its own folder and its name."""
    first_wild = next((at for at, part in enumerate(path.parts) if not _WILD.isdisjoint(part)), len(path.parts) - 1)
    return Path(*path.parts[:first_wild]), "/".join(path.parts[first_wild:])


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """`combine_chunks` gives a chunked array where there was no chunk or several, depending on pyarrow's version."""
    values = column.combine_chunks()
    return pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values


def _head(reader: LogReader, rows: int) -> pa.Table:
    try:
        return _first_batches(reader, rows)
    except TypeConflictError:
        reader.settle(tuple(reader.types)[:1])
        return _first_batches(reader, rows)


def _first_batches(reader: LogReader, rows: int) -> pa.Table:
    schema = pa.schema(list(reader.types.items()))
    batches, count = [], 0
    for batch in reader.batches():
        batches.append(batch)
        count += batch.num_rows
        if count >= rows:
            break
    return pa.Table.from_batches(batches, schema).slice(0, rows)
