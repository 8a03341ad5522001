"""`python -m pipeline validate`: whether the declaration fits the log."""

import argparse

from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Parser


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "validate",
        help="check whether the declaration fits the log, without a run",
        description="Check, within seconds and without TensorFlow, whether the declaration fits the log. "
        "Exit status 1: there is an error.",
    )
    launch_options.add(parser, "launch", "log")
    parser.set_defaults(command=_validate)


def _validate(options: argparse.Namespace) -> int:
    loaded = context.load(options, "launch", "log")
    # Here, because pyarrow takes a fifth of a second to import, and --help needs none.
    from pipeline.checks import validate

    findings = validate.look(loaded.effective_launch, loaded.settings)
    print(validate.report(loaded.effective_launch, findings))
    return int(any(finding.level == "error" for finding in findings))
