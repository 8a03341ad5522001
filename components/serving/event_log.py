"""The log that the server writes: JSON lines in files that ExampleGen takes, never a torn row in one of them.

    .open-3f9c21ab.jsonl               being written: hidden, so no reader takes it, and locked by its writer
    traffic-1795449687-3f9c21ab.jsonl  closed: whole rows only, renamed in one step, never touched again

Where the declared log has a folder per day, a closed file lies in that of its day (UTC). A thread writes, so that no
request waits for a disk. After kill -9 the open file lies there with at most one torn row at its end; the next start
cuts that off and closes the file. What is lost is what was not yet handed to the operating system: at most
`FLUSH_SECONDS`.
"""

import contextlib
import fcntl
import json
import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

_LOGGER = logging.getLogger("dayone.serving")
OPEN, CLOSED, ENDING = ".open-", "traffic-", ".jsonl"
FLUSH_SECONDS = 0.2
GATHER_SECONDS = 0.01  # many answers at a time: woken for each, the writer took Python's lock just when its request was to be answered
WAITING_BATCHES = 10_000
_ENCODER = json.JSONEncoder(allow_nan=False)
_END: Sequence[Mapping[str, Any]] = ()


class EventLog:
    """Appends rows to rotating files; `close` (or the next start) makes the last one readable."""

    def __init__(
        self, folder: Path, rows_per_file: int = 100_000, seconds_per_file: float = 300.0, day_folder: str = ""
    ):
        """Recovers what an earlier server left, and starts the writer.

        Args:
          folder: of the files; made if it is not there.
          rows_per_file, seconds_per_file: a file is closed when it has so many rows, or is so old.
          day_folder: the folder of a day's files below it, as for `strftime`; "" for none.
        """
        self._folder, self._most_rows, self._most_seconds, self._day_folder = (
            folder,
            rows_per_file,
            seconds_per_file,
            day_folder,
        )
        self.written = self.dropped = 0
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder, day_folder)
        self._waiting: queue.Queue[Sequence[Mapping[str, Any]]] = queue.Queue(WAITING_BATCHES)
        self._file: BinaryIO | None = None
        self._rows, self._opened, self._day = 0, 0.0, ""
        self._thread = threading.Thread(target=self._write, name="event-log", daemon=True)
        self._thread.start()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Hands rows to the writer; where the disk cannot follow they are dropped and counted, as a request must not wait."""
        if not rows:
            return
        try:
            self._waiting.put_nowait(rows)
        except queue.Full:
            self.dropped += len(rows)

    def close(self) -> None:
        """Writes what is waiting, closes the file."""
        self._waiting.put(_END)
        self._thread.join()

    def _write(self) -> None:
        """The writer's thread: takes what is there, writes it at once, rotates."""
        ended = False
        while not ended:
            batches = self._take()
            ended = _END in batches
            rows = [row for batch in batches for row in batch]
            try:
                self._append(rows)
                if self._file and (
                    ended or self._rows >= self._most_rows or time.monotonic() - self._opened >= self._most_seconds
                ):
                    self._rotate()
            except Exception:
                # A full disk: the rows are lost and counted, the server goes on, and so does this thread.
                _LOGGER.exception("%d rows could not be written to the log", len(rows))
                self.dropped += len(rows)

    def _take(self) -> list[Sequence[Mapping[str, Any]]]:
        batches = []
        with contextlib.suppress(queue.Empty):
            batches.append(self._waiting.get(timeout=FLUSH_SECONDS))
            if batches[0] is not _END:
                time.sleep(GATHER_SECONDS)
            while len(batches) < WAITING_BATCHES:
                batches.append(self._waiting.get_nowait())
        return batches

    def _append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        if self._file and self._day != self._today():
            self._rotate()
        if self._file is None:
            self._file = _new_file(self._folder)
            self._rows, self._opened, self._day = 0, time.monotonic(), self._today()
        _write_whole(self._file, b"".join(_ENCODER.encode(row).encode() + b"\n" for row in rows))
        self._rows += len(rows)
        self.written += len(rows)

    def _today(self) -> str:
        return time.strftime(self._day_folder, time.gmtime())

    def _rotate(self) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            publish(Path(self._file.name), self._folder / self._day)
            self._file = None


def _new_file(folder: Path) -> BinaryIO:
    file = (folder / f"{OPEN}{secrets.token_hex(4)}{ENDING}").open("xb", buffering=0)
    # Whoever finds the file unlocked knows that its writer is gone; the lock ends with the process, however that ends.
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _write_whole(file: BinaryIO, content: bytes) -> None:
    """Writes all, or, where the disk is full, nothing."""
    start = file.seek(0, os.SEEK_END)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(start)
        raise


def publish(path: Path, folder: Path) -> Path:
    """Gives an open file the name under which readers take it, in one step; no two open files have the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    return path.rename(folder / f"{CLOSED}{int(time.time())}-{path.name.removeprefix(OPEN)}")


def recover(folder: Path, day_folder: str = "") -> list[Path]:
    """Closes the files of servers that were killed, without a torn last row; files of servers that live are left alone."""
    closed = []
    for path in sorted(folder.glob(f"{OPEN}*{ENDING}")):
        with path.open("rb+") as file:
            if not _locked(file):
                continue
            day = time.strftime(day_folder, time.gmtime(os.fstat(file.fileno()).st_mtime))
            file.truncate(_whole_lines(file))
            os.fsync(file.fileno())
            if os.fstat(file.fileno()).st_size:
                closed.append(publish(path, folder / day))
            else:
                path.unlink()
    return closed


def _locked(file: BinaryIO) -> bool:
    """Takes the file's lock; False if its writer lives."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _whole_lines(file: BinaryIO, block: int = 65_536) -> int:
    """The size of the file up to its last line end, searched from its end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - block, 0)
        file.seek(start)
        place = file.read(end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
