"""Requests to the server: a version of the pipeline, a run, a schedule, and the state of a run."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import tenacity

from pipeline.kubeflow import errors
from pipeline.kubeflow.client import Client
from pipeline.kubeflow.package import Package
from pipeline.kubeflow.run_state import RunState

PAUSE = 5.0  # seconds between two looks at a run
ATTEMPTS = 5  # how many failed looks in a row end the waiting for a run
# The first release whose API can remove a schedule and let its run go on (kubeflow/pipelines#12574).
ORPHAN_RELEASE = (2, 16)
Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Order:
    """A run or schedule to be made.

    Attributes:
      name: of the run or schedule.
      experiment: its experiment's name.
      root: where it puts artifacts; "" for the server's own.
      parameters: what differs from the defaults.
    """

    name: str
    experiment: str
    root: str
    parameters: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of the pipeline as the server has it."""

    pipeline: str
    id: str
    name: str


@dataclasses.dataclass(frozen=True)
class Removal:
    """The result of removing a schedule.

    Attributes:
      schedule: its id.
      removed: False if it was only disabled, because to remove it would have ended its run.
      run: the id of its run that continues; "" if there is none.
    """

    schedule: str
    removed: bool
    run: str = ""


def upload(client: Client, package: Package) -> Version:
    """Makes sure that the server has this version, and returns it. The version's name tells its bytes, so they are sent once."""
    pipelines = client.get("/pipelines", namespace=client.namespace, filter=_filter_by_name(package.name)).get(
        "pipelines"
    )
    if pipelines:
        pipeline = str(pipelines[0]["pipeline_id"])
        versions = client.get(
            f"/pipelines/{pipeline}/versions", page_size=1, filter=_filter_by_name(package.version)
        ).get("pipeline_versions")
    else:
        # An upload would make pipeline and version in one request, but names the version after the pipeline.
        pipeline = str(
            client.post("/pipelines", _drop_empty(display_name=package.name, namespace=client.namespace))["pipeline_id"]
        )
        versions = None
    version = (
        versions[0]
        if versions
        else client.upload("/pipelines/upload_version", package.path, name=package.version, pipelineid=pipeline)
    )
    return Version(pipeline, str(version["pipeline_version_id"]), str(version["display_name"]))


def start(client: Client, version: Version, order: Order) -> str:
    """Starts a run of a version, and returns the run's id."""
    return str(client.post("/runs", _order(client, version, order))["run_id"])


def repeat(client: Client, version: Version, order: Order, cron: str) -> tuple[str, list[Removal]]:
    """Replaces the schedules of the same name by a new one: one run at a time, missed runs are not backfilled.

    Returns:
      The schedule's id, and what was done to the schedules that it replaces.
    """
    body = _order(client, version, order)
    experiment = body["experiment_id"]
    old = schedules(client, experiment, order.name)
    trigger = {"cron_schedule": {"cron": cron}}
    # An int64 is text in the JSON of protobuf.
    schedule = client.post(
        "/recurringruns", body | {"trigger": trigger, "max_concurrency": "1", "no_catchup": True, "mode": "ENABLE"}
    )
    return str(schedule["recurring_run_id"]), remove_schedules(client, experiment, old)


def remove_schedules(client: Client, experiment: str, old: list[Json]) -> list[Removal]:
    """Removes schedules without ending their runs; on a server that cannot do so, a schedule with a run is disabled."""
    if not old:
        return []
    release = client.release()
    can_orphan = release is None or release >= ORPHAN_RELEASE
    return [_remove(client, experiment, str(schedule["recurring_run_id"]), can_orphan) for schedule in old]


def _remove(client: Client, experiment: str, schedule: str, can_orphan: bool) -> Removal:
    if not can_orphan:
        # First, so that no run begins between the look and the removal.
        client.post(f"/recurringruns/{schedule}:disable")
    runs = [
        run
        for run in newest(client, experiment, 100)
        if run.get("recurring_run_id") == schedule and not RunState(run).has_ended
    ]
    run = str(runs[0]["run_id"]) if runs else ""
    if run and not can_orphan:
        return Removal(schedule, removed=False, run=run)
    client.delete(f"/recurringruns/{schedule}", propagation_policy="ORPHAN" if can_orphan else None)
    return Removal(schedule, removed=True, run=run)


