"""`python -m pipeline history`: every verdict of a launch, refused ones too."""

import argparse
import dataclasses
import json
import os

from components.evaluation import verdict_history
from pipeline import launches
from pipeline.cli import launch_options
from pipeline.settings import Settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    history = commands.add_parser(
        "history",
        help="list every verdict of a launch, refused ones too",
        description="List every verdict of a launch, refused ones too: the model's gain over the rules, run by run.",
    )
    history.add_argument("--json", action="store_true", help="print JSON instead of a table")
    launch_options.add(history, "launch", "workspace")
    history.set_defaults(command=_list)


def _list(options: argparse.Namespace) -> int:
    settings = Settings.from_environment(os.environ, {"launch": options.launch, "workspace": options.workspace})
    launches.load(settings.launch)
    rows = verdict_history.read_history(settings.pipeline_root)
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2, allow_nan=False))
    else:
        print(verdict_history.render_history(settings.launch, rows))
    return 0
