"""Reads a log or a catalogue as it is, gaps and all, for those who look at it before the pipeline does.

The readers are those of ExampleGen, so that what is seen here is what a run will see; but a row without an id or a time
is kept, to be counted and shown instead of ending everything.
"""

from collections.abc import Sequence

import pyarrow as pa

from components.ingest.log_files import format_of
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader

_DELIMITERS = (",", "\t", ";", "|")
_HEAD_BYTES = 1 << 16


class LenientLayout(Layout):
    """A layout that needs no value in any row."""

    @property
    def needed(self) -> tuple[str, ...]:
        """No column."""
        return ()


def reader(files: Sequence[str], ids: Sequence[str], delimiter: str) -> LogReader:
    """The files as one table in the making.

    Args:
      files: of the log or the catalogue.
      ids: columns that are read as text, as the file spells them; the others come in their own type.
      delimiter: of CSV files.
    """
    return LogReader(files, LenientLayout(tuple(ids), (), delimiter=delimiter))


def read(files: Sequence[str], ids: Sequence[str], columns: Sequence[str], delimiter: str) -> pa.Table:
    """The columns of all rows; one that is in no file is all null.

    Raises:
      LogError: if a file cannot be read, an id is no id, or there is no row.
    """
    return reader(files, ids, delimiter).settle(columns)


def delimiter_of(file: str) -> str:
    """The delimiter of a CSV file: the one that its first line has most of; a comma if it has none."""
    if format_of(file) != "csv" or file.endswith(".gz"):
        return "\t" if file.removesuffix(".gz").endswith((".tsv", ".inter", ".item")) else ","
    with open(file, "rb") as opened:
        line = opened.read(_HEAD_BYTES).partition(b"\n")[0].decode("utf-8", "replace")
    return max(_DELIMITERS, key=line.count)