def cancel(client: Client, run: str) -> None:
    """Ends a run."""
    client.post(f"/runs/{run}:terminate")


def schedules(client: Client, experiment: str, name: str | None = None) -> list[Json]:
    """Returns the schedules of an experiment, all of them or those of one name."""
    listed = client.list_all("/recurringruns", "recurringRuns", experiment_id=experiment)
    return [schedule for schedule in listed if name in (None, schedule.get("display_name"))]


def experiment_id(client: Client, name: str) -> str | None:
    """Returns the id of the experiment of that name; None if there is none."""
    listed = client.get("/experiments", namespace=client.namespace, filter=_filter_by_name(name)).get("experiments")
    return str(listed[0]["experiment_id"]) if listed else None


def newest(client: Client, experiment: str, count: int) -> list[Json]:
    """Returns the newest runs of an experiment."""
    return client.get("/runs", page_size=count, sort_by="created_at desc", experiment_id=experiment).get("runs") or []


def read(client: Client, run: str) -> Json:
    """Returns the run as it is now. `view` is for 3.0, which leaves the tasks out otherwise; older servers pass over it."""
    return client.get(f"/runs/{run}", view="FULL")


def read_spec(client: Client, run: Json) -> Json:
    """Returns the pipeline spec that a run was made from; empty if the server does not tell."""
    reference = run.get("pipeline_version_reference") or {}
    spec = run.get("pipeline_spec")
    if not spec and reference.get("pipeline_version_id"):
        version = client.get(f"/pipelines/{reference['pipeline_id']}/versions/{reference['pipeline_version_id']}")
        spec = version.get("pipeline_spec")
    # With a platform spec, both stand one level deeper.
    return (spec or {}).get("pipeline_spec") or spec or {}


def follow(client: Client, run: str, seconds: float, tell: Callable[[str, str], None]) -> RunState:
    """Waits for the end of a run.

    Args:
      client: of the server.
      run: its id.
      seconds: how long to wait.
      tell: is told of every change: name of the step and its state.

    Returns:
      The run as it was last seen, ended or not.

    Raises:
      ServerError: if the server does not answer several times in a row, or refuses.
    """
    look = _patient(lambda: read(client, run))
    spec: Json | None = None
    states: dict[str, str] = {}

    def advance() -> RunState:
        nonlocal spec
        answer = look()
        if spec is None:
            spec = read_spec(client, answer)
        state = RunState(answer, spec)
        for step in state.steps:
            if states.get(step.name) != step.state:
                tell(step.title, step.state)
                states[step.name] = step.state
        return state

    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda state: not state.has_ended),
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(PAUSE),
        retry_error_callback=_last_result,
    )
    return waiting(advance)


def _last_result(attempt: tenacity.RetryCallState) -> Any:
    """Returns what the last attempt returned; called when the time is over."""
    assert attempt.outcome is not None, "called after an attempt"
    return attempt.outcome.result()


def _patient(look: Callable[[], Json]) -> Callable[[], Json]:
    """Returns the look with patience: it is repeated while the next one may succeed."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, errors.ServerError) and error.passing),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_fixed(PAUSE),
        reraise=True,
    )
    return lambda: retrying(look)


def _order(client: Client, version: Version, order: Order) -> Json:
    experiment = experiment_id(client, order.experiment)
    if experiment is None:
        experiment = str(
            client.post("/experiments", _drop_empty(display_name=order.experiment, namespace=client.namespace))[
                "experiment_id"
            ]
        )
    return {
        "experiment_id": experiment,
        "display_name": order.name,
        "pipeline_version_reference": {"pipeline_id": version.pipeline, "pipeline_version_id": version.id},
        "runtime_config": _drop_empty(parameters=dict(order.parameters), pipeline_root=order.root),
    }


def _drop_empty(**values: Any) -> Json:
    """Returns the values that are not empty."""
    return {name: value for name, value in values.items() if value}


def _filter_by_name(name: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})
