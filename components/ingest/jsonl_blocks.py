"""Reads JSON lines block by block; every block finds the types of its own columns.

pyarrow parses a block of lines at once. Two of its habits are undone here: text that looks like a time stays text, and
a block it refuses is read line by line in Python, slower: lines that are no JSON objects are told to the caller and
left out, and a column whose JSON type changes (7, then "7") becomes text.
"""

import collections.abc
import gzip
import json
import sys
import typing
import zlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from components.errors import LogError
from components.ingest.csv_blocks import OnBroken, ignore

_BLOCK_BYTES = 8 << 20
_BEYOND_INT64 = 2.0**63
_ALL = sys.maxsize
_BOM = b"\xef\xbb\xbf"


def blocks(
    path: str, on_broken: OnBroken = ignore, span: tuple[int, int] | None = None
) -> collections.abc.Iterator[tuple[int, pa.Table]]:
    """Yields the rows of a file in tables, each with its first byte; a table may lack columns that none of its lines has.

    Args:
      path: of the file.
      on_broken: told of each line that is no JSON object, before the table of the rows around it comes; its number
        counts from the first line read.
      span: the bytes to read, between two tables of the entire file; None for all.

    Raises:
      LogError: for a file that cannot be read.
    """
    stamps: set[str] = set()
    row = 1
    for start, lines in _line_blocks(path, span):
        table, broken = _parse_fast(lines, stamps), 0
        if table is None:
            good, bad = _read_lines(lines)
            for number, text in bad:
                on_broken(row + number, text)
            table, broken = _table(good, stamps), len(bad)
        row += table.num_rows + broken
        yield start, table


def _line_blocks(path: str, span: tuple[int, int] | None) -> collections.abc.Iterator[tuple[int, bytes]]:
    """Yields complete lines, about eight megabytes at a time, with their first byte."""
    start, end = span or (0, _ALL)
    try:
        with gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb") as file:
            file.seek(start)
            while start < end and (chunk := file.read(_BLOCK_BYTES)):
                block = chunk + file.readline()
                lines = block.removeprefix(_BOM)
                if lines.strip():
                    yield start, lines
                start += len(block)
    except (OSError, EOFError, zlib.error) as error:
        if path.lower().endswith(".gz") and isinstance(error, EOFError | zlib.error):
            raise LogError(
                path, f"is cut off or damaged: its gzip stream does not end ({error}).", "Copy it again."
            ) from error
        raise LogError(path, f"cannot be read: {error}.", "Write the file again.") from error


def _parse_fast(lines: bytes, stamps: set[str]) -> pa.Table | None:
    """Returns the table that pyarrow parses, None if it refuses; adds the columns it reads as times to `stamps`."""
    try:
        lines.decode()  # pyarrow would pass other bytes on
        table = _parse(lines, stamps)
        timestamps = {field.name for field in table.schema if pa.types.is_timestamp(field.type)}
        if timestamps:
            stamps |= timestamps
            table = _parse(lines, stamps)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if table.num_columns and not any(map(_holds_large_floats, table.columns)) else None


def _holds_large_floats(column: pa.ChunkedArray) -> bool:
    """Returns whether a column may hold integers beyond int64, which pyarrow reads as floats: they could be ids."""
    if pa.types.is_struct(column.type):
        return any(
            _holds_large_floats(pa.chunked_array([part], part.type))
            for chunk in column.chunks
            for part in chunk.flatten()
        )
    return pa.types.is_float64(column.type) and bool(pc.any(pc.greater_equal(pc.abs(column), _BEYOND_INT64)).as_py())


def _parse(lines: bytes, texts: set[str]) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in sorted(texts)])
    read = pa_json.ReadOptions(block_size=len(lines) + 1, use_threads=False)
    return pa_json.read_json(
        pa.BufferReader(lines), read_options=read, parse_options=pa_json.ParseOptions(explicit_schema=schema)
    )


def _read_lines(lines: bytes) -> tuple[list[tuple[bytes, dict]], list[tuple[int, str]]]:
    """Returns the objects with their lines, and the errors with their row numbers, without blank lines."""
    good, bad = [], []
    for place, line in enumerate(filter(bytes.strip, lines.split(b"\n"))):
        row = _object(line)
        if row is None:
            bad.append((place, line.decode(errors="backslashreplace")))
        else:
            good.append((line, row))
    return good, bad


def _table(good: list[tuple[bytes, dict]], stamps: set[str]) -> pa.Table:
    """Returns the table of the valid lines; if pyarrow still refuses them, built from the objects."""
    table = _parse_fast(b"\n".join(line for line, _ in good), stamps) if good else pa.table({})
    if table is not None and table.num_rows == len(good):
        return table
    names = dict.fromkeys(name for _, row in good for name in row)
    return pa.table({name: _column([row.get(name) for _, row in good]) for name in names})


def _object(line: bytes) -> dict | None:
    """Returns the object that a line holds, if it has at least one column and names each column once."""
    try:
        row = json.loads(line.decode(), object_pairs_hook=_check_names)
        if b"\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and row else None


def _check_names(pairs: list[tuple[str, typing.Any]]) -> dict[str, typing.Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a name is there twice")
    return row


def _column(values: list) -> pa.Array:
    """Returns the values as one column; where types differ, scalars become text, also inside objects and lists."""
    for attempt in (values, [_with_texts(value) for value in values]):
        try:
            column = pa.array(attempt)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            continue
        if not pa.types.is_uint64(column.type):
            return column
    return pa.array(
        [value if value is None or isinstance(value, str) else json.dumps(value) for value in values], pa.string()
    )


def _with_texts(value: typing.Any) -> typing.Any:
    if isinstance(value, dict):
        return {name: _with_texts(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_texts(part) for part in value]
    return value if value is None or isinstance(value, str) else json.dumps(value)
