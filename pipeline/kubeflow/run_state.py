"""The state of a run and its steps, from the server's answer."""

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.kubeflow import errors

# The states from which a run does not come back, and the exit status of each.
ENDED = {
    "SUCCEEDED": 0,
    "FAILED": errors.EXIT_FAILED,
    "CANCELED": errors.EXIT_CANCELLED,
    "SKIPPED": errors.EXIT_CANCELLED,
}
# Where the backend puts artifacts if nobody says otherwise.
DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"
_LOGS = "executor-logs"
_GOING = ("PENDING", "RUNNING")
_ATTEMPT = re.compile(r"(.+?)(?:\((\d+)\))?")
# Argo's nodes that are not steps, for servers that do not return the pipeline's spec.
_OTHER_NODES = re.compile(r"root|executor|.*-driver|.*-[a-z0-9]{5}")
Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class StepState:
    """The state of a step.

    Attributes:
      name: of the compiled task.
      state: PENDING, RUNNING, SUCCEEDED, FAILED, SKIPPED, ...
      attempts: how often it was begun.
      begin, end: of all attempts; None for what has not come yet.
      logs: the URI of what it wrote; "" if the server does not tell.
      reason: why it failed; "" if the server does not tell, as all 2.x.
    """

    name: str
    state: str
    attempts: int = 1
    begin: dt.datetime | None = None
    end: dt.datetime | None = None
    logs: str = ""
    reason: str = ""

    @property
    def title(self) -> str:
        """The name, with the number of the attempt from the second on."""
        return self.name if self.attempts < 2 else f"{self.name} (attempt {self.attempts})"


class RunState:
    """The state of a run, in the form of 2.x (`run_details.task_details`) or 3.0 (`tasks`).

    Attributes:
      run: the server's answer.
    """

    def __init__(self, run: Json, spec: Json | None = None):
        """Keeps the answer, and the pipeline spec that the run was made from, whose tasks are the steps."""
        self.run, self._spec = dict(run), spec or {}

    @property
    def state(self) -> str:
        """The state of the run; CANCELED also where the server calls a cancelled run failed, as all 2.x do."""
        state = str(self.run.get("state") or "PENDING")
        history = {entry.get("state") for entry in self.run.get("state_history") or []}
        return "CANCELED" if state == "FAILED" and history & {"CANCELING", "CANCELED"} else state

    @property
    def has_ended(self) -> bool:
        """Whether the run will change no more."""
        return self.state in ENDED

    @property
    def exit_status(self) -> int:
        """The exit status that tells the outcome to scripts."""
        return ENDED.get(self.state, errors.EXIT_NOT_ENDED)

    @property
    def steps(self) -> list[StepState]:
        """The steps that have begun, in that order."""
        nodes: dict[str, dict[int | None, Json]] = {}
        for task in self._tasks():
            name, attempt = _ATTEMPT.fullmatch(str(task.get("display_name") or task.get("name") or "?")).groups()  # type: ignore[union-attr]
            if self._is_step(name) and _state(task):
                nodes.setdefault(name, {})[None if attempt is None else int(attempt)] = task
        steps = [_merge(name, attempts) for name, attempts in nodes.items()]
        return sorted(
            steps, key=lambda step: (step.begin is None, step.begin or dt.datetime.max.replace(tzinfo=dt.timezone.utc))
        )

    @property
    def untold(self) -> list[StepState]:
        """The steps whose state the server no longer tells: they seem to go on in a run that has ended.

        Kubeflow Pipelines reads nothing more of the steps once Argo has packed the status of a workflow, above 1 MiB.
        """
        return [step for step in self.steps if step.state in _GOING] if self.has_ended else []

    def logs_of(self, step: StepState) -> str:
        """Returns the URI of what a step wrote; where the server does not tell, the folder below which it lies."""
        root = (self.run.get("runtime_config") or {}).get("pipeline_root") or DEFAULT_ROOT
        pipeline = (self._spec.get("pipelineInfo") or {}).get("name", "PIPELINE")
        return step.logs or f"{root}/{pipeline}/{self.run.get('run_id')}/{step.name}/*/{_LOGS}"

    def _tasks(self) -> Iterator[Json]:
        details = self.run.get("run_details") or {}
        yield from self.run.get("tasks") or details.get("task_details") or []

    def _is_step(self, name: str) -> bool:
        tasks = ((self._spec.get("root") or {}).get("dag") or {}).get("tasks")
        return name in tasks if tasks else not _OTHER_NODES.fullmatch(name)


def read_moment(text: object) -> dt.datetime | None:
    """Returns the moment; None for none, and for the year 1 or 1970, which some servers tell for what has not come."""
    if not isinstance(text, str) or text < "1971":
        return None
    return dt.datetime.fromisoformat(f"{text[:19]}+00:00")


def _merge(name: str, attempts: Mapping[int | None, Json]) -> StepState:
    """Returns the step of its nodes: the step itself (None) and its attempts, by number."""
    numbers = [number for number in attempts if number is not None]
    last = attempts[max(numbers)] if numbers else attempts[None]
    leading = attempts.get(None, last)
    starts = (read_moment(task.get("start_time")) or read_moment(task.get("create_time")) for task in attempts.values())
    begins = [moment for moment in starts if moment]
    end = None if _state(leading) in _GOING else read_moment(leading.get("end_time"))
    return StepState(
        name=name,
        state=_state(leading),
        attempts=1 + max(numbers, default=0),
        begin=min(begins, default=None),
        end=end,
        logs=_logs(last),
        reason=_reason(last),
    )


def _state(task: Json) -> str:
    return str(task.get("state") or task.get("status") or "")


def _logs(task: Json) -> str:
    """Returns the URI of the logs in the form of 3.0: outputs.artifacts, by key."""
    outputs = task.get("outputs") or {}
    for output in outputs.get("artifacts") or [] if isinstance(outputs.get("artifacts"), list) else []:
        if output.get("artifact_key") == _LOGS:
            return str(next((artifact.get("uri") for artifact in output.get("artifacts") or []), ""))
    return ""


def _reason(task: Json) -> str:
    """Returns why a task failed, in the form of 3.0."""
    return str((task.get("status_metadata") or {}).get("message") or task.get("lifecycle_message") or "")
