"""`python -m pipeline withhold` and `release`: items that no server shows for now."""

import argparse
import os

from components.errors import SettingsError
from components.registry import withheld
from pipeline import launches
from pipeline.cli import launch_options
from pipeline.settings import Settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the two commands to the command line."""
    hide = commands.add_parser(
        "withhold",
        help="stop showing items, within two seconds in all servers",
        description="Stop showing items, whatever version serves. Servers of the same folder follow within two seconds. See docs/serving.md.",
    )
    hide.add_argument(
        "--until",
        metavar="TIME",
        help="when they are shown again, such as 2026-01-31T18:00 (UTC; default: when released)",
    )
    show = commands.add_parser(
        "release",
        help="show withheld items again",
        description="Show withheld items again; without ids, list the withheld items.",
    )
    for parser, command, count in ((hide, _withhold, "+"), (show, _release, "*")):
        parser.add_argument("items", nargs=count, metavar="ITEM", help="ids of items")
        launch_options.add(parser, "launch", "workspace")
        parser.set_defaults(command=command)


def _settings(given: argparse.Namespace) -> Settings:
    settings = Settings.from_environment(os.environ, {"launch": given.launch, "workspace": given.workspace})
    launches.load(settings.launch)
    for item in given.items:
        if not item.strip() or any(letter < " " for letter in item):
            raise SettingsError("ITEM", item, "an id without control characters that is not blank")
    return settings


def _withhold(given: argparse.Namespace) -> int:
    until = None if given.until is None else withheld.to_moment(given.until)
    _show(withheld.withhold(_settings(given).serving, given.items, until))
    return 0


def _release(given: argparse.Namespace) -> int:
    folder = _settings(given).serving
    _show(withheld.release(folder, given.items) if given.items else withheld.read(folder))
    return 0


def _show(items: dict[str, float | None]) -> None:
    print(f"withheld: {len(items) or 'none'}")
    for item, until in sorted(items.items()):
        print(f"  {item}{f'  until {withheld.to_text(until)}' if until else ''}")
