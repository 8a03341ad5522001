"""Starts, follows and stops the process that runs the pipeline."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from components.errors import DayoneError
from pipeline.local import step_events
from pipeline.local.run_request import Request

try:
    import fcntl
except ImportError as missing:  # Windows, for which TFX has no wheels either.
    raise DayoneError("the pipeline runs on Linux and macOS; on Windows use WSL.") from missing

# Seconds after each signal. A run dies at once, but for one that has to end a job on an engine (`pipeline.beam_job`).
PATIENCE = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, None))


class BusyError(DayoneError):
    """Another run is at work in the same folder."""


@contextlib.contextmanager
def lock(home: Path) -> Iterator[int]:
    """Holds a launch's folder for one run; two would write into the same metadata.

    Yields:
      The lock's file descriptor. A child that inherits it holds the lock too, so that a run which outlives its screen
      is not joined by a second.

    Raises:
      BusyError: if another run holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another run is at work in {home}. Wait for its end, or give this one its own --workspace."
            ) from None
        yield file.fileno()


@dataclasses.dataclass
class Child:
    """The running process, its events and the copier of its output."""

    process: subprocess.Popen[bytes]
    events: IO[str]
    copier: threading.Thread

    def follow(self) -> Iterator[dict[str, Any]]:
        """Yields the events until the process closes their pipe."""
        with self.events:
            yield from step_events.receive(self.events)

    def wait(self) -> int:
        """Returns the exit status, once the process is gone and its output is in the log."""
        status = self.process.wait()
        with contextlib.suppress(BrokenPipeError):  # A request that was never read is still in the buffer.
            if self.process.stdin:
                self.process.stdin.close()
        self.copier.join(timeout=5)
        return status

    def stop(self, patience: Sequence[tuple[signal.Signals, float | None]] = PATIENCE) -> None:
        """Ends the process and all that it started: each signal, then that many seconds to obey."""
        for number, seconds in patience:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.wait()


def start(request: Request, log: Path, inherit: int, verbose: bool) -> Child:
    """Starts `pipeline.local.runner` in a process group of its own, so that Ctrl-C reaches this process alone.

    Args:
      request: what to run; its `events` is filled in here.
      log: takes all that the process prints, C++ included.
      inherit: a file descriptor to hand on (the lock).
      verbose: whether the output is shown as well.
    """
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.local.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing, inherit),
            start_new_session=True,
        )
    finally:
        os.close(writing)
    copier = threading.Thread(target=_copy, args=(process.stdout, log, verbose), daemon=True)
    copier.start()
    _send(process.stdin, dataclasses.replace(request, events=writing))
    return Child(process, os.fdopen(reading, encoding="utf-8"), copier)


def _send(stdin: IO[bytes] | None, request: Request) -> None:
    """Hands the request over. The pipe stays open: its end is how the process notices that this one died."""
    if stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # It died already; its exit status tells.
            stdin.write(request.to_json().encode() + b"\n")
            stdin.flush()


def _copy(source: IO[bytes], log: Path, verbose: bool) -> None:
    """Copies what the process prints into the log, and onto the screen if asked."""
    with source, log.open("ab", buffering=0) as file:
        for line in source:
            file.write(line)
            if verbose:
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()
