"""The quarantine: a file of the rows that were quarantined, one JSON object per line, each with its file, row number and reason.

The row's own columns are as the file has them, numbers and true/false as such, everything else as text; of a line that
could not be split into columns, the line.
"""

import collections.abc
import gzip
import json
import types
import typing

import numpy as np
import pyarrow as pa

from components.errors import LogError
from components.ingest.column_types import TIMESTAMP, cast_column, plain_type
from components.ingest.row_checks import UNREADABLE_LINE, Quarantined

_SHOWN = 60
# A run that stops shows where to look; writing millions of rows for that would take minutes.
STOPPED_ROWS = 10_000


class Quarantine:
    """Writes the rows that were quarantined.

    Example:
      with tf.io.gfile.GFile(path, "wb") as file, Quarantine(file) as quarantine:
        for batch in reader.batches(quarantine): ...

    Attributes:
      rows: written so far.
      firsts: reason to the first row that has it, for people.
    """

    def __init__(self, file: typing.Any):
        """Takes a binary file; what is written is gzip."""
        self._file = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1)
        self.rows = 0
        self.firsts: dict[str, str] = {}

    def __enter__(self) -> "Quarantine":
        """Returns the quarantine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        """Ends the gzip stream."""
        self._file.close()

    def add_rows(
        self, file: str, numbers: np.ndarray, reasons: collections.abc.Sequence[str], rows: pa.RecordBatch
    ) -> None:
        """Writes rows; `numbers` [rows] count from 1 in their file, without the header."""
        columns = [_plain(rows.column(at), name, file) for at, name in enumerate(rows.schema.names)]
        for at, (number, reason) in enumerate(zip(numbers.tolist(), reasons, strict=True)):
            row = {name: values[at] for name, values in zip(rows.schema.names, columns, strict=True)}
            self._add(file, number, reason, {"columns": row})

    def add_line(self, file: str, number: int, line: str) -> None:
        """Writes a line that could not be split into columns."""
        self._add(file, number, UNREADABLE_LINE, {"line": line})

    def _add(self, file: str, number: int, reason: str, content: dict[str, typing.Any]) -> None:
        shown = json.dumps(next(iter(content.values())), ensure_ascii=False)
        cut = shown if len(shown) <= 2 * _SHOWN else shown[: 2 * _SHOWN] + "..."
        self.firsts.setdefault(reason, f"{file}, row {number}: {cut}")
        self._file.write((json.dumps({"file": file, "row": number, "reason": reason} | content) + "\n").encode())
        self.rows += 1


def no_row_left(files: collections.abc.Sequence[str], found: Quarantined) -> LogError:
    """Returns the error for a log of which every row would be quarantined: the reasons, with their shares."""
    counts = ", ".join(f"{count:,} of {found.rows_in:,} rows: {reason}" for reason, count in found.counts.items())
    where = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return LogError(where, f"no row is left. {counts}.", "Fix the rows, or what the declaration says of them.")


def too_many(
    files: collections.abc.Sequence[str],
    found: Quarantined,
    allowed: float,
    quarantine: Quarantine,
    path: str,
    field: str,
) -> LogError:
    """Returns the error of a run that stops because too many rows are invalid.

    Args:
      files: of the log.
      found: the counts.
      allowed: the declared share.
      quarantine: with the first of the rows.
      path: of the quarantine.
      field: of the declaration that allows the share, such as "launch.log.max_quarantined".
    """
    counts = ", ".join(f"{count:,} {reason}" for reason, count in found.counts.items())
    firsts = "".join(f"\n  {reason}: {first}" for reason, first in quarantine.firsts.items())
    where = "They" if quarantine.rows >= found.rows else f"The first {quarantine.rows:,}"
    problem = f"{found.rows:,} of {found.rows_in:,} rows are wrong ({found.share:.2%}; {field} allows {allowed:.2%}): {counts}. The first:{firsts}\n"
    fix = f"{where} are in {path}. Fix the rows, or what the declaration says of them (time_unit, not_before, delimiter, roles), or raise {field}."
    return LogError(", ".join(files[:3]) + (", ..." if len(files) > 3 else ""), problem + fix)


def _plain(values: pa.Array, name: str, file: str) -> list:
    """Values as JSON can say them."""
    kind = plain_type(values.type, name, file)
    if pa.types.is_list(kind):
        return [None if part is None else str(part) for part in values.to_pylist()]
    plain = cast_column(values, kind)
    if kind == TIMESTAMP:
        return plain.cast(pa.string()).to_pylist()
    if pa.types.is_floating(kind):
        return [value if value is None or np.isfinite(value) else str(value) for value in plain.to_pylist()]
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        # Not every file that says UTF-8 holds it.
        return [
            None if value is None else value.decode(errors="backslashreplace")
            for value in plain.cast(pa.binary()).to_pylist()
        ]
    return plain.to_pylist()
