"""`python -m pipeline launches`: the launches of this project."""

import argparse

from pipeline import launches
from pipeline.cli.parser import Commands, Parser


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "launches", help="list the launches", description="List the launches in pipeline/launches/."
    )
    parser.set_defaults(command=_list)


def _list(_: argparse.Namespace) -> int:
    for name in launches.available():
        print(f"{name}  (default)" if name == launches.DEFAULT else name)
    return 0
