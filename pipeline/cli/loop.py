"""`python -m pipeline loop`: makes the log a folder that the server writes to and the next run reads."""

import argparse
import os

from pipeline import launches, packages
from pipeline.cli import launch_options
from pipeline.settings import Settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    loop = commands.add_parser(
        "loop",
        help="let the next runs learn from what the local server logs",
        description="Set the loop up: from then on `serve` writes its traffic log into the folder of the declared log, and the next run reads it. "
        "A log that is one file gets a folder; the launch file is edited accordingly. Calling it again changes nothing. See docs/serving.md.",
    )
    launch_options.add(loop, "launch", "log", "workspace")
    loop.set_defaults(command=_set_up)


def _set_up(given: argparse.Namespace) -> int:
    from pipeline.local import loop_setup

    options = {"launch": given.launch, "log": given.log, "workspace": given.workspace}
    settings = Settings.from_environment(os.environ, options)
    launch = launches.load(settings.launch)
    made = loop_setup.set_up(launch, settings, launches.file_of(settings.launch))
    for text in made.done:
        print(text)
    for text in made.notes:
        print(f"note: {text}")
    chosen = f" --launch {launch.name}" if given.launch else ""
    print(f"the loop is set up: runs read {made.folder}, and the server writes there")
    python = packages.name_python()
    print(f"next: {python} -m pipeline serve{chosen}, and after some traffic {python} -m pipeline run{chosen}")
    return 0
