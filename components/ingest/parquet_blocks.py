"""Reads Parquet files in column batches."""

import collections.abc

import pyarrow as pa
import pyarrow.compute as pc

from components.errors import LogError
from components.ingest import nested
from components.safe_parquet import parquet as pq

_BATCH_ROWS = 1 << 16
_MOST = 2**63 - 1  # what an int64 holds


def first_schema(path: str) -> pa.Schema:
    """Returns the file's schema; an unsigned column beyond int64 becomes text, so that no id is lost.

    Raises:
      LogError: if the file is no Parquet, or has two columns of one name.
    """
    file = _open(path)
    schema = file.schema_arrow
    for at, field in enumerate(schema):
        if schema.names.count(field.name) > 1:
            raise LogError(path, f"the schema has {field.name!r} twice.", "Give each column a name of its own.")
        if pa.types.is_uint64(field.type) and _exceeds(file, field.name):
            schema = schema.set(at, field.with_type(pa.string()))
    return schema


def _exceeds(file: pq.ParquetFile, name: str) -> bool:
    """Returns whether an unsigned column's values exceed int64: not all writers keep its statistics."""
    batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=[name])
    return any((pc.max(batch.column(0)).as_py() or 0) > _MOST for batch in batches)


def blocks(
    path: str, columns: collections.abc.Sequence[str] | None = None, group: int | None = None
) -> collections.abc.Iterator[tuple[int, pa.RecordBatch]]:
    """Yields the rows of a file, or of one row group, in batches with their row group: all columns, or those that hold `columns`.

    Raises:
      LogError: if the file is no Parquet or damaged.
    """
    file = _open(path)
    all_names = file.schema_arrow.names
    names = all_names if columns is None else nested.top_level(columns, all_names)
    groups = range(file.metadata.num_row_groups) if group is None else [group]
    # A dot in a name means a nested field to pyarrow, so a name with one can only be asked for with all others.
    dotted = any("." in name for name in names)
    try:
        for at in groups:
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[at], columns=None if dotted else names):
                arrays = [batch.column(batch.schema.get_field_index(name)) for name in names]
                yield at, pa.RecordBatch.from_arrays(arrays, names)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _open(path: str) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
        file.schema_arrow  # noqa: B018 a pickled type is met here
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error
    except RuntimeError as error:  # see components.safe_parquet
        problem = "a column has a pickled Python type (PyExtensionType), which would run code when it is read."
        raise LogError(path, problem, "Do not trust the file; write it again with plain column types.") from error
    return file


def _unreadable(path: str, error: Exception) -> LogError:
    return LogError(
        path, f"cannot be read as Parquet: {str(error).splitlines()[0][:200].rstrip('.')}.", "Write the file again."
    )
