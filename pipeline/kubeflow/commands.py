"""What `submit`, `schedule`, `status` and `cancel` do, and what they say."""

import argparse
import datetime as dt
import os
import sys
from typing import Any

from components.errors import DayoneError
from pipeline import launches
from pipeline.kubeflow import errors
from pipeline.settings import KubeflowServer, Settings


def submit(options: argparse.Namespace) -> int:
    """Starts a run of the compiled pipeline, and waits for it if asked to; the exit status."""
    from pipeline.kubeflow import runs

    order, client, package = _ordered(options, f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M:%S}")
    ids = runs.upload(client, package)
    run = runs.start(client, ids, order)
    _say_version(package, ids)
    print(f"run       {run}  {_page(client, 'runs/details', run)}")
    if options.dry_run:
        print("nothing was sent")
        return 0
    return _wait(client, run, options.limit) if options.wait else 0


def schedule(options: argparse.Namespace) -> int:
    """Makes a schedule of the compiled pipeline; the exit status."""
    from pipeline.kubeflow import runs

    order, client, package = _ordered(options, "")
    ids = runs.upload(client, package)
    schedule, replaced = runs.repeat(client, ids, order, options.cron)
    _say_version(package, ids)
    print(
        f"schedule  {schedule}  {order.name!r} at {options.cron!r}, one run at a time, missed ones are not made up for"
    )
    for old in replaced:
        print(f"replaces  {old}")
    if options.dry_run:
        print("nothing was sent")
    return 0


def status(options: argparse.Namespace) -> int:
    """Shows the newest runs and the schedules, or one run; the exit status tells how that one ended."""
    from pipeline.kubeflow import client as kubeflow_client
    from pipeline.kubeflow import runs

    client = kubeflow_client.connect(_server(options))
    if options.run and options.wait:
        return _wait(client, options.run, options.limit)
    if options.run:
        run = runs.look(client, options.run)
        for name, (state, begin, end) in runs.states(run).items():
            print(f"  {state:<10} {name:<28} {_lasted(begin, end)}".rstrip())
        return _outcome(run)
    experiment = runs.experiment_id(client, _experiment(options))
    if experiment is None:
        print(f"no run yet: there is no experiment {_experiment(options)!r}")
        return 0
    for run in runs.newest(client, experiment, 10):
        lasted = _lasted(run.created_at, run.finished_at)
        print(
            f"run       {run.run_id}  {run.state or 'PENDING':<10} {_moment(run.created_at)}  {lasted:>8}  {run.display_name}"
        )
    for made in runs.schedules(client, experiment):
        cron = made.trigger and made.trigger.cron_schedule and made.trigger.cron_schedule.cron
        print(
            f"schedule  {made.recurring_run_id}  {made.status or '':<10} {cron or 'every so often'}  {made.display_name}"
        )
    return 0


def cancel(options: argparse.Namespace) -> int:
    """Ends a run, or removes the schedules of a name; the exit status."""
    from pipeline.kubeflow import client as kubeflow_client
    from pipeline.kubeflow import runs

    client = kubeflow_client.connect(_server(options), options.dry_run)
    if options.run:
        with kubeflow_client.quiet():
            client.terminate_run(options.run)
        print(f"run       {options.run}  is being ended")
        return 0
    experiment = runs.experiment_id(client, _experiment(options))
    found = runs.schedules(client, experiment, options.schedule) if experiment else []
    for schedule in found:
        with kubeflow_client.quiet():
            client.delete_recurring_run(schedule.recurring_run_id)
        print(f"schedule  {schedule.recurring_run_id}  removed")
    if not found and not options.dry_run:
        raise DayoneError(
            f"--schedule needs the name of a schedule of experiment {_experiment(options)!r}, got {options.schedule!r}. See `status`."
        )
    return 0


def _ordered(options: argparse.Namespace, moment: str) -> Any:
    """Order, client and package: everything that can be wrong without the server is found out first."""
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
    order = runs.Order(
        name, options.experiment or package.name, server.root, kubeflow_package.parsed(package, options.set)
    )
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

    return _outcome(runs.follow(client, run, 60.0 * minutes, tell))


def _outcome(run: Any) -> int:
    """Says how a run stands; the exit status."""
    from pipeline.kubeflow import runs

    print(f"run       {run.run_id}  {run.state or 'PENDING'}  {_lasted(run.created_at, run.finished_at)}".rstrip())
    if run.error and run.error.message:
        print(f"          {run.error.message}", file=sys.stderr)
    return runs.ENDED.get(run.state, errors.EXIT_NOT_ENDED)


def _say_version(package: Any, ids: tuple[str, str]) -> None:
    print(f"pipeline  {ids[0]}  {package.name}\nversion   {ids[1]}  {package.version}")


def _page(client: Any, kind: str, name: str) -> str:
    return f"{client._get_url_prefix()}/#/{kind}/{name}"


def _moment(time: dt.datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def _lasted(begin: dt.datetime | None, end: dt.datetime | None) -> str:
    """Minutes and seconds; nothing for what has not ended."""
    # A time that never came is the year 1 for some servers, 1970 for others.
    if not begin or not end or end < begin:
        return ""
    seconds = int((end - begin).total_seconds())
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
