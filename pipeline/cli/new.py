"""`python -m pipeline new`: a project of your own, from this template and your log."""

import argparse
from pathlib import Path

from components.errors import SettingsError
from pipeline.cli.parser import Commands, Help, Parser

_ROLES = {
    "user": "the user's id",
    "item": "the item's id",
    "time": "the time",
    "event": "the kind of event, or the answer to an impression",
    "value": "a number on the event",
}
_EXAMPLE = """\
examples:
  python -m pipeline new ../my_feature --log my_events.parquet \\
    --catalogue my_items.csv
  # before the first event
  python -m pipeline new ../my_feature --catalogue my_items.csv \\
    --actions click,purchase
"""


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "new",
        help="make a project of your own from this template and your log",
        description="Make a project of your own: the template's files, a declaration proposed from your log, "
        "and a first schema of it.",
        epilog=_EXAMPLE,
        formatter_class=Help,
    )
    parser.add_argument("folder", metavar="DIR", help="the new project's folder; must not exist or be empty")
    log = "the interaction log: CSV, JSONL or Parquet, a file or a folder of files"
    parser.add_argument("--log", metavar="PATH", help=f"{log}; without one, your server's traffic is the log")
    parser.add_argument("--catalogue", metavar="PATH", help="the items, one row each; needed where there is no log")
    actions = "without a log: what users will do with an item (default: click)"
    parser.add_argument("--actions", metavar="NAMES", help=actions)
    name = "the launch's name: lower-case letters, digits, _ (default: the folder's)"
    parser.add_argument("--name", metavar="NAME", help=name)
    for role, meaning in _ROLES.items():
        parser.add_argument(f"--{role}", metavar="COL", help=f"the column with {meaning}, if the guess is wrong")
    time_format = 'how times are written, where two readings fit: "%%d/%%m/%%Y %%H:%%M"'
    parser.add_argument("--time-format", metavar="FORM", help=time_format)
    drop = "a column that gets no role; may be given several times"
    parser.add_argument("--drop", metavar="COL", action="append", default=[], help=drop)
    parser.set_defaults(command=_make)


def _make(options: argparse.Namespace) -> int:
    if options.folder == "":
        raise SettingsError("DIR", "", "a path that is not empty")
    _check_source("--log", options.log)
    _check_source("--catalogue", options.catalogue)
    # Here, because pyarrow takes a fifth of a second to import, and --help needs none.
    from pipeline.onboarding import new

    columns = {role: column for role in (*_ROLES, "time_format") if (column := getattr(options, role)) is not None}
    catalogue = Path(options.catalogue) if options.catalogue else None
    log = Path(options.log) if options.log else None
    print(new.make(Path(options.folder), log, catalogue, options.name, columns, options.drop, _actions(options)))
    return 0


def _actions(options: argparse.Namespace) -> tuple[str, ...]:
    """Returns the actions of a launch without a log; with a log they are read from it."""
    if options.actions is None:
        return ("click",)
    if options.log is not None:
        raise SettingsError("--actions", options.actions, "no --log beside it", "What users do is read from the log.")
    return tuple(name.strip() for name in options.actions.split(","))


def _check_source(option: str, path: str | None) -> None:
    """Checks a path before the readers do, whose errors name a declaration that does not exist yet."""
    if path is None or (path and any(letter in path for letter in "*?[{")):
        return
    if not path or not Path(path).expanduser().exists():
        needed = "a file or folder that exists, or a pattern of files"
        raise SettingsError(option, path, needed, "Read are CSV, JSONL and Parquet.")
