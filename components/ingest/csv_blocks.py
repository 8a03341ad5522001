r"""Reads CSV files block by block, with the types the whole log agreed on.

An empty field is missing, a quoted one ("") is the empty text; "NA", "null" and the like are text. pyarrow infers types from the
first block of a file; a later block that does not fit raises `TypeConflictError`, and the reader starts again with a wider type.
"""

import collections.abc
import re

import pyarrow as pa
import pyarrow.csv as pa_csv

from components.errors import LogError
from components.ingest.column_types import TypeConflictError, Types, plain_type

_BLOCK_BYTES = 8 << 20
_KEPT = (pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.binary())


def first_types(path: str, delimiter: str) -> Types:
    """The types of the first block; dates and times stay text.

    Raises:
      LogError: for an empty or unreadable file and for a header with the same name twice.
    """
    try:
        with pa_csv.open_csv(path, **_options(delimiter, {})) as reader:
            schema = reader.schema
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise LogError(path, f"the header has {name!r} twice.", "Give each column a name of its own.")
    return {field.name: _kept(field.type, field.name, path) for field in schema}


def blocks(path: str, delimiter: str, types: Types) -> collections.abc.Iterator[pa.RecordBatch]:
    """The rows of a file in batches, every column of it.

    Args:
      path: of the file.
      delimiter: one character.
      types: of every column of the file, in the order of its header.

    Raises:
      TypeConflictError: if a column needs a wider type.
      LogError: if the file cannot be read on.
    """
    try:
        with pa_csv.open_csv(path, **_options(delimiter, types)) as reader:
            yield from reader
    except (pa.ArrowInvalid, OSError) as error:
        column = re.match(r"In CSV column #(\d+): CSV conversion error", str(error))
        if not column:
            raise _unreadable(path, error) from error
        name = list(types)[int(column.group(1))]
        raise TypeConflictError(path, {name: _whole_type(path, delimiter, name)}) from error


def _whole_type(path: str, delimiter: str, name: str) -> pa.DataType:
    """The type of one column over the whole file: unlike `open_csv`, `read_csv` widens its guess as it goes."""
    options = _options(delimiter, {})
    options["convert_options"].include_columns = [name]
    return _kept(pa_csv.read_csv(path, **options).schema.field(0).type, name, path)


def _kept(kind: pa.DataType, name: str, path: str) -> pa.DataType:
    return plain_type(kind, name, path) if kind in _KEPT else pa.string()


def _options(delimiter: str, types: Types) -> dict:
    return {
        "read_options": pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
        "parse_options": pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False),
    }


def _unreadable(path: str, error: Exception) -> LogError:
    reason = str(error).splitlines()[0]
    if "Empty CSV file" in reason:
        return LogError(path, "is empty, needs a header and rows.", "Remove the file or write it again.")
    return LogError(path, f"cannot be read as CSV: {reason[:200]}.", "Check the delimiter in the declaration, quotes and the number of fields.")
