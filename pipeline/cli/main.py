"""The command line. It answers help and mistakes at once: neither TensorFlow nor TFX is imported in this process."""

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from components.errors import DayoneError, SettingsError
from pipeline import launches, steps
from pipeline.cli import compile, feast, kubeflow, launch_options, rollout, serve, vectors, versions
from pipeline.settings import VARIABLES, Settings

_NEW_ROLES = {
    "user": "the user's id",
    "item": "the item's id",
    "time": "the time",
    "event": "the kind of event, or the answer to an impression",
    "value": "a number on the event",
}
EXIT_OK, EXIT_ERROR, EXIT_STOPPED = 0, 1, 130

_RUN_EXAMPLES = """\
examples:
  python -m pipeline run                                  the default launch; the shop's sample is made if there is none
  python -m pipeline run --log my_events.parquet          the same declaration, your own log
  python -m pipeline run --launch movielens --log DIR     another launch, its files in DIR
  python -m pipeline run --from Trainer                   what comes before it is taken from earlier runs
  python -m pipeline run --to SchemaGate                        only look whether the data fits the schema
"""


def main(arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit status: 0 done, 1 an error that is told in one message, 2 usage, 130 stopped; more in `kubeflow_errors`."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (DayoneError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", EXIT_ERROR)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return EXIT_STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Dayone: launch a product feature with machine learning from day one.",
        epilog=_variables(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_schema(commands)
    _add_validate(commands)
    _add_new(commands)
    compile.add(commands)
    kubeflow.add(commands)
    listing = commands.add_parser(
        "launches", help="list the launches", description="List the launches in pipeline/launches/."
    )
    listing.set_defaults(command=_list_launches)
    versions.add_to(commands)
    rollout.add_to(commands)
    serve.add_to(commands)
    vectors.add_to(commands)
    feast.add_to(commands)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        help="run the pipeline on this machine, from the log to the verdict",
        description="Run the pipeline on this machine: from the log to the verdict and, if it is good, a pushed model.",
        epilog=f"{_RUN_EXAMPLES}\n{_step_list()}\n{_variables()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    launch_options.add(run, "launch", "log", "workspace")
    run.add_argument(
        "--from",
        dest="first",
        metavar="STEP",
        help="begin with this step; take the earlier ones' results from earlier runs",
    )
    run.add_argument("--to", dest="last", metavar="STEP", help="end with this step")
    run.add_argument(
        "--no-cache", dest="cache", action="store_false", help="run every step, even where nothing changed"
    )
    run.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show what TFX, TensorFlow and Beam write (always in the run's log)",
    )
    run.set_defaults(command=_run)


def _add_validate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    validate = commands.add_parser(
        "validate",
        help="look whether the declaration fits the log, without a run",
        description="Look, within seconds and without TensorFlow, whether the declaration fits the log. Exits with 1 if there is an error.",
    )
    launch_options.add(validate, "launch", "log")
    validate.set_defaults(command=_validate)


def _add_new(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    new = commands.add_parser(
        "new",
        help="make a project of your own from this template and your log",
        description="Make a project of your own: the template's files, a declaration proposed from your log, and a first schema of it.",
        epilog="example:\n  python -m pipeline new ../my_feature --log my_events.parquet --catalogue my_items.csv",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new.add_argument("folder", metavar="DIR", help="the new project's folder; must not exist or be empty")
    new.add_argument(
        "--log",
        metavar="PATH",
        required=True,
        help="the interaction log: CSV, JSONL or Parquet, a file or a folder of files",
    )
    new.add_argument("--catalogue", metavar="PATH", help="the items, one row each")
    new.add_argument(
        "--name", metavar="NAME", help="the launch's name: lower-case letters, digits, _ (default: the folder's)"
    )
    for role, what in _NEW_ROLES.items():
        new.add_argument(f"--{role}", metavar="COL", help=f"the column with {what}, if the guess is wrong")
    new.add_argument(
        "--time-format", metavar="FORM", help='how times are written, where two readings fit: "%%d/%%m/%%Y %%H:%%M"'
    )
    new.add_argument(
        "--drop",
        metavar="COL",
        action="append",
        default=[],
        help="a column that gets no role; may be given several times",
    )
    new.set_defaults(command=_new)


def _validate(options: argparse.Namespace) -> int:
    settings = Settings.from_environment(os.environ, {"launch": options.launch, "log": options.log})
    launch = settings.declared(launches.load(settings.launch))
    # Here, as in `_new`, because pyarrow takes a fifth of a second to import, and --help needs none.
    from pipeline.checks import validate

    findings = validate.look(launch, settings)
    print(validate.report(launch, findings))
    return EXIT_ERROR if any(finding.level == "error" for finding in findings) else EXIT_OK


def _new(options: argparse.Namespace) -> int:
    from pipeline.onboarding import new

    given = {role: value for role in (*_NEW_ROLES, "time_format") if (value := getattr(options, role)) is not None}
    if options.folder == "":
        raise SettingsError("DIR", "", "a path that is not empty")
    for option in ("log", "catalogue"):
        _check_source(f"--{option}", getattr(options, option))
    catalogue = Path(options.catalogue) if options.catalogue else None
    print(new.make(Path(options.folder), Path(options.log), catalogue, options.name, given, options.drop))
    return EXIT_OK


def _check_source(option: str, path: str | None) -> None:
    """The readers name the declaration in their errors, and here is none yet."""
    if path is None or (path and any(letter in path for letter in "*?[{")):
        return
    if not path or not Path(path).expanduser().exists():
        raise SettingsError(
            option, path, "a file or folder that exists, or a pattern of files", "Read are CSV, JSONL and Parquet."
        )


def _add_schema(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    schema = commands.add_parser(
        "schema",
        help="show how the log differs from its curated schema, and accept it",
        description="Show how log and catalogue differ from their curated schemas. Nothing is written without --accept. Exit status 1: they differ.",
    )
    launch_options.add(schema, "launch", "log")
    accepting = "widen the schema so that it admits what the data hold, in all columns or in those named; without a schema, write the first one"
    schema.add_argument("--accept", nargs="*", metavar="COLUMN", help=accepting)
    schema.set_defaults(command=_schema)


def _schema(options: argparse.Namespace) -> int:
    settings = Settings.from_environment(os.environ, {"launch": options.launch, "log": options.log})
    # Here, because pyarrow takes a tenth of a second to import, and --help needs none.
    from pipeline.cli import schema as schema_command

    return schema_command.run(settings.declared(launches.load(settings.launch)), settings, options.accept)


def _run(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("launch", "log", "workspace", "cache")}
    settings = Settings.from_environment(os.environ, given)
    launch = settings.declared(launches.load(settings.launch))
    steps.check_part(launch, options.first, options.last)
    # Here, because its screen takes a tenth of a second to import, and --help needs none.
    from pipeline.local import run

    return run.run(run.Request(launch, settings, options.first, options.last), verbose=options.verbose)


def _list_launches(_: argparse.Namespace) -> int:
    for name in launches.available():
        print(f"{name}  (default)" if name == launches.DEFAULT else name)
    return EXIT_OK


def _step_list() -> str:
    width = max(len(step.name) for step in steps.STEPS)
    return "steps, in order:\n" + "\n".join(f"  {step.name:<{width}}  {step.does}" for step in steps.STEPS) + "\n"


def _variables() -> str:
    width = max(map(len, VARIABLES))
    lines = (
        textwrap.fill(text, 110, initial_indent=f"  {name:<{width}}  ", subsequent_indent=" " * (width + 4))
        for name, text in VARIABLES.items()
    )
    return "environment variables (an option wins over its variable):\n" + "\n".join(lines)
