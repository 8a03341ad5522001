r"""Reads CSV files block by block, with the types that all files of the log share.

An empty field is missing, a quoted one ("") is the empty text; "NA", "null" and the like are text. pyarrow infers types
from the first block of a file; a later block that does not fit raises `TypeConflictError`, and the reader starts again
with a wider type. A row with too many or too few fields is told to the caller and left out.
"""

import collections.abc
import re
import sys
import threading
import typing
import weakref

import pyarrow as pa
import pyarrow.csv as pa_csv

from components.errors import LogError, first_line
from components.ingest.column_types import TypeConflictError, Types, plain_type
from components.ingest.log_files import ending_note

_BLOCK_BYTES = 2 << 20  # pyarrow reads up to 32 blocks ahead
_TAIL_BYTES = 1 << 16
_PATIENCE = 5.0  # seconds; it takes some milliseconds
_KEPT = (pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.binary())
# Told the number of a row in its file, from 1, and the text of a line that is no row.
OnBroken = collections.abc.Callable[[int, str], None]


def ignore(number: int, line: str) -> None:
    """For those who only look at a file."""


class _Opened:
    """A CSV file that is being read, and may be left before its end.

    pyarrow reads ahead in a thread of its own, which calls back for each broken row. If it lets go of the callback
    while Python exits, the process aborts ("terminate called without an active exception"): so leaving waits until it
    has. And it decodes a broken row before it calls back: where that fails, Python would print a traceback in addition to the
    error that is raised, which is kept off the screen.
    """

    def __init__(
        self, path: str, delimiter: str, types: Types, on_broken: OnBroken, span: tuple[int, int] | None = None
    ):
        self._options = _options(delimiter, types, on_broken)
        self._path, self._span, self._let_go = path, span, threading.Event()
        weakref.finalize(self._options["parse_options"].invalid_row_handler, self._let_go.set)
        self._reader: pa_csv.CSVStreamingReader | None = None
        self._hook = sys.unraisablehook

    def __enter__(self) -> "_Opened":
        sys.unraisablehook = self._handle_unraisable
        try:
            source = self._path if self._span is None else _with_header(self._path, *self._span)
            self._reader = pa_csv.open_csv(source, **self._options)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None
        self._options = {}
        self._let_go.wait(_PATIENCE)
        sys.unraisablehook = self._hook

    def _handle_unraisable(self, ignored: typing.Any) -> None:
        if not isinstance(ignored.exc_value, UnicodeDecodeError):
            self._hook(ignored)

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        assert self._reader is not None
        return self._reader.schema

    def __iter__(self) -> collections.abc.Iterator[pa.RecordBatch]:
        assert self._reader is not None
        return iter(self._reader)


def first_types(path: str, delimiter: str) -> Types:
    """Returns the types of the first block; dates and times stay text.

    Raises:
      LogError: for an empty or unreadable file and for a header with the same name twice.
    """
    try:
        with _Opened(path, delimiter, {}, ignore) as reader:
            schema = reader.schema
            names = schema.names
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    for name in names:
        if names.count(name) > 1:
            raise LogError(path, f"the header has {name!r} twice.", "Give each column a name of its own.")
    return {field.name: _kept(field.type, field.name, path) for field in schema}


class Lines(typing.NamedTuple):
    """A byte range of complete lines, and how many of them are not blank."""

    start: int
    end: int
    lines: int


def count_lines(path: str, size: int) -> list[Lines]:
    """Returns the ranges of a file's header line, and of the lines that follow: `size` bytes or a little more, but for the last."""
    ranges: list[Lines] = []
    with open(path, "rb") as file:
        end = 0
        # A line longer than `size` is cut, and counted twice.
        while chunk := file.read(size if ranges else 0) + file.readline(size):
            ranges.append(Lines(end, end + len(chunk), _count(chunk)))
            end += len(chunk)
    return ranges


def _count(lines: bytes) -> int:
    """Returns how many lines are not blank; like pyarrow's, they end at a line feed, a carriage return or both."""
    return sum(1 for line in lines.splitlines() if line.strip())


