"""Reads Parquet files in column batches."""

import collections.abc

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import LogError
from components.ingest.column_types import plain_type

_BATCH_ROWS = 1 << 16


def first_types(path: str) -> dict[str, pa.DataType]:
    """The types that the file's own schema states.

    Raises:
      LogError: if the file is no Parquet, has two columns of one name or one of a type that no example can hold.
    """
    schema = _open(path).schema_arrow
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise LogError(path, f"the schema has {name!r} twice.", "Give each column a name of its own.")
    return {field.name: plain_type(field.type, field.name, path) for field in schema}


def group_rows(path: str) -> list[int]:
    """How many rows each row group has.

    Raises:
      LogError: if the file is no Parquet.
    """
    metadata = _open(path).metadata
    return [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]


def blocks(
    path: str, columns: collections.abc.Sequence[str] | None = None, group: int | None = None
) -> collections.abc.Iterator[pa.RecordBatch]:
    """The rows of a file, or of one of its row groups, in batches, of all columns or of those named that it has.

    Raises:
      LogError: if the file is no Parquet or damaged.
    """
    file = _open(path)
    names = (
        file.schema_arrow.names if columns is None else [name for name in file.schema_arrow.names if name in columns]
    )
    groups = None if group is None else [group]
    # A dot in a name means a nested field to pyarrow, so a name with one can only be asked for with all others.
    dotted = any("." in name for name in names)
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=None if dotted else names, row_groups=groups):
            yield pa.RecordBatch.from_arrays(
                [batch.column(batch.schema.get_field_index(name)) for name in names], names
            )
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _open(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> LogError:
    return LogError(path, f"cannot be read as Parquet: {str(error).splitlines()[0][:200]}.", "Write the file again.")
