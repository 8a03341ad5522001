"""The commands `submit`, `schedule`, `status` and `cancel`."""

import argparse
import datetime as dt
import os
import sys
from typing import Any

from components.errors import DayoneError
from pipeline import launches
from pipeline.settings import KubeflowServer, Settings


def submit(options: argparse.Namespace) -> int:
    """Starts a run of the compiled pipeline, waits for it if asked to, and returns the exit status."""
    from pipeline.kubeflow import runs

    order, client, package = _prepare_order(options, f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M:%S}")
    version = runs.upload(client, package)
    run = runs.start(client, version, order)
    _print_version(package, version)
    print(f"run       {run}  {client.host}/#/runs/details/{run}")
    if options.dry_run:
        print("nothing was sent")
        return 0
    return _wait(client, run, options.limit) if options.wait else 0


def schedule(options: argparse.Namespace) -> int:
    """Makes a schedule of the compiled pipeline, and returns the exit status."""
    from pipeline.kubeflow import runs

    order, client, package = _prepare_order(options, "")
    version = runs.upload(client, package)
    made, removals = runs.repeat(client, version, order, options.cron)
    _print_version(package, version)
    print(f"schedule  {made}  {order.name!r} at {options.cron!r}, one run at a time, missed runs are not backfilled")
    for removal in removals:
        _print_removal("replaces", removal, order.name)
    if options.dry_run:
        print("nothing was sent")
    return 0


def status(options: argparse.Namespace) -> int:
    """Prints the newest runs and the schedules, or one run; the exit status tells how that one ended."""
    from pipeline.kubeflow import client as kubeflow_client
    from pipeline.kubeflow import runs
    from pipeline.kubeflow.run_state import RunState

    client = kubeflow_client.connect(_server(options))
    if options.run and options.wait:
        return _wait(client, options.run, options.limit)
    if options.run:
        run = runs.read(client, options.run)
        state = RunState(run, runs.read_spec(client, run))
        for step in state.steps:
            print(f"  {step.state:<10} {step.title:<28} {_duration(step.begin, step.end)}".rstrip())
        return _print_outcome(state)
    experiment = runs.experiment_id(client, _experiment(options))
    if experiment is None:
        print(f"no run yet: there is no experiment {_experiment(options)!r}")
        return 0
    _print_runs(runs.newest(client, experiment, 10))
    _print_schedules(runs.schedules(client, experiment))
    return 0


def cancel(options: argparse.Namespace) -> int:
    """Ends a run, or removes the schedules of a name, and returns the exit status."""
    from pipeline.kubeflow import client as kubeflow_client
    from pipeline.kubeflow import runs

    client = kubeflow_client.connect(_server(options), options.dry_run)
    if options.run:
        runs.cancel(client, options.run)
        print(f"run       {options.run}  is being ended")
        return 0
    experiment = runs.experiment_id(client, _experiment(options))
    listed = runs.schedules(client, experiment, options.schedule) if experiment else []
    for removal in runs.remove_schedules(client, experiment or "", listed):
        _print_removal("schedule", removal, options.schedule)
    if not listed and not options.dry_run:
        experiment_name = _experiment(options)
        raise DayoneError(
            f"--schedule needs the name of a schedule of experiment {experiment_name!r}, got {options.schedule!r}. See `status`."
        )
    return 0


def _prepare_order(options: argparse.Namespace, moment: str) -> Any:
    """Returns order, client and package; everything that can be wrong without the server is reported first."""
    from pipeline.kubeflow import client as kubeflow_client
    from pipeline.kubeflow import package as kubeflow_package
    from pipeline.kubeflow import runs

    server = _server(options, root=options.root)
    file = (
        options.file
        or Settings.from_environment(os.environ, {"launch": options.launch}).home / f"{_launch(options)}.yaml"
    )
    package = kubeflow_package.load(file)
    name = options.name or f"{package.name} {moment}".strip()
    parameters = kubeflow_package.parse_parameters(package, options.set)
    order = runs.Order(name, options.experiment or package.name, server.root, parameters)
    return order, kubeflow_client.connect(server, options.dry_run), package


def _server(options: argparse.Namespace, **more: str | None) -> KubeflowServer:
    return KubeflowServer.from_environment(os.environ, {"host": options.host, "namespace": options.namespace, **more})


def _launch(options: argparse.Namespace) -> str:
    return launches.load(Settings.from_environment(os.environ, {"launch": options.launch}).launch).name


def _experiment(options: argparse.Namespace) -> str:
    from pipeline.kubeflow.spec import kebab

    return options.experiment or kebab(_launch(options))


def _wait(client: Any, run: str, minutes: int) -> int:
    from pipeline.kubeflow import runs

    def tell(name: str, state: str) -> None:
        print(f"{dt.datetime.now().astimezone():%H:%M:%S}  {state:<10} {name}", flush=True)

    return _print_outcome(runs.follow(client, run, 60.0 * minutes, tell))


def _print_outcome(state: Any) -> int:
    """Prints how a run stands, and returns the exit status."""
    from pipeline.kubeflow.run_state import read_moment

    run = state.run
    duration = _duration(read_moment(run.get("created_at")), read_moment(run.get("finished_at")))
    print(f"run       {run['run_id']}  {state.state}  {duration}".rstrip())
    if message := (run.get("error") or {}).get("message"):
        print(f"          {message}", file=sys.stderr)
    for step in state.steps:
        if step.state == "FAILED":
            reason = f": {step.reason}" if step.reason else ""
            print(f"          {step.name} failed{reason}; what it wrote: {state.logs_of(step)}", file=sys.stderr)
    if untold := state.untold:
        names = ", ".join(step.name for step in untold)
        reason = "the server no longer tells the state of the steps: the workflow's status is above 1 MiB. These seem to go on: "
        print(f"          {reason}{names}", file=sys.stderr)
    return int(state.exit_status)


def _print_runs(listed: list[dict[str, Any]]) -> None:
    from pipeline.kubeflow.run_state import RunState, read_moment

    for run in listed:
        begin, end = read_moment(run.get("created_at")), read_moment(run.get("finished_at"))
        when, duration = f"{begin:%Y-%m-%d %H:%M}" if begin else "", _duration(begin, end)
        print(
            f"run       {run['run_id']}  {RunState(run).state:<10} {when}  {duration:>8}  {run.get('display_name', '')}"
        )


def _print_schedules(listed: list[dict[str, Any]]) -> None:
    for made in listed:
        cron = ((made.get("trigger") or {}).get("cron_schedule") or {}).get("cron") or "every so often"
        print(
            f"schedule  {made['recurring_run_id']}  {made.get('status', ''):<10} {cron}  {made.get('display_name', '')}"
        )


def _print_removal(word: str, removal: Any, name: str) -> None:
    going = f"; its run {removal.run} continues" if removal.run else ""
    if removal.removed:
        print(f"{word:<8}  {removal.schedule}  removed{going}")
        return
    later = f"removing it now would end that run: when it has ended, python -m pipeline cancel --schedule {name!r}"
    print(f"{word:<8}  {removal.schedule}  disabled{going}; {later}")


def _print_version(package: Any, version: Any) -> None:
    print(f"pipeline  {version.pipeline}  {package.name}\nversion   {version.id}  {version.name}")


def _duration(begin: dt.datetime | None, end: dt.datetime | None) -> str:
    """Returns minutes and seconds; nothing for what has not ended."""
    if not begin or not end or end < begin:
        return ""
    seconds = int((end - begin).total_seconds())
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
