"""The command line. It answers help and mistakes at once: neither TensorFlow nor TFX is imported in this process."""

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence

from components.errors import DayoneError
from pipeline import compile_command, launches, serve, steps, version_commands
from pipeline.settings import VARIABLES, Settings

EXIT_OK, EXIT_ERROR, EXIT_STOPPED = 0, 1, 130

_RUN_EXAMPLES = """\
examples:
  python -m pipeline run                                  the shop, on a sample that is made if there is none
  python -m pipeline run --log my_events.parquet          the same declaration, your own log
  python -m pipeline run --launch movielens --log DIR     another launch, its files in DIR
  python -m pipeline run --from Trainer                   what comes before it is taken from earlier runs
  python -m pipeline run --to Gate                        only look whether the data fits the schema
"""


def main(arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit status: 0 done, 1 an error that is told in one message, 2 usage, 130 stopped."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (DayoneError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
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
    compile_command.add(commands)
    listing = commands.add_parser("launches", help="list the launches", description="List the launches in pipeline/launches/.")
    listing.set_defaults(command=_list_launches)
    version_commands.add_to(commands)
    serve.add_to(commands)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        help="run the pipeline on this machine, from the log to the verdict",
        description="Run the pipeline on this machine: from the log to the verdict and, if it is good, a pushed model.",
        epilog=f"{_RUN_EXAMPLES}\n{_step_list()}\n{_variables()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("--launch", metavar="NAME", help=f"the launch to run, see `launches` (default: {launches.DEFAULT})")
    run.add_argument("--log", metavar="PATH", help="the log's file, or the folder that the declaration's relative paths start at")
    run.add_argument("--workspace", metavar="DIR", help="the folder for everything that runs write (default: runs/ in the project)")
    run.add_argument("--from", dest="first", metavar="STEP", help="begin with this step; take the earlier ones' results from earlier runs")
    run.add_argument("--to", dest="last", metavar="STEP", help="end with this step")
    run.add_argument("--no-cache", dest="cache", action="store_false", help="run every step, even where nothing changed")
    run.add_argument("-v", "--verbose", action="store_true", help="show what TFX, TensorFlow and Beam write (always in the run's log)")
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("launch", "log", "workspace", "cache")}
    settings = Settings.from_environment(os.environ, given)
    launch = settings.declared(launches.load(settings.launch))
    steps.check_part(launch, options.first, options.last)
    # Here, because its screen takes a tenth of a second to import, and --help needs none.
    from pipeline import run

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
    lines = (textwrap.fill(text, 110, initial_indent=f"  {name:<{width}}  ", subsequent_indent=" " * (width + 4)) for name, text in VARIABLES.items())
    return "environment variables (an option wins over its variable):\n" + "\n".join(lines)
