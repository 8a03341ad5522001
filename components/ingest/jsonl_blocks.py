"""Reads JSON lines block by block; every block finds the types of its own columns.

pyarrow parses a block of lines at once. Two of its habits are undone here: text that looks like a time stays text, and a block it
refuses because a column's JSON type changes (7, then "7") is parsed by Python, slower, with that column as text.
"""

import collections.abc
import gzip
import json

import pyarrow as pa
import pyarrow.json as pa_json

from components.errors import LogError

_BLOCK_BYTES = 8 << 20


def blocks(path: str) -> collections.abc.Iterator[pa.Table]:
    """The rows of a file in tables; a table may lack columns that none of its lines has.

    Raises:
      LogError: for a file that cannot be read and a line that is no JSON object.
    """
    stamps: set[str] = set()
    first_row = 1
    for lines in _line_blocks(path):
        table = _parse_fast(lines, stamps)
        if table is None:
            table = _parse_slowly(path, first_row, lines)
        first_row += table.num_rows
        yield table


def _line_blocks(path: str) -> collections.abc.Iterator[bytes]:
    """Whole lines, about eight megabytes at a time."""
    try:
        with gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb") as file:
            while chunk := file.read(_BLOCK_BYTES):
                block = (chunk + file.readline()).removeprefix(b"\xef\xbb\xbf")
                if block.strip():
                    yield block
    except (OSError, EOFError) as error:
        raise LogError(path, f"cannot be read: {error}.", "Write the file again.") from error


def _parse_fast(lines: bytes, stamps: set[str]) -> pa.Table | None:
    """The table as pyarrow parses it; None if it refuses. `stamps` gathers the columns it takes for times, to be read as text."""
    try:
        table = _parse(lines, stamps)
        found = {field.name for field in table.schema if pa.types.is_timestamp(field.type)}
        if not found:
            return table
        stamps |= found
        return _parse(lines, stamps)
    except pa.ArrowInvalid:
        return None


def _parse(lines: bytes, texts: set[str]) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in sorted(texts)])
    read = pa_json.ReadOptions(block_size=len(lines) + 1, use_threads=False)
    return pa_json.read_json(pa.BufferReader(lines), read_options=read, parse_options=pa_json.ParseOptions(explicit_schema=schema))


def _parse_slowly(path: str, first_row: int, lines: bytes) -> pa.Table:
    rows = [_row(path, first_row + at, line) for at, line in enumerate(filter(bytes.strip, lines.split(b"\n")))]
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _row(path: str, number: int, line: bytes) -> dict:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise LogError(path, f"row {number} is not JSON ({error}), got {line[:60]!r}.", "Write one JSON object per line.") from error
    if not isinstance(row, dict):
        raise LogError(path, f"row {number} needs a JSON object, got {line[:60]!r}.", "Write one JSON object per line.")
    return row


def _column(values: list) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values], pa.string())
