"""`python -m pipeline launches`: the launches of this project."""

import argparse

from components.errors import DayoneError, first_line
from components.terminal_text import printable
from pipeline import launches
from pipeline.cli.parser import Commands, Parser


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "launches", help="list the launches", description="List the launches in pipeline/launches/."
    )
    parser.set_defaults(command=_list)


def _list(_: argparse.Namespace) -> int:
    names = launches.available()
    width = max((len(name) for name in names), default=0)
    for name in names:
        print(f"{name:<{width}}  {_describe(name)}{'  (default)' if name == launches.DEFAULT else ''}")
    return 0


def _describe(name: str) -> str:
    """Returns the launch's log and catalogue; of one that cannot be loaded the reason."""
    try:
        launch = launches.load(name)
    except DayoneError as error:
        return printable(first_line(error))
    catalogue = f", catalogue {launch.catalogue.path}" if launch.catalogue else ""
    return printable(f"log {launch.log.path}{catalogue}")
