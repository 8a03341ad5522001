"""`python -m pipeline schema`: how log and catalogue differ from their curated schemas, and the way to accept it."""

import argparse

from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Parser


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "schema",
        help="show how the log differs from its curated schema, and accept it",
        description="Show how log and catalogue differ from their curated schemas. Nothing is written without "
        "--accept. Exit status 1: they differ.",
    )
    launch_options.add(parser, "launch", "log")
    accept = (
        "widen the schema so that it admits the data, in all columns or in those named; without a schema, "
        "write the first one"
    )
    parser.add_argument("--accept", nargs="*", metavar="COLUMN", help=accept)
    parser.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> int:
    loaded = context.load(options, "launch", "log")
    # Here, because pyarrow takes a tenth of a second to import, and --help needs none.
    from pipeline.checks import schema_comparison

    return schema_comparison.run(loaded.effective_launch, loaded.settings, options.accept)
