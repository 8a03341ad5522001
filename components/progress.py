"""Progress reports of a running step and the headline metric of a finished one.

A step reports through the standard logger `dayone.progress`. The local run draws a bar from these records; on a cluster
they are ordinary lines of the step's log.
"""

import logging
import time
import typing

_LOGGER = logging.getLogger("dayone.progress")
_SECONDS_BETWEEN_REPORTS = 0.2
FIGURE = "figure"


class Progress:
    """Counts the work of one step and reports it, at most five times a second.

    Example:
      progress = Progress("training", total=epochs * steps)
      progress.advance(1, note="loss 5.31")
    """

    def __init__(self, task: str, total: int):
        """Starts at zero of `total` units of work."""
        self._task, self._total, self._done, self._last = task, max(total, 1), 0, 0.0

    def advance(self, by: int = 1, note: str = "") -> None:
        """Adds `by` units; `note` is a short text shown next to the bar."""
        self._done += by
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_REPORTS or self._done >= self._total:
            self._last = now
            report = {"task": self._task, "done": self._done, "total": self._total, "note": note}
            _LOGGER.info("%s: %d/%d %s", self._task, self._done, self._total, note, extra={"progress": report})


def set_figure(artifact: typing.Any, text: str) -> None:
    """Stores the step's headline metric on an output artifact, so that a cached run can show it too.

    Args:
      artifact: a TFX artifact that the step writes.
      text: a few words, such as "90,000 train, 10,000 eval".
    """
    artifact.set_string_custom_property(FIGURE, text)
