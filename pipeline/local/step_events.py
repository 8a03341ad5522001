"""Events from the process that runs the pipeline to the one that draws the screen: one JSON object a line, over a pipe.

A run's events, in order:
  {"event": "plan", "steps": [names], "cpu": seconds}                           TFX is imported, the graph is compiled
  {"event": "start", "step": name}
  {"event": "progress", "task": text, "done": n, "total": n, "note": text}      from `components/progress.py`, while a step runs
  {"event": "end", "step": name, "state": "done" | "cached" | "skipped" | "failed", "wall": seconds, "cpu": seconds,
  "figure": text,
   "summary": folder or ""}
  {"event": "failure", "step": name or "", "expected": bool, "message": text}   expected: a DayoneError, which needs no log
  {"event": "finish"}                                                           the last step is done
Steps speak through the standard logger, so that they need to know neither the pipe nor each other.
"""

import json
import logging
import os
from collections.abc import Iterator
from typing import IO, Any

_LOGGER = logging.getLogger("dayone.steps")


def emit(event: str, **fields: Any) -> None:
    """Sends one event to whoever listens."""
    _LOGGER.info("%s %s", event, fields, extra={"step_event": {"event": event, **fields}})


class PipeHandler(logging.Handler):
    """Writes the events among the log's records to a pipe, and leaves all other records alone."""

    def __init__(self, descriptor: int):
        """Takes over the pipe's write end; processes started from here do not inherit it."""
        super().__init__()
        os.set_inheritable(descriptor, False)
        self._pipe = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record's event, if it carries one."""
        event = getattr(record, "step_event", None)
        progress = getattr(record, "progress", None)
        if event is None and progress is not None:
            event = {"event": "progress", **progress}
        if event is not None:
            self._pipe.write(json.dumps(event, default=str) + "\n")

    def close(self) -> None:
        """Closes the pipe, which ends the receiver's loop."""
        self._pipe.close()
        super().close()


def send_to(descriptor: int) -> None:
    """Connects the loggers of the steps to the pipe."""
    logger = logging.getLogger("dayone")
    logger.setLevel(logging.INFO)
    logger.addHandler(PipeHandler(descriptor))


def receive(pipe: IO[str]) -> Iterator[dict[str, Any]]:
    """Yields the events until the sender closes the pipe; a line cut off by the sender's death is dropped."""
    for line in pipe:
        if line.endswith("\n"):
            yield json.loads(line)
