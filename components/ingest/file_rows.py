"""The rows of one file, whatever its format, with their numbers: messages name them, so that people find a row."""

import collections.abc
import typing
import zipfile

import numpy as np
import pyarrow as pa

from components.errors import LogError
from components.ingest import csv_blocks, jsonl_blocks, nested, parquet_blocks
from components.ingest.column_types import Types, plain_type
from components.ingest.csv_blocks import OnBroken
from components.ingest.file_pieces import Piece
from components.ingest.log_files import format_of

_GZIP = b"\x1f\x8b"
_WRITE_PARQUET = "Write it as Parquet; read are CSV, JSONL and Parquet."
_DOWNLOAD = "Download the data itself: a site answers with a page where it asks for a login."
# What people name .csv or .json by mistake, by its first bytes.
_NOT_TEXT = {
    b"PAR1": ("a Parquet file", "Give it a name that ends in .parquet."),
    _GZIP: ("packed with gzip", "Give it a name that ends in .gz."),
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"ARROW1\x00\x00": ("a Feather file", _WRITE_PARQUET),
    b"Obj\x01": ("an Avro file", _WRITE_PARQUET),
    b"SQLite format 3\x00": ("an SQLite database", "Export the table as CSV."),
    b"BZh": ("packed with bzip2", "Unpack it: bunzip2 FILE."),
    b"\xfd7zXZ\x00": ("packed with xz", "Unpack it: unxz FILE."),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "Unpack it: unzstd FILE."),
    b"\xff\xfe": ("UTF-16 text", "Save it as UTF-8."),
    b"\xfe\xff": ("UTF-16 text", "Save it as UTF-8."),
    b"<!DOCTYPE": ("a web page", _DOWNLOAD),
    b"<!doctype": ("a web page", _DOWNLOAD),
    b"<html": ("a web page", _DOWNLOAD),
    b"<?xml": ("an XML document", "Export the table as CSV, or download the data itself."),
    b"version https://git-lfs": ("the pointer of a Git LFS file", "Fetch the file itself: git lfs pull."),
}


class Rows(typing.NamedTuple):
    """Some rows of a file.

    Attributes:
      file: the file.
      numbers: [rows] int64, from 1, without the header; lines that are no rows are counted as well.
      raw: [rows] as the file has them.
      mark: of the block that they are from, see `file_pieces`.
      first: how many rows of the file come before them, with lines that are no rows.
    """

    file: str
    numbers: np.ndarray
    raw: pa.RecordBatch
    mark: int = 0
    first: int = 0


class Columns(typing.NamedTuple):
    """The columns of a file.

    Attributes:
      types: of each column, nested ones opened.
      ignored: nested columns of which nothing is read, with the file's own type.
    """

    types: Types
    ignored: dict[str, pa.DataType]


def first_columns(file: str, delimiter: str, named: nested.Names | None) -> Columns:
    """Returns the columns of a file and their types, by its schema or its first block.

    Args:
      file: the file.
      delimiter: of CSV.
      named: the nested columns to open; None for all.

    Raises:
      LogError: if the file is empty, holds something else than its name says, or cannot be read.
    """
    kind = format_of(file)
    check_content(file, kind)
    if kind == "csv":
        return Columns(csv_blocks.first_types(file, delimiter), {})
    if kind == "parquet":
        return _convert_types(file, parquet_blocks.first_schema(file), named)
    for _, table in jsonl_blocks.blocks(file):
        if table.num_columns:
            return _convert_types(file, table.schema, named)
    raise LogError(
        file, "holds no JSON object, needs one per line.", "Write each row as an object on a line of its own."
    )


def _convert_types(file: str, schema: pa.Schema, named: nested.Names | None) -> Columns:
    leaves, ignored = nested.leaf_types(schema, named)
    return Columns({name: plain_type(kind, name, file) for name, kind in leaves.items()}, ignored)


def check_content(file: str, kind: str) -> None:
    """Looks at the first bytes of a file.

    Raises:
      LogError: if it should be text and is none.
    """
    if kind == "parquet":
        return
    with open(file, "rb") as opened:
        start = opened.read(max(map(len, _NOT_TEXT)))
    if file.lower().endswith(".gz"):
        if start and not start.startswith(_GZIP):
            raise LogError(
                file, "is not a gzip file, although its name ends in .gz.", "Copy it again, or rename it without .gz."
            )
        return
    if start.startswith(b"PK\x03\x04") and zipfile.is_zipfile(file):
        names = zipfile.ZipFile(file).namelist()
        if not any(name.startswith(("xl/", "content.xml")) for name in names):
            held = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            raise LogError(
                file,
                f"is a zip archive of {len(names)} files ({held}), needs {kind.upper()} as text.",
                "Unpack it and name the file.",
            )
    for first, (what, fix) in _NOT_TEXT.items():
        if start.startswith(first):
            raise LogError(file, f"is {what}, needs {kind.upper()} as text.", fix)


def rows(
    piece: Piece,
    delimiter: str,
    types: Types,
    columns: nested.Names | None,
    named: nested.Names | None,
    on_broken: OnBroken,
) -> collections.abc.Iterator[Rows]:
    """Yields the rows of a piece in batches, with nested columns opened.

    Args:
      piece: a file or a part of one.
      delimiter: of CSV.
      types: of every column of the file that is read.
      columns: what Parquet reads of them; None for all.
      named: the nested columns of JSON to open; None for all.
      on_broken: told of each line that is no row.

    Raises:
      TypeConflictError: if a CSV column needs a wider type.
      LogError: if the file cannot be read on.
    """
    skipped: list[int] = []

    def broken(number: int, line: str) -> None:
        skipped.append(number)
        on_broken(piece.first + number, line)

    good, before = 0, 0
    for mark, raw in _batches(piece, delimiter, types, columns, named, broken):
        yield Rows(piece.file, piece.first + _numbers(good, raw.num_rows, skipped), raw, mark, piece.first + before)
        good += raw.num_rows
        before = good + len(skipped)


def _batches(
    piece: Piece,
    delimiter: str,
    types: Types,
    columns: nested.Names | None,
    named: nested.Names | None,
    on_broken: OnBroken,
) -> collections.abc.Iterator[tuple[int, pa.RecordBatch]]:
    """Yields batches, each with the mark of its block: the row group of Parquet, the first byte of JSON lines, 0 for CSV."""
    kind = format_of(piece.file)
    if kind == "csv":
        for batch in csv_blocks.blocks(piece.file, delimiter, types, on_broken, piece.span):
            yield 0, batch
    elif kind == "parquet":
        chosen = [name for name in types if columns is None or name in columns]
        for group, batch in parquet_blocks.blocks(piece.file, chosen, piece.group):
            yield group, nested.open_columns(batch, chosen)
    else:
        for start, table in jsonl_blocks.blocks(piece.file, on_broken, piece.span):
            # A block without a row is told, too: its broken lines are its own.
            for batch in table.combine_chunks().to_batches() or [pa.RecordBatch.from_arrays([], [])]:
                flat = not any(map(nested.is_nested, batch.schema.types))
                yield (
                    start,
                    batch if flat else nested.open_columns(batch, list(nested.leaf_types(batch.schema, named)[0])),
                )


def _numbers(first: int, count: int, skipped: list[int]) -> np.ndarray:
    """Returns the numbers of `count` rows after `first` others, where the numbers in `skipped` belong to no row."""
    places = np.arange(first, first + count)
    holes = np.unique(np.asarray(skipped, np.int64))
    rows_before = holes - np.arange(1, len(holes) + 1)
    return places + 1 + np.searchsorted(rows_before, places, side="right")
