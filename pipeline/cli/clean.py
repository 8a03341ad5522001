"""`python -m pipeline clean`: removes what runs left behind and nothing needs any more."""

import argparse

from components.errors import SettingsError
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Help, Parser

_EXAMPLES = """\
examples:
  # what the workspace holds, and what would go
  python -m pipeline clean --dry-run
  # keep the artifacts of the last three runs, and of the last two weeks
  python -m pipeline clean --keep-runs 3 --keep-days 14
  # after each run, by itself
  DAYONE_KEEP_RUNS=5 python -m pipeline run
"""
_RUNS = 5


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
    runs = f"how many of the newest runs keep their artifacts (default: {_RUNS})"
    parser.add_argument("--keep-runs", type=int, default=_RUNS, metavar="N", help=runs)
    days = "also keep what is younger than this (default: 0)"
    parser.add_argument("--keep-days", type=float, default=0, metavar="DAYS", help=days)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.set_defaults(command=_clean)


def _clean(options: argparse.Namespace) -> int:
    if options.keep_runs < 1:
        raise SettingsError("--keep-runs", str(options.keep_runs), "an integer of at least 1")
    if not options.keep_days >= 0:
        raise SettingsError("--keep-days", str(options.keep_days), "a number of at least 0")
    settings = context.load(options, "launch", "workspace").settings
    # Here, because ML Metadata takes a second to import, and --help needs none.
    from pipeline.local import child_process, cleaning

    if not settings.home.is_dir():
        print(f"nothing to remove: no run of launch {settings.launch!r} in {settings.workspace}")
        return 0
    with child_process.lock(settings.home):
        removal = cleaning.plan(settings, options.keep_runs, options.keep_days)
        if not options.dry_run:
            cleaning.apply(settings, removal)
    verb = "would remove" if options.dry_run else "removed"
    counts = f"{len(removal.folders)} folders, {len(removal.logs)} logs"
    print(f"{verb} {_megabytes(removal.removed)} ({counts}); {_megabytes(removal.kept)} stay in {settings.home}")
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
