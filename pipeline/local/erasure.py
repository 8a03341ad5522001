"""Removes a user's rows and names from what this project wrote: `python -m pipeline forget`.

Rewritten are the traffic log (rows of the user go) and the reports and run logs of the workspace (the id becomes
"(forgotten)"). Nothing else is edited, least of all a pushed version: it is searched, and what still holds the id is
told with the step that ends it. Files are written under another name and renamed, so that a reader meets the old or the
new one; no file is held in memory.
"""

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from components.atomic_file import replace_file
from components.declaration import Log
from components.serving.traffic_file import CLOSED, ENDING, OPEN
from pipeline.local import id_search
from pipeline.local.file_walk import walk

_TEXTS = {".json", ".txt", ".html", ".md", ".log"}
_REPORTS = ("artifacts/Verdict/summary", "artifacts/RetrievalEvaluator/evaluation", "artifacts/StatisticsPage/page")
_LOGS = "logs"
# Their names hold a number and a token; a file of the team's own that only begins like one is not touched.
_CLOSED = re.compile(rf"{CLOSED}\d+-[0-9a-f]+{re.escape(ENDING)}")
_OPEN = re.compile(rf"{re.escape(OPEN)}.*{re.escape(ENDING)}")


def is_traffic(path: Path) -> bool:
    """Returns whether a server wrote and closed this file."""
    return _CLOSED.fullmatch(path.name) is not None


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


class Locations(NamedTuple):
    """Where users' ids may be.

    Attributes:
      home: the launch's folder in the workspace.
      traffic: folders with traffic files, searched with all below them.
      log: the team's own files, which are only searched.
    """

    home: Path
    traffic: tuple[Path, ...]
    log: tuple[Path, ...]


def erase(users: Sequence[str], log: Log, locations: Locations) -> Erasure:
    """Removes users.

    Args:
      users: their ids, as the log has them.
      log: the declaration; its user column and fallbacks name the user of a row.
      locations: where to look.
    """
    ids = spell(users)
    files = [file for folder in locations.traffic for file in _traffic_files(folder, _CLOSED)]
    rows = sum(_remove_from(file, ids, log) for file in dict.fromkeys(files))
    reports = [path for name in (*_REPORTS, _LOGS) for path in walk(locations.home / name) if path.suffix in _TEXTS]
    texts = [path for path in reports if path.is_file() and _replace(path, ids)]
    return search(users, locations)._replace(rows=rows, texts=tuple(texts))


def search(users: Sequence[str], locations: Locations) -> Erasure:
    """Returns the files that hold an id; packed ones are unpacked, and nothing is changed."""
    ids = spell(users)
    paths = dict.fromkeys(_files([locations.home, *locations.traffic, *locations.log]))
    holding = [path for path in paths if id_search.holds(path, ids)]
    unfinished = {file for folder in locations.traffic for file in _traffic_files(folder, _OPEN)}
    remaining = tuple(path for path in holding if path not in unfinished)
    return Erasure(0, (), tuple(path for path in holding if path in unfinished), remaining)


def spell(users: Sequence[str]) -> frozenset[str]:
    """Returns the ids in both of Unicode's spellings of an accented letter, which look the same to who asks."""
    forms = (unicodedata.normalize(form, user) for user in users for form in ("NFC", "NFD"))
    return frozenset((*users, *forms))


def _traffic_files(folder: Path, name: re.Pattern[str]) -> list[Path]:
    return [path for path in walk(folder) if name.fullmatch(path.name)]


def _remove_from(file: Path, users: frozenset[str], log: Log) -> int:
    """Removes the rows of the users from one traffic file, and the file if no row is left, which no run could read; returns how many."""
    rows = _drop_rows(file, users, log)
    if rows and not file.stat().st_size:
        file.unlink()
    return rows


def _drop_rows(file: Path, users: frozenset[str], log: Log) -> int:
    """Removes the rows of the users from one traffic file; returns how many."""
    columns, pattern = (log.user, *log.user_fallbacks), id_search.in_bytes(users)

    def keep(line: bytes) -> bytes:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # torn: the next run would quarantine it
            return b"" if pattern.search(line) else line
        values = [row.get(column) for column in columns] if isinstance(row, dict) else []
        return b"" if any(value is not None and str(value) in users for value in values) else line

    return _rewrite(file, keep)


def _replace(path: Path, users: frozenset[str]) -> bool:
    """Replaces the ids in a report or a run log; JSON stays JSON."""
    changes = {".json": id_search.replace_in_json, ".html": id_search.replace_in_html}
    change = changes.get(path.suffix, id_search.replace_in_text)
    pattern = id_search.in_text(users)

    def edit(line: bytes) -> bytes:
        return change(line.decode(errors="surrogateescape"), pattern).encode(errors="surrogateescape")

    return bool(_rewrite(path, edit))


def _rewrite(path: Path, edit: Callable[[bytes], bytes]) -> int:
    """Edits a file line by line; returns how many lines changed. A link stays one; a file without a change is not written."""
    path = path.resolve()
    with path.open("rb") as file:
        if all(edit(line) == line for line in file):
            return 0
    changed, times = 0, path.stat()
    with path.open("rb") as file, replace_file(path) as target:
        for line in file:
            edited = edit(line)
            changed += edited != line
            target.write(edited)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # `history` may have no other date of a verdict
    return changed


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from ([path] if path.is_file() else (file for file in walk(path) if file.is_file()))
