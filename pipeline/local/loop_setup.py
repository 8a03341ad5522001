"""The set-up of `python -m pipeline loop`: one folder for the log so far and the server's rows, which the next run reads.

    declared path                   becomes
    one file, "events.parquet"      a folder NAME-log/ next to it with a link to the file; the launch file names the folder
    a folder, "events/"             as it is
    a folder per day or number      as it is; the server writes into the folder of the day
    a pattern of names, a query     refused: the server's files would not be read

The folder gets a mark that allows `serve` to write there, and a `.gitignore`, as traffic holds user ids.
"""

import contextlib
import dataclasses
import os
import shutil
import time
from pathlib import Path

from components.atomic_file import write_atomically
from components.declaration import Launch
from components.declaration.paths import is_dated, query_of
from components.errors import DayoneError, SettingsError
from components.ingest import spans
from components.ingest.log_files import find_files, split_pattern
from components.serving.traffic_file import ENDING, OPEN
from pipeline.settings import Settings

MARK = ".dayone-loop"
EXAMPLE = "traffic-0-0.jsonl"
IGNORED = "# The log, and what the server writes: user ids, and more every minute.\n*\n"


@dataclasses.dataclass(frozen=True)
class Loop:
    """What was set up, and what prevents a complete read.

    Attributes:
      folder: that the server writes to, and runs read.
      path: of the log, as the declaration must name it.
      done: what was made, in sentences.
      notes: files that no run reads, each with the reason.
    """

    folder: Path
    path: str
    done: tuple[str, ...]
    notes: tuple[str, ...]


def traffic_folder(launch: Launch, settings: Settings) -> Path | None:
    """Returns the folder that `loop` has set up for the server's rows; None where it has not."""
    if query_of(launch.log.path):
        return None
    folder = Path(split_pattern(launch.log.path, str(settings.data))[0])
    return folder if (folder / MARK).is_file() else None


def count_open_rows(launch: Launch, settings: Settings) -> int:
    """Returns how many rows stand in files that a server still writes to, and no run reads yet."""
    folder = traffic_folder(launch, settings)
    rows = 0
    for file in folder.glob(f"{OPEN}*{ENDING}") if folder else ():
        # The server may publish the file, under its other name, at any time.
        with contextlib.suppress(FileNotFoundError):
            rows += file.read_bytes().count(b"\n")
    return rows


def set_up(launch: Launch, settings: Settings, file: Path) -> Loop:
    """Makes the folder, the mark and the ignore file, and edits the launch file where the log is one file.

    Args:
      launch: the declaration, as it stands in the file.
      settings: where the data folder is.
      file: of the launch.

    Raises:
      SettingsError: if the declared log cannot take what the server writes.
    """
    _check(launch, settings)
    path, done = launch.log.path, []
    if settings.locate(path).is_file():
        path = f"{launch.name}-log/"
        done += [_link(settings.locate(launch.log.path), settings.data / path)]
        done += [_rename_path(file, launch.log.path, path)]
    folder = Path(split_pattern(path, str(settings.data))[0])
    example = folder / time.strftime(spans.day_folder(path, str(settings.data)), time.gmtime()) / EXAMPLE
    if not spans.takes(path, str(settings.data), str(example)):
        raise SettingsError("the declared log", path, "a folder, or folders per day, whatever the files' names", _FIX)
    done += [make_folder(folder)]
    return Loop(folder, path, tuple(filter(None, done)), tuple(_unread(path, settings, launch)))


def make_folder(folder: Path) -> str:
    """Makes the folder of the traffic, its mark and its `.gitignore`; returns a sentence on the latter, "" if it was there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("`python -m pipeline serve` writes its traffic log here; see docs/serving.md\n")
    return _ignore(folder)


_FIX = 'Name the folder instead, as in path="events/", or path="events/{YYYY}-{MM}-{DD}/*" with spans=90.'
_BY_HAND = "It is not written there once as path=..., so edit it by hand and call again."


def _check(launch: Launch, settings: Settings) -> None:
    log, path = launch.log, launch.log.path
    if query_of(path):
        fix = "Load the server's files into the table, see docs/serving.md, or export it to files."
        raise SettingsError("the declared log", path, "files: no server writes into a query", fix)
    if settings.log is not None:
        raise SettingsError(
            "--log",
            str(settings.log),
            "no single file for the loop",
            "Give its folder, or nothing: the declaration names the file.",
        )
    if is_dated(path) or settings.locate(path).is_file():
        return
    folder = Path(split_pattern(path, str(settings.data))[0])
    for word, table in (("the catalogue", launch.catalogue), ("the table of the users", log.users)):
        file = settings.locate(table.path) if table else None
        if file is not None and file.is_file() and file.resolve().parent == folder.resolve():
            problem = f"a folder without {word}, which would be read as events"
            fix = f"Move {file.name} out of {folder}, and name it anew in the launch file."
            raise SettingsError("the declared log", path, problem, fix)


def _link(log: Path, folder: Path) -> str:
    """Links the log into its new folder (a hard link; a copy where the disk has none); returns a note."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / log.name
    if target.exists():
        return ""
    try:
        os.link(log, target)
    except OSError:
        shutil.copy2(log, target)
    return f"{target}: the log so far ({log} stays, and is no longer read)"


def _rename_path(file: Path, old: str, new: str) -> str:
    """Names the folder in the launch file.

    Raises:
      SettingsError: if the file does not hold the path once, as text.
    """
    text = file.read_text(encoding="utf-8")
    written = next(
        (f"path={quote}{old}{quote}" for quote in "\"'" if text.count(f"path={quote}{old}{quote}") == 1), None
    )
    if written is None:
        raise SettingsError(
            str(file),
            old,
            f"path={new!r} in its Log",
            _BY_HAND,
        )
    write_atomically(file, text.replace(written, f'path="{new}"'))
    return f'{file}: path="{new}" instead of {written.removeprefix("path=")}'


def _ignore(folder: Path) -> str:
    """Writes a `.gitignore` for the traffic, unless one covers it."""
    path = folder / ".gitignore"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if "*" in text.splitlines():
        return ""
    path.write_text(text + IGNORED, encoding="utf-8")
    return f"{path}: git leaves the log alone"


def _unread(path: str, settings: Settings, launch: Launch) -> list[str]:
    """Data files below the folder that the next run would not read, by folder, with the reason."""
    base = str(settings.data)
    folder, pattern = split_pattern(path, base)
    read: set[str] = set()
    with contextlib.suppress(DayoneError, OSError):  # an empty folder: nothing is read yet
        read = {os.path.realpath(file) for file in spans.input_files(path, base, launch.log.spans)}
    counts: dict[str, int] = {}
    for parent, _, _ in os.walk(folder):
        with contextlib.suppress(DayoneError, OSError):
            for file in find_files(parent, "*"):
                if os.path.realpath(file) not in read:
                    counts[parent] = counts.get(parent, 0) + 1
    return [
        f"{parent}: {count} files are not read: {_reason(parent, folder, pattern, path, launch)}"
        for parent, count in sorted(counts.items())
    ]


def _reason(parent: str, folder: str, pattern: str, path: str, launch: Launch) -> str:
    if not is_dated(path):
        return f'path="{path}" reads the files of the folder itself, none below it'
    if spans.span_of(os.path.join(parent, EXAMPLE), folder, pattern) is not None:
        return f"outside of the window of {launch.log.spans or 1} days or numbers that ends with the newest; raise spans in the launch file"
    return f'their names do not fit path="{path}"'
