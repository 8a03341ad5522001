"""`python -m pipeline forget`: removes a user from what this project wrote."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.declaration.paths import query_of
from components.errors import LogError, SettingsError
from components.ingest.log_files import find_files, split_pattern
from components.ingest.spans import any_span
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Help, Parser
from pipeline.local import child_process, erasure
from pipeline.settings import Settings

EXIT_OK, EXIT_HELD = 0, 1
_EXAMPLES = """\
examples:
  # rows of the traffic log go; then what else holds the id is listed
  python -m pipeline forget --user u00886
  # artifacts hold it until a run has read the log again
  python -m pipeline run && python -m pipeline clean --keep-runs 1
  # exit status 1 while any file holds it
  python -m pipeline forget --user u00886 --check
"""


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "forget",
        help="remove a user from the traffic log and the reports",
        description="Remove users from the traffic log and the reports, and list what else holds their ids. "
        "See docs/privacy.md.",
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument("--user", nargs="+", required=True, metavar="ID", help="ids of users, as the log has them")
    parser.add_argument("--traffic", type=Path, metavar="DIR", help="a further folder that `serve --traffic` wrote to")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a file holds an id")
    launch_options.add(parser, "launch", "log", "workspace")
    parser.set_defaults(command=_forget)


def _forget(options: argparse.Namespace) -> int:
    for user in options.user:
        if not user.strip():
            raise SettingsError("--user", user, "an id that is not blank")
    if options.traffic is not None and not options.traffic.is_dir():
        raise SettingsError("--traffic", str(options.traffic), "a folder that exists")
    loaded = context.load(options, "launch", "log", "workspace")
    if not loaded.settings.home.is_dir():
        print(
            f"no run of launch {loaded.settings.launch!r} is in {loaded.settings.workspace}: only the log is searched"
        )
    locations = find_locations(loaded, options.traffic)
    with child_process.lock(locations.home):
        erased = (
            erasure.search(options.user, locations)
            if options.check
            else erasure.erase(options.user, loaded.effective_launch.log, locations)
        )
    if not options.check:
        print(f"removed {erased.rows} rows of the traffic log; replaced the id in {len(erased.texts)} reports and logs")
    _report_held(erased, loaded, locations)
    return EXIT_HELD if options.check and (erased.open or erased.left) else EXIT_OK


def _report_held(erased: erasure.Erasure, loaded: context.Context, locations: erasure.Locations) -> None:
    """Prints the files that still hold an id, each with what ends it."""
    _list(erased.open, "a running server is writing to it: stop the server, then forget again")
    for path in erased.left:
        _list([path], _explain(path, loaded.settings.home / "serving", locations.log))
    if query_of(loaded.effective_launch.log.path):
        print("the log is a query: remove the user's rows there, or the next run learns from them again")
    if not erased.open and not erased.left:
        print("no file holds the id any more; a running server forgets it when it is restarted")


def _explain(path: Path, serving: Path, log: Sequence[Path]) -> str:
    if path in log:
        return "your own log or table: remove the rows there, or the next run learns from them again"
    if erasure.is_traffic(path):
        return "forget again; if it stays, it is in another column than the user's"
    if path.is_relative_to(serving):
        return "a pushed version is never edited; gone when the Pusher has removed it (DAYONE_KEEP_VERSIONS)"
    return "gone after the next `run` and `clean --keep-runs 1`, unless it means something else there"


def find_locations(loaded: context.Context, further: Path | None) -> erasure.Locations:
    """Returns where ids may be: the workspace, the folders that `serve` writes to, the files of the log and the users' table."""
    settings, path = loaded.settings, loaded.effective_launch.log.path
    users = loaded.effective_launch.log.users
    tables = tuple(map(Path, _find(users.path, settings)[1])) if users else ()
    traffic = [settings.home / "traffic", *([further.resolve()] if further else [])]
    if query_of(path):
        return erasure.Locations(settings.home, tuple(traffic), tables)
    folder, files = _find(path, settings)
    log = tuple(path for path in map(Path, files) if not erasure.is_traffic(path))
    # The folder of a log of one file may hold other files than this launch's.
    folders = [folder] if "*" in split_pattern(path, str(settings.data))[1] else []
    return erasure.Locations(settings.home, (*traffic, *folders), (*log, *tables))


def _find(path: str, settings: Settings) -> tuple[Path, Sequence[str]]:
    """Returns the folder of a declared path, and its files; none where there are none yet, or no longer."""
    folder, pattern = split_pattern(path, str(settings.data))
    try:
        return Path(folder), find_files(folder, any_span(pattern))
    except LogError:
        return Path(folder), ()


def _list(paths: Iterable[Path], meaning: str) -> None:
    for path in paths:
        print(f"still holds the id: {path}  ({meaning})")
