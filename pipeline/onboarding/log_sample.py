"""The first rows of a log or a catalogue, column by column: what a declaration is proposed from."""

import dataclasses
from pathlib import Path

import pyarrow as pa

from components.errors import LogError
from components.ingest.column_types import TypeConflictError
from components.ingest.log_reader import LogReader
from components.ingest.spans import input_files
from pipeline.onboarding import lenient_log
from pipeline.onboarding.column_profile import Column

SAMPLE_ROWS = 50_000
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
    """

    base: Path
    name: str
    files: tuple[str, ...]
    delimiter: str
    columns: dict[str, Column]
    rows: int


def read(path: Path, rows: int = SAMPLE_ROWS) -> Sample:
    """The first rows of a file, or of the files of a folder or pattern in the order of their names.

    Args:
      path: of a file or a folder, or a pattern: `days/*.csv`, `days/{YYYY}-{MM}-{DD}/*.csv`.
      rows: how many.

    Raises:
      LogError: if there is nothing to read.
    """
    base, name = _located(path.expanduser().absolute())
    files = input_files(name, str(base))
    delimiter = lenient_log.delimiter_of(files[0])
    table = _head(lenient_log.reader(files, (), delimiter), rows)
    if not table.num_rows:
        raise LogError(", ".join(files[:3]), "has a header but no rows.", "Give a log with some events in it.")
    # An index that a data frame wrote has no name, and a declaration cannot name it.
    columns = {name: Column(name, table[name].combine_chunks()) for name in table.schema.names if name}
    return Sample(
        base, name, files, delimiter, {name: _flat(column) for name, column in columns.items()}, table.num_rows
    )


def _located(path: Path) -> tuple[Path, str]:
    """The folder that surely exists and the rest; of a plain path its own folder and its name."""
    first_wild = next((at for at, part in enumerate(path.parts) if not _WILD.isdisjoint(part)), len(path.parts) - 1)
    return Path(*path.parts[:first_wild]), "/".join(path.parts[first_wild:])


def _flat(column: Column) -> Column:
    """`combine_chunks` gives a chunked array where there was no chunk or several, depending on pyarrow's version."""
    values = column.values
    return Column(column.name, pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values)


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
