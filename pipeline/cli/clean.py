"""`python -m pipeline clean`: removes what runs left behind and nothing needs any more."""

import argparse
from pathlib import Path

from components.errors import SettingsError
from pipeline.cli import context, launch_options
from pipeline.cli.forget import find_locations
from pipeline.cli.parser import Commands, Help, Parser

_EXAMPLES = """\
examples:
  # what the workspace holds, and what would go
  python -m pipeline clean --dry-run
  # keep the artifacts of the last three runs, and of the last two weeks
  python -m pipeline clean --keep-runs 3 --keep-days 14
  # also the traffic that is older than 90 days and learnt from
  python -m pipeline clean --traffic-days 90
  # after each run, by itself
  DAYONE_KEEP_RUNS=5 python -m pipeline run
"""
RUNS = 5


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "clean",
        help="remove artifacts of old runs that nothing needs any more",
        description="Remove artifacts of old runs. Versions, verdicts and what the newest runs read and wrote stay.",
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    launch_options.add(parser, "launch", "workspace")
    runs = f"how many of the newest runs keep their artifacts (default: {RUNS})"
    parser.add_argument("--keep-runs", type=int, default=RUNS, metavar="N", help=runs)
    days = "also keep artifacts younger than this (default: 0)"
    parser.add_argument("--keep-days", type=float, default=0, metavar="DAYS", help=days)
    traffic = "also remove traffic files older than this that the served version has learnt from (default: none)"
    parser.add_argument("--traffic-days", type=float, metavar="DAYS", help=traffic)
    parser.add_argument("--traffic", type=Path, metavar="DIR", help="a further folder that `serve --traffic` wrote to")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.set_defaults(command=_clean)


def _clean(options: argparse.Namespace) -> int:
    _check(options)
    loaded = context.load(options, "launch", "workspace")
    settings = loaded.settings
    # Here, because ML Metadata takes a second to import, and --help needs none.
    from pipeline.local import child_process, cleaning

    if not settings.home.is_dir():
        print(f"nothing to remove: no run of launch {settings.launch!r} in {settings.workspace}")
        return 0
    with child_process.lock(settings.home):
        removal = cleaning.plan(settings, options.keep_runs, options.keep_days)
        if not options.dry_run:
            cleaning.apply(settings, removal)
        traffic = _clean_traffic(options, loaded)
    verb = "would remove" if options.dry_run else "removed"
    counts = f"{len(removal.folders)} folders, {len(removal.logs)} logs"
    print(f"{verb} {_megabytes(removal.removed)} ({counts}); {_megabytes(removal.kept)} stay in {settings.home}")
    if options.traffic_days is not None:
        print(f"{verb} {_megabytes(sum(traffic))} of the traffic log ({len(traffic)} files)")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raises `SettingsError` for the first option that is out of range."""
    if options.keep_runs < 1:
        raise SettingsError("--keep-runs", str(options.keep_runs), "an integer of at least 1")
    if not options.keep_days >= 0:
        raise SettingsError("--keep-days", str(options.keep_days), "a number of at least 0")
    if options.traffic_days is not None and not options.traffic_days > 0:
        raise SettingsError("--traffic-days", str(options.traffic_days), "a number above 0")
    if options.traffic is not None and not options.traffic.is_dir():
        raise SettingsError("--traffic", str(options.traffic), "a folder that exists")


def _clean_traffic(options: argparse.Namespace, loaded: context.Context) -> list[int]:
    """Removes old traffic files, unless only asked; returns the bytes of each."""
    if options.traffic_days is None:
        return []
    from pipeline.local import traffic_retention

    folders = find_locations(loaded, options.traffic).traffic
    files = traffic_retention.find_old(folders, options.traffic_days, loaded.settings.serving)
    sizes = [file.stat().st_size for file in files]
    for file in [] if options.dry_run else files:
        file.unlink()
    return sizes


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
