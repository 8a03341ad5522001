"""Diagnoses a CSV file that cannot be read, by its first lines.

No header, lines above it, a separator of two characters, another encoding.
"""

import gzip
import re
import zlib

import pyarrow as pa

from components.errors import LogError
from components.ingest.file_rows import check_content
from components.ingest.log_files import format_of

_HEAD_BYTES = 1 << 16
_MOST_LINES = 60
_DELIMITERS = (",", "\t", ";", "|")
_NUMBER_OR_DATE = re.compile(r"\s*(-?\d+([.,]\d+)?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ].*)?)\s*")
_QUOTED = re.compile(r'"[^"]*"')
_SEP = re.compile(r"\ufeff?sep=.", re.IGNORECASE)


def check(file: str) -> None:
    """Looks at the first bytes and lines of a CSV file; other formats pass.

    Raises:
      LogError: naming what is wrong with the file's content or form.
    """
    if format_of(file) != "csv":
        return
    check_content(file, "csv")
    problem = problem_of(first_lines(file))
    if problem:
        raise LogError(file, *problem)


def first_lines(file: str) -> list[str]:
    """Up to 60 lines, unpacked; [] if the file cannot be unpacked, which its reader says better."""
    try:
        with gzip.open(file) if file.lower().endswith(".gz") else open(file, "rb") as opened:
            text = opened.read(_HEAD_BYTES).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return []
    return text.splitlines()[:_MOST_LINES]


def delimiter_of(line: str) -> str:
    """Returns the delimiter that occurs most often in a line; a comma if none occurs."""
    return max(_DELIMITERS, key=line.count)


def problem_of(lines: list[str]) -> tuple[str, str] | None:
    """Returns what is wrong with the form of a file that begins with these lines, and the fix; None if valid."""
    if not lines:
        return None
    if _SEP.fullmatch(lines[0].strip()):
        return (
            f"the header is not in line 1: that is {lines[0].strip()!r}, which spreadsheets write.",
            "Remove the line.",
        )
    if "::" in lines[0] and lines[0].count("::") >= max(map(lines[0].count, _DELIMITERS)):
        return (
            "its columns are separated by '::'; a separator has one character.",
            "Replace it, for example by a tab: sed 's/::/\\t/g'.",
        )
    if blanks := _blank_columns(lines):
        return (
            f"its {blanks} columns are separated by blanks, and seem to have no header.",
            "Write a header, and one separator: sed 's/ \\+/,/g' FILE.",
        )
    header = _header_line(lines)
    if header:
        problem = f"the header is not in line 1: line {header + 1} looks like it ({lines[header][:80]!r})."
        return problem, f"Remove the lines above: tail -n +{header + 1} FILE."
    return _without_header(lines)


def _blank_columns(lines: list[str]) -> int:
    """Returns how many columns of values are separated by blanks and by nothing else; 0 if it is another form."""
    fields = [line.split() for line in lines[:10]]
    split = any(line.count(mark) for line in lines[:10] for mark in _DELIMITERS)
    count = len(fields[0])
    valued = all(len(row) == count and all(map(_NUMBER_OR_DATE.fullmatch, row)) for row in fields)
    return count if count > 1 and valued and not split else 0


def _header_line(lines: list[str]) -> int:
    """Returns the index of the header: the first line with as many fields as nearly all lines after it."""
    delimiter = max(_DELIMITERS, key=lambda mark: sum(_QUOTED.sub("", line).count(mark) for line in lines))
    counts = [_QUOTED.sub("", line).count(delimiter) for line in lines]
    usual = max(set(counts[len(counts) // 2 :]), key=counts[len(counts) // 2 :].count) if counts else 0
    first = next((at for at, count in enumerate(counts) if count == usual), 0)
    above = lines[:first]
    # A quote left open makes one row of several lines.
    open_quote = any(_QUOTED.sub("", line).count('"') for line in above)
    return first if usual and above and not open_quote and all(count < usual for count in counts[:first]) else 0


def _without_header(lines: list[str]) -> tuple[str, str] | None:
    """Returns the problem of a first line that holds values (numbers or dates, as below it); None if it is a header."""
    delimiter = delimiter_of(lines[0])
    fields = [field.strip().strip('"') for field in lines[0].split(delimiter)]
    below = [[field.strip().strip('"') for field in line.split(delimiter)] for line in lines[1:10]]
    alike = [at for at, field in enumerate(fields) if _NUMBER_OR_DATE.fullmatch(field) and _all_values(below, at)]
    if not alike:
        return None
    problem = f"the file seems to have no header: its first line holds values, such as {fields[alike[0]]!r}."
    return problem, "Write a line with the names of the columns above it."


def _all_values(rows: list[list[str]], at: int) -> bool:
    values = [row[at] for row in rows if len(row) > at]
    return bool(values) and all(map(_NUMBER_OR_DATE.fullmatch, values))


def check_encoding(file: str, schema: pa.Schema) -> None:
    """Refuses CSV with bytes that are not UTF-8.

    Raises:
      LogError: naming the column.
    """
    columns = [field.name for field in schema if pa.types.is_binary(field.type)] if format_of(file) == "csv" else []
    if columns:
        raise LogError(
            file, f"column {columns[0]!r} is not UTF-8.", "Save the file as UTF-8: iconv -f latin1 -t utf-8 FILE."
        )
