"""Commands for a server of Kubeflow Pipelines: `python -m pipeline submit | schedule | status | cancel`."""

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.cli import clean, context, launch_options
from pipeline.cli.parser import Commands, Help, Parser, entries
from pipeline.kubeflow import commands as kubeflow_commands
from pipeline.kubeflow import errors
from pipeline.settings import SERVER_VARIABLES

_CRON_FIELD = re.compile(r"[\d*/,?A-Za-z-]+")
_DAY_MINUTES = 24 * 60


def register(commands: "Commands[Parser]") -> None:
    """Adds the four commands to the parser of the command line."""
    _add_submit(commands)
    _add_schedule(commands)
    _add_status(commands)
    _add_cancel(commands)


def _add_submit(commands: Any) -> None:
    parser = _command(
        commands, "submit", "start a run of the compiled pipeline on Kubeflow Pipelines", kubeflow_commands.submit
    )
    _add_order(parser, "run")
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for the end of the run, showing its steps; the exit status tells the outcome",
    )
    parser.add_argument(
        "--limit", metavar="MINUTES", type=int, default=_DAY_MINUTES, help="wait no longer (default: a day)"
    )


def _add_schedule(commands: Any) -> None:
    parser = _command(
        commands, "schedule", "let Kubeflow Pipelines start runs by the clock", kubeflow_commands.schedule
    )
    parser.add_argument(
        "cron",
        type=six_fields,
        help='when, in the time of the server, usually UTC: "0 4 * * *" is every day at four; six fields begin with seconds',
    )
    _add_order(parser, "schedule")


def _add_status(commands: Any) -> None:
    does = "show how the launch stands here, or the runs of a server of Kubeflow Pipelines"
    parser = _command(commands, "status", does, _status)
    launch_options.add(parser, "workspace")
    parser.add_argument("run", nargs="?", help="the id of a run on the server; without it, the newest ones are listed")
    parser.add_argument("--wait", action="store_true", help="wait for the end of the run")
    parser.add_argument(
        "--limit", metavar="MINUTES", type=int, default=_DAY_MINUTES, help="wait no longer (default: a day)"
    )


def _status(options: argparse.Namespace) -> int:
    """Shows the server's runs where a server or one of its runs is named, and this machine's workspace otherwise."""
    named = (options.run, options.host, options.namespace, options.experiment, options.wait)
    if any(named) or os.environ.get("DAYONE_KFP_HOST"):
        return kubeflow_commands.status(options)
    from pipeline.local import workspace_status

    for line in workspace_status.describe(context.load(options, "launch", "workspace").settings, clean.RUNS):
        print(line)
    return 0


def _add_cancel(commands: Any) -> None:
    parser = _command(commands, "cancel", "end a run, or remove a schedule", kubeflow_commands.cancel)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", nargs="?", help="the run's id")
    what.add_argument("--schedule", metavar="NAME", help="the schedule's name, see `status`")
    parser.add_argument("--dry-run", action="store_true", help="print the requests and send nothing")


def _command(commands: Any, name: str, does: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}. See kubeflow/README.md.",
        epilog=f"{entries('environment variables (an option wins over its variable):', SERVER_VARIABLES)}\n\n"
        + entries("exit status:", {str(status): text for status, text in errors.EXITS.items()}),
        formatter_class=Help,
    )
    launch_options.add(parser, "launch")
    parser.add_argument("--host", metavar="URL", help="the address of Kubeflow Pipelines")
    parser.add_argument(
        "--namespace", metavar="NAME", help="the namespace of the runs, if Kubeflow Pipelines has several users"
    )
    parser.add_argument(
        "--experiment", metavar="NAME", help="the Kubeflow experiment that groups the runs (default: the launch)"
    )
    parser.set_defaults(command=run, dry_run=False)
    return parser


def _add_order(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--file", metavar="FILE", type=Path, help="the compiled pipeline (default: runs/<launch>/<launch>.yaml)"
    )
    parser.add_argument("--root", metavar="URI", help="where the run puts its artifacts: gs://, s3:// or minio://")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter of the pipeline, such as epochs=3; may be repeated",
    )
    parser.add_argument(
        "--name", metavar="NAME", help=f"of the {what} (default: the launch{' and the time' if what == 'run' else ''})"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the requests and send nothing; needs no server")


def six_fields(cron: str) -> str:
    """Returns a schedule with seconds, as Kubeflow Pipelines needs it: of five fields it would take the first for seconds."""
    fields = cron.split()
    if len(fields) not in (5, 6) or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        raise argparse.ArgumentTypeError(
            f'needs five fields (minute hour day month weekday), such as "0 4 * * *", or six with seconds first, got {cron!r}'
        )
    return " ".join(fields if len(fields) == 6 else ["0", *fields])
