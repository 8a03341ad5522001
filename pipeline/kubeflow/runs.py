"""What is asked of the server: a version of the pipeline, a run, a schedule, and how a run is going."""

import dataclasses
import datetime as dt
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.kubeflow import errors
from pipeline.kubeflow.client import Client, quiet
from pipeline.kubeflow.package import Package

# The states of a run from which it does not come back, and the exit status of each.
ENDED = {
    "SUCCEEDED": 0,
    "FAILED": errors.EXIT_FAILED,
    "CANCELED": errors.EXIT_CANCELLED,
    "SKIPPED": errors.EXIT_CANCELLED,
}
PAUSE = 5.0  # seconds between two looks at a run
_PATIENCE = 5  # how many failed looks in a row end the waiting for a run


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


def upload(client: Client, package: Package) -> tuple[str, str]:
    """Makes sure that the server has this version; its pipeline's id and its own."""
    with quiet():
        namespace = client.get_user_namespace() or None
        found = client.list_pipelines(namespace=namespace, filter=_called(package.name)).pipelines
        if not found:
            made = client.upload_pipeline(str(package.path), package.name, namespace=namespace)
            # The first version bears the pipeline's name.
            first = client.list_pipeline_versions(
                made.pipeline_id, page_size=1, sort_by="created_at desc"
            ).pipeline_versions
            return made.pipeline_id, first[0].pipeline_version_id
        pipeline = found[0].pipeline_id
        same = client.list_pipeline_versions(pipeline, page_size=1, filter=_called(package.version)).pipeline_versions
        version = same[0] if same else client.upload_pipeline_version(str(package.path), package.version, pipeline)
        return pipeline, version.pipeline_version_id


def start(client: Client, ids: tuple[str, str], order: Order) -> str:
    """Starts a run of a version; the run's id."""
    with quiet():
        experiment = client.create_experiment(order.experiment, namespace=client.get_user_namespace() or None)
        given = {
            "params": dict(order.parameters),
            "pipeline_id": ids[0],
            "version_id": ids[1],
            "pipeline_root": order.root or None,
        }
        return str(client.run_pipeline(experiment.experiment_id, order.name, **given).run_id)


def repeat(client: Client, ids: tuple[str, str], order: Order, cron: str) -> tuple[str, list[str]]:
    """Makes a schedule in place of those of the same name: never two runs at once, nothing is made up for.

    Returns:
      The schedule's id, and those of the schedules that it replaces.
    """
    with quiet():
        experiment = client.create_experiment(order.experiment, namespace=client.get_user_namespace() or None)
        given = {
            "params": dict(order.parameters),
            "pipeline_id": ids[0],
            "version_id": ids[1],
            "pipeline_root": order.root or None,
        }
        old = [schedule.recurring_run_id for schedule in schedules(client, experiment.experiment_id, order.name)]
        made = client.create_recurring_run(
            experiment.experiment_id,
            order.name,
            cron_expression=cron,
            max_concurrency=1,
            no_catchup=True,
            enabled=True,
            **given,
        )
        for schedule in old:
            client.delete_recurring_run(schedule)
        return str(made.recurring_run_id), old


def schedules(client: Client, experiment: str, name: str | None = None) -> list[Any]:
    """The schedules of an experiment, all of them or those of one name."""
    with quiet():
        found = client.list_recurring_runs(page_size=100, experiment_id=experiment).recurring_runs
    return [schedule for schedule in found or [] if name in (None, schedule.display_name)]


def experiment_id(client: Client, name: str) -> str | None:
    """The experiment of that name; None if there is none."""
    with quiet():
        found = client.list_experiments(namespace=client.get_user_namespace() or None, filter=_called(name)).experiments
    return str(found[0].experiment_id) if found else None


def newest(client: Client, experiment: str, count: int) -> list[Any]:
    """The newest runs of an experiment."""
    with quiet():
        return client.list_runs(page_size=count, sort_by="created_at desc", experiment_id=experiment).runs or []


def look(client: Client, run: str) -> Any:
    """The run as it is now."""
    with quiet():
        return client.get_run(run)


def states(run: Any) -> dict[str, tuple[str, dt.datetime | None, dt.datetime | None]]:
    """State, begin and end of every step of a run that has begun, in that order."""
    details = (run.run_details and run.run_details.task_details) or []
    begun = sorted(
        (detail for detail in details if detail.state),
        key=lambda detail: (detail.start_time is None, detail.start_time or detail.create_time),
    )
    # The server counts its own pods as tasks too.
    own = [
        detail
        for detail in begun
        if detail.display_name not in ("root", "executor") and not (detail.display_name or "").endswith("-driver")
    ]
    return {detail.display_name: (detail.state, detail.start_time, detail.end_time) for detail in own}


def follow(client: Client, run: str, seconds: float, tell: Callable[[str, str], None]) -> Any:
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
    seen: dict[str, str] = {}
    until, failures = time.monotonic() + seconds, 0
    while True:
        try:
            found, failures = look(client, run), 0
        except errors.ServerError as error:
            failures += 1
            if not error.passing or failures == _PATIENCE:
                raise
        else:
            now = {name: state for name, (state, *_) in states(found).items()}
            for name, state in now.items():
                if seen.get(name) != state:
                    tell(name, state)
            seen = now
            if found.state in ENDED or time.monotonic() > until:
                return found
        time.sleep(min(PAUSE, max(0.0, until - time.monotonic())) or 0.05)


def _called(name: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})