def blocks(
    path: str, delimiter: str, types: Types, on_broken: OnBroken = ignore, span: tuple[int, int] | None = None
) -> collections.abc.Iterator[pa.RecordBatch]:
    """Yields the rows of a file in batches, with every column.

    Args:
      path: of the file.
      delimiter: one character.
      types: of every column of the file, in the order of its header.
      on_broken: told of each line that is no row, before the batch of the rows around it comes.
      span: the bytes to read after the header, complete lines; None for all.

    Raises:
      TypeConflictError: if a column needs a wider type.
      LogError: if the file cannot be read on.
    """
    last = None
    try:
        with _Opened(path, delimiter, types, on_broken, span) as reader:
            for batch in reader:
                last = batch if batch.num_rows else last
                yield batch
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        column = re.match(r"In CSV column #(\d+):(?: Row #\d+:)? CSV conversion error", str(error))
        if not column:
            raise _unreadable(path, error) from error
        name = list(types)[int(column.group(1))]
        raise TypeConflictError(path, {name: _whole_type(path, delimiter, name)}) from error
    if last is not None and span is None:
        _check_closed(path, last)


def _with_header(path: str, start: int, end: int) -> pa.BufferReader:
    """Returns the header line and a byte range of a file."""
    with open(path, "rb") as file:
        header = file.readline()
        file.seek(start)
        return pa.BufferReader(header + file.read(end - start))


def _check_closed(path: str, batch: pa.RecordBatch) -> None:
    """pyarrow takes a last field whose quote is never closed as it is, and with it every row that follows.

    Raises:
      LogError: if the last field of the file holds line breaks and the file does not end in a quote.
    """
    field = batch.column(batch.num_columns - 1)[-1].as_py()
    lines = len(field.splitlines()) - 1 if isinstance(field, str | bytes) else 0
    if lines and not _tail(path).rstrip().endswith(b'"'):
        problem = f"a quote is opened and never closed: the last field, {field[:40]!r}..., holds what follows, {lines:,} lines."
        raise LogError(path, problem, "Close the quote, or double it if it belongs to the text.")


def _tail(path: str) -> bytes:
    tail = b""
    with pa.input_stream(path) as file:
        while chunk := file.read(_TAIL_BYTES):
            tail = tail[-_TAIL_BYTES:] + chunk
    return tail


def _whole_type(path: str, delimiter: str, name: str) -> pa.DataType:
    """Returns the type of one column over the entire file: unlike `open_csv`, `read_csv` widens its guess."""
    options = _options(delimiter, {}, ignore)
    options["convert_options"].include_columns = [name]
    return _kept(pa_csv.read_csv(path, **options).schema.field(0).type, name, path)


def _kept(kind: pa.DataType, name: str, path: str) -> pa.DataType:
    return plain_type(kind, name, path) if kind in _KEPT else pa.string()


def _options(delimiter: str, types: Types, on_broken: OnBroken) -> dict[str, typing.Any]:
    def skip(row: pa_csv.InvalidRow) -> str:
        # A quote left open makes one row of many lines; row.number counts the header.
        for line in row.text.split("\n"):
            on_broken(row.number - 1, line)
        return "skip"

    return {
        # With threads, pyarrow does not know the number of a broken row.
        "read_options": pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        "parse_options": pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        "convert_options": pa_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    }


def _unreadable(path: str, error: Exception) -> LogError:
    reason = first_line(error)
    if "Empty CSV file" in reason:
        return LogError(path, "is empty, needs a header and rows.", "Remove the file or write it again.")
    if "straddling" in reason:
        return LogError(
            path, f"a row is longer than {_BLOCK_BYTES >> 20} MB.", "Look for a quote that is opened and never closed."
        )
    if path.lower().endswith(".gz") and ("Truncated" in reason or "zlib inflate" in reason):
        return LogError(path, f"is cut off or damaged: its gzip stream does not end ({reason[:80]}).", "Copy it again.")
    fix = "Check the delimiter in the declaration, quotes, the number of fields, and that it is UTF-8."
    return LogError(path, f"cannot be read as CSV: {reason[:200].rstrip('. ')}.{ending_note(path)}", fix)
