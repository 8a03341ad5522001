"""`python -m pipeline run`: the pipeline on this machine, from the log to the verdict."""

import argparse

from pipeline import steps
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Help, Parser, entries
from pipeline.settings import VARIABLES

_EXAMPLES = """\
examples:
  # the default launch; the shop's sample is made if there is none
  python -m pipeline run
  # the same declaration with your own log
  python -m pipeline run --log my_events.parquet
  # another launch, its files in DIR
  python -m pipeline run --launch movielens --log DIR
  # take the results of earlier steps from earlier runs
  python -m pipeline run --from Trainer
  # only check the data against the schema
  python -m pipeline run --to SchemaGate
"""


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    listing = entries("steps, in order:", {step.name: step.does for step in steps.STEPS})
    variables = entries("environment variables (an option wins over its variable):", VARIABLES)
    parser = commands.add_parser(
        "run",
        help="run the pipeline on this machine, from the log to the verdict",
        description="Run the pipeline on this machine: from the log to the verdict and, if it is good, a pushed model.",
        epilog=f"{_EXAMPLES}\n{listing}\n\n{variables}",
        formatter_class=Help,
    )
    launch_options.add(parser, "launch", "log", "workspace")
    first = "begin with this step; take the results of earlier steps from earlier runs"
    parser.add_argument("--from", dest="first", metavar="STEP", help=first)
    parser.add_argument("--to", dest="last", metavar="STEP", help="end with this step")
    parser.add_argument("--no-cache", dest="cache", action="store_false", help="run every step, even if unchanged")
    verbose = "show what TFX, TensorFlow and Beam write (always in the run's log)"
    parser.add_argument("-v", "--verbose", action="store_true", help=verbose)
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    loaded = context.load(options, "launch", "log", "workspace", "cache")
    steps.check_part(loaded.effective_launch, options.first, options.last)
    # Here, because its screen takes a tenth of a second to import, and --help needs none.
    from pipeline.local import run

    request = run.Request(loaded.effective_launch, loaded.settings, options.first, options.last)
    return run.run(request, verbose=options.verbose)
