"""One file of the traffic log: written under a hidden name, published in one step, recovered after a kill.

    .open-3f9c21ab.jsonl               being written: hidden, so no reader takes it, and locked by its writer
    traffic-1795449687-3f9c21ab.jsonl  closed: complete rows only, renamed in one step, never touched again

Any number of servers may write to one folder: names hold a random token, and the lock of a file ends with its writer's process.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import time
from pathlib import Path
from typing import BinaryIO

_LOGGER = logging.getLogger("dayone.serving")
OPEN, CLOSED, ENDING = ".open-", "traffic-", ".jsonl"


class TrafficFile:
    """The file that one writer appends to; its lock ends with `publish`, `abandon` or the process."""

    def __init__(self, folder: Path, day: str):
        """Makes the folder, where it is missing, and a locked file in it.

        Args:
          folder: where the file is written.
          day: the folder below it that takes the published file; "" for none.

        Raises:
          OSError: if the folder or the file cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.day, self.rows = folder, day, 0
        self.opened = time.monotonic()
        self._file, self._size = _new_file(folder), 0

    @property
    def gone(self) -> bool:
        """Whether the file no longer lies where it was made: someone removed it, or its folder."""
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), os.stat(self._file.name))
        except OSError:
            return True

    def append(self, content: bytes, rows: int) -> None:
        """Writes all rows, or, if the disk is full, none of them.

        Raises:
          OSError: if they cannot be written; what was there before stays.
        """
        write_whole(self._file, content, self._size)
        self._size += len(content)
        self.rows += rows

    def publish(self) -> Path:
        """Brings the file to the disk and gives it its public name; until that works it stays open and takes more rows.

        Raises:
          OSError: if it cannot be renamed.
        """
        os.fsync(self._file.fileno())
        path = publish(Path(self._file.name), self.folder / self.day)
        self._file.close()
        return path

    def abandon(self) -> None:
        """Closes the file without a public name: the next start of a server on this folder publishes it, if it still lies there."""
        with contextlib.suppress(OSError):
            self._file.close()


def _new_file(folder: Path) -> BinaryIO:
    """Returns a new locked file. An unlocked file means that its writer is gone."""
    while True:
        file = (folder / f"{OPEN}{secrets.token_hex(4)}{ENDING}").open("xb", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        # A server that starts just now may have found it without a lock, and removed it as an empty one.
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def write_whole(file: BinaryIO, content: bytes, start: int) -> None:
    """Writes all of the content from `start` on, or nothing.

    Raises:
      OSError: if the disk takes no more, or the file has another size than `start` that cannot be mended.
    """
    if os.fstat(file.fileno()).st_size != start:  # a write failed, and so did taking it back
        file.truncate(start)
    file.seek(start)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            file.truncate(start)
        raise


def publish(path: Path, folder: Path) -> Path:
    """Gives an open file the name under which readers take it, in one step; no two open files have the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    return path.rename(folder / f"{CLOSED}{int(time.time())}-{path.name.removeprefix(OPEN)}")


def recover(folder: Path, day_folder: str = "") -> list[Path]:
    """Publishes the files of servers that were killed, without a torn last row; files of running servers are left alone.

    Args:
      folder: of the traffic log.
      day_folder: the folder of a day's files below it, as for `strftime`; "" for none.

    Returns:
      The published files. One that cannot be published stays for the next start, and the run log says so.
    """
    closed = []
    for path in sorted(folder.glob(f"{OPEN}*{ENDING}")):
        try:
            published = _recover_one(path, folder, day_folder)
        except FileNotFoundError:  # its writer, or another server that starts, was faster
            continue
        except OSError as error:
            _LOGGER.warning("%s stays unpublished until the next start: %s", path, error)
            continue
        closed += [published] if published else []
    return closed


def _recover_one(path: Path, folder: Path, day_folder: str) -> Path | None:
    """Publishes one file; None if its writer lives, or it has no complete row."""
    with path.open("rb+") as file:
        if not _lock(file) or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return None
        day = time.strftime(day_folder, time.gmtime(os.fstat(file.fileno()).st_mtime))
        size = _whole_lines(file)
        if not size:
            path.unlink()
            return None
        file.truncate(size)
        os.fsync(file.fileno())
        return publish(path, folder / day)


def _lock(file: BinaryIO) -> bool:
    """Takes the file's lock; False if its writer lives."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _whole_lines(file: BinaryIO, block: int = 65_536) -> int:
    """Returns the size of the file up to its last line end, searched from its end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - block, 0)
        file.seek(start)
        place = file.read(end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
