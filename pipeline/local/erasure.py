"""Removes a user's rows and names from what this project wrote: `python -m pipeline forget`.

Rewritten are the traffic log (rows of the user go) and the workspace's texts (reports, summaries, run logs: the id
becomes "(forgotten)"). What is packed or binary is not edited: it is searched, and what still holds the id is told with
the step that ends it. Files are written under another name and renamed, so that a reader meets the old or the new one.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from components.declaration import Log
from components.serving.traffic_file import CLOSED, ENDING, OPEN

FORGOTTEN = b"(forgotten)"
_TEXTS = {".json", ".txt", ".html", ".md", ".log"}
_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 22
_LONGEST = 4096  # bytes of an id, which may lie across two blocks


class Erasure(NamedTuple):
    """What was removed, and what is left.

    Attributes:
      rows: how many rows of the traffic log were removed.
      texts: the files in which the id was replaced.
      open: traffic files that a server writes to at the moment and that hold the id.
      left: other files that hold the id.
    """

    rows: int
    texts: tuple[Path, ...]
    open: tuple[Path, ...]
    left: tuple[Path, ...]


class Places(NamedTuple):
    """Where users' ids may be.

    Attributes:
      home: the launch's folder in the workspace.
      traffic: folders with traffic files, searched with all below them.
      log: the team's own files, which are only searched.
    """

    home: Path
    traffic: tuple[Path, ...]
    log: tuple[Path, ...]


def erase(users: Sequence[str], log: Log, places: Places) -> Erasure:
    """Removes users.

    Args:
      users: their ids, as the log has them.
      log: the declaration; its user column and fallbacks name the user of a row.
      places: where to look.
    """
    files = [file for folder in places.traffic for file in _traffic_files(folder, CLOSED)]
    pattern = _pattern(users)
    rows = sum(_drop_rows(file, set(users), log, pattern) for file in files)
    texts = [path for path in _files([places.home]) if path.suffix in _TEXTS and _replace(path, pattern)]
    return search(users, places)._replace(rows=rows, texts=tuple(texts))


def search(users: Sequence[str], places: Places) -> Erasure:
    """Returns the files that hold an id; packed ones are unpacked, and nothing is changed."""
    pattern = _pattern(users)
    holding = [path for path in _files([places.home, *places.traffic, *places.log]) if _holds(path, pattern)]
    unfinished = {file for folder in places.traffic for file in _traffic_files(folder, OPEN)}
    remaining = tuple(dict.fromkeys(path for path in holding if path not in unfinished))
    return Erasure(0, (), tuple(path for path in holding if path in unfinished), remaining)


def _traffic_files(folder: Path, start: str) -> list[Path]:
    return sorted(folder.rglob(f"{start}*{ENDING}"))


def _drop_rows(file: Path, users: set[str], log: Log, pattern: re.Pattern[bytes]) -> int:
    """Removes the rows of the users from one traffic file; returns how many."""
    columns = (log.user, *log.user_fallbacks)

    def is_of_user(line: bytes) -> bool:
        try:
            row = json.loads(line)
        except ValueError:  # torn: the next run would quarantine it
            return bool(pattern.search(line))
        return isinstance(row, dict) and any(str(row.get(column)) in users for column in columns)

    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not is_of_user(line)]
    if len(kept) < len(lines):
        _write(file, b"".join(kept))
    return len(lines) - len(kept)


def _pattern(users: Sequence[str]) -> re.Pattern[bytes]:
    """Returns what finds the ids as words: "u1" is not part of "u12"."""
    forms: set[bytes] = {re.escape(form) for user in users for form in _forms(user)}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile(rb"(?<![A-Za-z0-9_])(?:" + b"|".join(longest_first) + rb")(?![A-Za-z0-9_])")


def _forms(user: str) -> tuple[bytes, ...]:
    """Returns the bytes of an id: as text, and as JSON escapes it."""
    return user.encode(), json.dumps(user)[1:-1].encode()


def _replace(path: Path, pattern: re.Pattern[bytes]) -> bool:
    text = path.read_bytes()
    changed, count = pattern.subn(FORGOTTEN, text)
    if count:
        _write(path, changed)
    return bool(count)


def _holds(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Returns whether a file holds an id, unpacked where it is gzip or Parquet."""
    try:
        return any(pattern.search(block) for block in _blocks(path))
    except FileNotFoundError:  # a server has just published it
        return False


def _blocks(path: Path) -> Iterator[bytes]:
    """Yields the content in blocks that overlap, so that one of them contains the complete id."""
    if path.suffix in {".parquet", ".pq"}:
        yield from _parquet_texts(path)
        return
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    opener: Callable[..., gzip.GzipFile] = gzip.open if packed else open  # type: ignore[assignment]
    tail = b""
    try:
        with opener(path, "rb") as file:
            while block := file.read(_BLOCK):
                yield tail + block
                tail = block[-_LONGEST:]
    except (EOFError, gzip.BadGzipFile, zlib.error):  # cut off: what could be unpacked was searched
        return


def _parquet_texts(path: Path) -> Iterator[bytes]:
    from components.safe_parquet import parquet  # here, because pyarrow takes a tenth of a second to import

    for batch in parquet.ParquetFile(path).iter_batches():
        for column in batch.columns:
            yield "\n".join(map(str, column.to_pylist())).encode()


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        for parent, _, names in os.walk(path):
            yield from (Path(parent, name) for name in sorted(names))


def _write(path: Path, content: bytes) -> None:
    half = path.with_name(f".{path.name}.half")
    half.write_bytes(content)
    half.replace(path)
