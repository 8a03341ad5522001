"""The record of a run: the state and cost of each step, kept as JSON next to the run's log."""

import dataclasses
import json
import resource
import time
from pathlib import Path
from typing import Any


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclasses.dataclass
class RunRecord:
    """Collects the `step_events` of one run.

    Attributes:
      steps: per finished step: name, state, wall and CPU seconds, figure.
      setup: wall and CPU seconds of imports and compiling, before the first step.
      failure: the first failure event; None if there was none.
      summary: the folder of the verdict's summary; "" before there is one.
      page: the folder of the page that shows the statistics; "" before there is one.
      running: the step that has begun and not ended; "" between steps.
      finished: whether the run came to its end.
      started: the monotonic clock at the beginning, in seconds.
      cpu_before: CPU seconds of earlier child processes.
    """

    steps: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    setup: dict[str, float] = dataclasses.field(default_factory=dict)
    failure: dict[str, Any] | None = None
    summary: str = ""
    page: str = ""
    running: str = ""
    finished: bool = False
    started: float = dataclasses.field(default_factory=time.monotonic)
    cpu_before: float = dataclasses.field(default_factory=_children_cpu)

    def add(self, event: dict[str, Any]) -> None:
        """Takes in one event."""
        kind = event["event"]
        if kind == "plan":
            self.setup = {"wall": self.wall, "cpu": event["cpu"]}
        elif kind == "start":
            self.running = event["step"]
        elif kind == "end":
            self.running = ""
            self.steps.append({name: event[name] for name in ("step", "state", "wall", "cpu", "figure")})
            self.summary = event["summary"] or self.summary
            self.page = event.get("page", "") or self.page
        elif kind == "failure":
            self.failure = self.failure or event
        elif kind == "finish":
            self.finished = True

    @property
    def wall(self) -> float:
        """Returns the seconds since the run began."""
        return round(time.monotonic() - self.started, 3)

    @property
    def cpu(self) -> float:
        """Returns the CPU seconds of the pipeline's process, from its start to its last breath; known when it is gone."""
        return round(_children_cpu() - self.cpu_before, 3)

    def totals(self) -> str:
        """Returns the run's cost in words."""
        setup = f" (set-up {self.setup['wall']:.0f} s, {self.setup['cpu']:.0f} CPU-s)" if self.setup else ""
        return f"{self.wall:.0f} s, {self.cpu:.0f} CPU-s{setup}"

    def write(self, path: Path, stopped: bool = False) -> None:
        """Writes the record; `state` is "done", "failed" or "stopped"."""
        state = "stopped" if stopped else "done" if self.finished and not self.failure else "failed"
        total = {"wall": self.wall, "cpu": self.cpu}
        message = self.failure["message"] if self.failure else ""
        record = {
            "state": state,
            "message": message,
            "setup": self.setup,
            "steps": self.steps,
            "total": total,
            "summary": self.summary,
        }
        path.write_text(json.dumps(record, indent=1) + "\n")
