"""Dated or numbered span folders, and the rolling window of them that a run reads.

TFX's ExampleGen reads exactly one span a run; it leaves windows to a Resolver, which open-source Kubeflow does not run.
So for a window the standard driver is given a pattern that matches every span: its fingerprint covers all their files,
so that a new span, or a changed file in an old one, is a reason to read again; and the executor takes the newest spans
of what it matches. As in TFX's `RollingRange`, a window of n ends with the newest span that is there and covers n
numbers (days, for dates), with or without files.
"""

import collections.abc
import datetime as dt
import os
import re

from components.declaration.paths import SPAN_TOKEN, is_dated, query_of
from components.errors import LogError
from components.ingest.log_files import find_files, split_pattern

_DIGITS = {"YYYY": 4, "MM": 2, "DD": 2}
_EPOCH = dt.date(1970, 1, 1)


def any_span(pattern: str) -> str:
    """Returns the glob of every span's files: "{YYYY}-{MM}/*.csv" gives "[0-9][0-9][0-9][0-9]-[0-9][0-9]/*.csv"."""
    return SPAN_TOKEN.sub(lambda match: "[0-9]" * _width(match) or "[0-9]*", pattern)


def day_folder(path: str, base: str) -> str:
    """Returns the folder of a day's files as `strftime` takes it: "%Y-%m-%d" for "events/{YYYY}-{MM}-{DD}/*".

    "" where the path has no dated folders: no dates at all, dates in the file's name, or a wildcard before them.
    """
    folder = os.path.dirname(split_pattern(path, base)[1])
    tokens = {match["part"] for match in SPAN_TOKEN.finditer(folder)}
    if tokens != {"YYYY", "MM", "DD"} or re.search(r"[*?\[%]", folder):
        return ""
    return folder.replace("{YYYY}", "%Y").replace("{MM}", "%m").replace("{DD}", "%d")


def takes(path: str, base: str, file: str) -> bool:
    """Returns whether a run with that declared path would read a data file of that name."""
    folder, pattern = split_pattern(path, base)
    return not query_of(path) and bool(re.fullmatch(_regex(pattern), os.path.relpath(file, folder)))


def input_files(path: str, base: str, spans: int | None = None, may_be_empty: bool = False) -> tuple[str, ...]:
    """Returns the files that a run would read for a declared path, listed without TFX.

    Args:
      path: as declared.
      base: the data folder, where relative paths start.
      spans: the window; None for the newest span alone.
      may_be_empty: whether there may be no file.

    Raises:
      LogError: if there is none.
    """
    if query_of(path):
        problem = "is a query, which only a run can ask: this needs files."
        raise LogError("launch.log.path", problem, "Export some of its rows to Parquet and name the file: --log FILE.")
    return window_files(*split_pattern(path, base), spans, may_be_empty)


def window_files(folder: str, pattern: str, spans: int | None = None, may_be_empty: bool = False) -> tuple[str, ...]:
    """Returns the files of a split path, see `input_files`."""
    if not is_dated(pattern):
        return find_files(folder, pattern, may_be_empty)
    return newest(find_files(folder, any_span(pattern), may_be_empty), folder, pattern, spans or 1)


def newest(files: collections.abc.Sequence[str], folder: str, pattern: str, spans: int) -> tuple[str, ...]:
    """Returns the files of the window.

    Args:
      files: of all spans.
      folder: where the pattern begins.
      pattern: with the span's parts in braces, such as "{YYYY}-{MM}-{DD}/*.parquet".
      spans: how many numbers (days) the window covers, counted back from the newest that has a file.

    Raises:
      LogError: for a name that looks like a date and is none.
    """
    numbers = {file: span_of(file, folder, pattern) for file in files}
    last = max((number for number in numbers.values() if number is not None), default=0)
    return tuple(file for file, number in numbers.items() if number is not None and last - spans < number <= last)


def span_of(file: str, folder: str, pattern: str) -> int | None:
    """Returns a file's span: as in TFX, a date is its days since 1970-01-01; None if the file does not match.

    Raises:
      LogError: for a name that looks like a date and is none.
    """
    match = re.fullmatch(_regex(pattern), os.path.relpath(file, folder))
    if match is None:
        return None
    parts = {name: int(text) for name, text in match.groupdict().items()}
    if "SPAN" in parts:
        return parts["SPAN"]
    try:
        return (dt.date(parts["YYYY"], parts["MM"], parts["DD"]) - _EPOCH).days
    except ValueError as error:
        raise LogError(
            file,
            f"its name needs a date where the path has {{YYYY}}, {{MM}}, {{DD}} ({error}).",
            "Rename or remove it.",
        ) from error


def _regex(pattern: str) -> str:
    """Returns the pattern as a regular expression that names the span's parts."""
    parts, at = [], 0
    for match in SPAN_TOKEN.finditer(pattern):
        digits = rf"\d{{{_width(match)}}}" if _width(match) else r"\d+"
        parts += [_glob_regex(pattern[at : match.start()]), f"(?P<{match['part']}>{digits})"]
        at = match.end()
    return "".join([*parts, _glob_regex(pattern[at:])])


def _glob_regex(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def _width(match: re.Match[str]) -> int:
    """Returns the number of digits of a part; 0 for any number of them."""
    return _DIGITS.get(match["part"], int(match["width"] or 0))
