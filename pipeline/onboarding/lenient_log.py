"""Reads a log or a catalogue with its gaps, before the pipeline does.

The readers are those of ExampleGen, so that what is seen here is what a run will see; but a row without an id or a time
is kept, to be counted and shown instead of ending everything.
"""

import dataclasses
from collections.abc import Sequence

import pyarrow as pa

from components.ingest import csv_form
from components.ingest.log_files import format_of
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader


class LenientLayout(Layout):
    """A layout that needs no value in any row."""

    @property
    def mandatory(self) -> tuple[str, ...]:
        """No column."""
        return ()


def reader(
    files: Sequence[str], ids: Sequence[str], delimiter: str, item: str | None = None, words: Sequence[str] = ()
) -> LogReader:
    """Returns a reader of the files as one table, with all nested columns opened.

    Args:
      files: of the log or the catalogue.
      ids: columns that are read as text, as the file spells them; the others come in their own type.
      delimiter: of CSV files.
      item: the column of items, of which a list gives one row per element.
      words: columns that are read as text, as a run reads kinds of events.
    """
    layout = LenientLayout(tuple(ids), (), delimiter=delimiter, item=item, words=tuple(words), every=True)
    return LogReader(files, layout)


def reader_of(files: Sequence[str], layout: Layout) -> LogReader:
    """Returns a reader like a run's that quarantines no row: times and numbers stay as in the file.

    Rows whose id is declared to stand for none (`missing_ids`) are left out, as in a run.
    """
    kept = {field.name: getattr(layout, field.name) for field in dataclasses.fields(layout)}
    kept |= {"declared": (), "time": None, "value": None, "numbers": (), "unique": False, "every": True}
    return LogReader(files, LenientLayout(**kept))


def read(files: Sequence[str], ids: Sequence[str], columns: Sequence[str], delimiter: str) -> pa.Table:
    """Returns the columns of all rows; a column that no file has is all null.

    Raises:
      LogError: if a file cannot be read, an id is no id, or there is no row.
    """
    return reader(files, ids, delimiter).settle(columns)


def delimiter_of(file: str) -> str:
    """Returns a CSV file's delimiter: the most frequent one of its first line; a comma if there is none."""
    lines = csv_form.first_lines(file) if format_of(file) == "csv" else []
    return csv_form.delimiter_of(lines[0]) if lines else ","
