"""The traffic log: rows that requests hand over, written by a thread, so that no request waits for a disk.

The files are those of `traffic_file`: JSON lines that ExampleGen takes, never a torn row in one of them. Where the declared log has a folder
per day, a published file lies in that of its day (UTC). After kill -9 the open file lies there with at most one torn row at its end; the next
start cuts that off and publishes the file. What is lost is what was not yet handed to the operating system: at most `FLUSH_SECONDS`.

A disk that fails costs the rows that cannot be written, never the log: the next rows are tried again, on a new file if need be.
"""

import contextlib
import errno
import json
import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.serving.traffic_file import TrafficFile, recover

_LOGGER = logging.getLogger("dayone.serving")
FLUSH_SECONDS = 0.2
GATHER_SECONDS = 0.01  # many answers at a time: woken for each, the writer took Python's lock just when its request was to be answered
WAITING_BATCHES, WAITING_ROWS = 10_000, 100_000
_ENCODER = json.JSONEncoder(allow_nan=False)
_END: Sequence[Mapping[str, Any]] = ()


class EventLog:
    """Appends rows to rotating files; `close` (or the next start) makes the last one readable.

    Attributes:
      written: rows that are in a file, published or open.
      dropped: rows that no file holds: not writable, too many at once, or in a file that someone removed before it was published.
      problem: why the last attempt to write or publish failed; "" while all is well.
    """

    def __init__(
        self, folder: Path, rows_per_file: int = 100_000, seconds_per_file: float = 300.0, day_folder: str = ""
    ):
        """Recovers what an earlier server left, and starts the writer.

        Args:
          folder: of the files; made if it is not there.
          rows_per_file, seconds_per_file: a file is published when it has that many rows, or is that old.
          day_folder: the folder of a day's files below it, as for `strftime`; "" for none.

        Raises:
          OSError: if the folder cannot be made or read.
        """
        self._folder, self._most_rows, self._most_seconds, self._day_folder = (
            folder,
            rows_per_file,
            seconds_per_file,
            day_folder,
        )
        self.written = self.dropped = 0
        self.problem = ""
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder, day_folder)
        self._waiting: queue.Queue[Sequence[Mapping[str, Any]]] = queue.Queue(WAITING_BATCHES)
        self._lock, self._rows_waiting, self._dropped_before = threading.Lock(), 0, 0
        self._file: TrafficFile | None = None
        self._thread = threading.Thread(target=self._write, name="event-log", daemon=True)
        self._thread.start()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Hands rows to the writer; where the disk cannot follow they are dropped and counted, as a request must not wait."""
        if not rows:
            return
        with self._lock:
            fits = self._rows_waiting + len(rows) <= WAITING_ROWS
            if fits:
                with contextlib.suppress(queue.Full):
                    self._waiting.put_nowait(rows)
                    self._rows_waiting += len(rows)
                    return
            self.dropped += len(rows)

    def close(self) -> None:
        """Writes what is waiting, publishes the file."""
        self._waiting.put(_END)
        self._thread.join()

    def _write(self) -> None:
        """Runs the writer's thread: takes waiting rows, writes them at once, rotates."""
        ended = False
        while not ended:
            batches = self._take()
            ended = _END in batches
            self._store([row for batch in batches for row in batch], ended)
        if self._file is not None:
            self._file.abandon()

    def _take(self) -> list[Sequence[Mapping[str, Any]]]:
        batches = []
        with contextlib.suppress(queue.Empty):
            batches.append(self._waiting.get(timeout=FLUSH_SECONDS))
            if batches[0] is not _END:
                time.sleep(GATHER_SECONDS)
            while len(batches) < WAITING_BATCHES:
                batches.append(self._waiting.get_nowait())
        with self._lock:
            self._rows_waiting -= sum(map(len, batches))
        return batches

    def _store(self, rows: Sequence[Mapping[str, Any]], last: bool) -> None:
        """Writes rows, and rotates where that is due; what fails is said once, and tried again the next time."""
        today = time.strftime(self._day_folder, time.gmtime())
        outcomes = []
        self._notice_loss()
        if rows and self._file and self._file.day != today:
            outcomes.append(self._rotate())
        if rows:
            outcomes.append(self._append(rows, today))
        if self._file and (
            last or self._file.rows >= self._most_rows or time.monotonic() - self._file.opened >= self._most_seconds
        ):
            outcomes.append(self._rotate())
        if outcomes:
            self._report(next((error for error in outcomes if error), None))

    def _notice_loss(self) -> None:
        """Notices a file that was removed before it was published: its rows count as dropped, a new file begins."""
        if self._file and self._file.gone:
            lost, self._file = self._file, None
            lost.abandon()
            self.written -= lost.rows
            self._drop(lost.rows)
            _LOGGER.warning(
                "an open file of the traffic log was removed from %s: %d rows are lost", self._folder, lost.rows
            )

    def _append(self, rows: Sequence[Mapping[str, Any]], today: str) -> Exception | None:
        """Writes rows to the open file or a new one; rows that cannot be written are counted."""
        content, count, problem = _encode(rows)
        self._drop(len(rows) - count)
        try:
            if self._file is None:
                recover(self._folder, self._day_folder)  # also what this server had to abandon
                self._file = TrafficFile(self._folder, today)
            self._file.append(content, count)
        except OSError as error:
            self._drop(count)
            if self._file and error.errno not in (errno.ENOSPC, errno.EDQUOT):  # this file may never work again
                self._file.abandon()
                self._file = None
            return error
        self.written += count
        return problem

    def _rotate(self) -> Exception | None:
        """Publishes the open file; where that fails it stays open, and takes more rows."""
        assert self._file
        try:
            self._file.publish()
        except OSError as error:
            return error
        self._file = None
        return None

    def _drop(self, rows: int) -> None:
        with self._lock:
            self.dropped += rows

    def _report(self, error: Exception | None) -> None:
        """Says when writing begins to fail, with one traceback, and when it works again; not what happens to each batch between."""
        if error and not self.problem:
            self._dropped_before = self.dropped
            _LOGGER.error(
                "the traffic log in %s fails; it is tried again with every batch", self._folder, exc_info=error
            )
        elif self.problem and not error:
            _LOGGER.warning(
                "the traffic log in %s is written again; rows dropped meanwhile: %d",
                self._folder,
                self.dropped - self._dropped_before,
            )
        self.problem = f"{type(error).__name__}: {error}" if error else ""


def _encode(rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, int, Exception | None]:
    """Returns the rows as lines, their number, and the error that left the others out."""
    lines, problem = [], None
    for row in rows:
        try:
            lines.append(_ENCODER.encode(row).encode() + b"\n")
        except (ValueError, TypeError) as error:  # noqa: PERF203 per row, so that one bad row does not cost its batch
            problem = error
    return b"".join(lines), len(lines), problem
