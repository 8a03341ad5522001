"""The command line, assembled from one module per command.

It answers help and mistakes at once: neither TensorFlow nor TFX is imported in this process, and pyarrow only by a
command that reads data.
"""

import sys
from collections.abc import Sequence

from components.errors import DayoneError
from pipeline import __version__, packages
from pipeline.cli import (
    clean,
    compile_pipeline,
    experiment,
    feast,
    forget,
    history,
    kubeflow,
    launches,
    loop,
    new,
    plan,
    rollout,
    run,
    schema,
    serve,
    validate,
    vectors,
    versions,
    withhold,
)
from pipeline.cli.parser import Help, Parser, entries
from pipeline.settings import VARIABLES

EXIT_OK, EXIT_ERROR, EXIT_STOPPED = 0, 1, 130

# In the order of the help text.
COMMANDS = (
    run,
    new,
    validate,
    schema,
    launches,
    versions,
    plan,
    history,
    experiment,
    serve,
    loop,
    withhold,
    clean,
    forget,
    vectors,
    feast,
    compile_pipeline,
    kubeflow,
    rollout,
)


def main(arguments: Sequence[str]) -> int:
    """Runs one command; without one, shows the help.

    Returns:
      The exit status: 0 done, 1 an error that is told in one message, 130 stopped; more in `pipeline.kubeflow.errors`.

    Raises:
      SystemExit: with status 2 after wrong usage, with 0 after --help and --version.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return EXIT_OK
    try:
        return int(options.command(options))
    except (DayoneError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", EXIT_ERROR)
    except ModuleNotFoundError as error:
        missing = packages.explain_missing(error)
        if missing is None:
            raise
        print(f"error: {missing}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return EXIT_STOPPED


def build_parser() -> Parser:
    """Returns the parser of all commands."""
    parser = Parser(
        prog="python -m pipeline",
        description="Dayone: launch a product feature with machine learning from day one.",
        epilog=entries("environment variables (an option wins over its variable):", VARIABLES),
        formatter_class=Help,
    )
    parser.add_argument("--version", action="version", version=f"dayone {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.register(commands)
    return parser
