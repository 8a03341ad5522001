"""`python -m pipeline experiment`, `start` and `stop`: the experiment on users shown, begun and ended by hand."""

import argparse
import json
import os
import time
from typing import Any

from components.declaration import Launch
from components.registry import experiment_state, versions
from components.registry.experiment_state import State
from pipeline import launches
from pipeline.cli import launch_options
from pipeline.local import experiment_control
from pipeline.settings import Settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the three commands to the command line."""
    status = commands.add_parser(
        "experiment",
        help="show the experiment on users: stage, versions, last reading",
        description="Show the experiment on users: stage, versions, what the last run read. See docs/experiment.md.",
    )
    start = commands.add_parser(
        "start",
        help="begin an experiment with a version of the model",
        description="Begin an experiment on users that compares the rules with a version of the model. Running servers pick it up.",
    )
    start.add_argument("--version", type=int, required=True, metavar="V", help="the model's version, see `versions`")
    stop = commands.add_parser(
        "stop",
        help="end the experiment: the control serves everybody",
        description="End the experiment: the control serves everybody. After a win: end the holdout.",
    )
    for parser, command in ((status, _show), (start, _start), (stop, _stop)):
        launch_options.add(parser, "launch", "log", "workspace")
        parser.set_defaults(command=command)


def _load(options: argparse.Namespace) -> tuple[Launch, Settings]:
    arguments = {name: getattr(options, name) for name in ("launch", "log", "workspace")}
    settings = Settings.from_environment(os.environ, arguments)
    return settings.apply_to(launches.load(settings.launch)), settings


def _show(options: argparse.Namespace) -> int:
    launch, settings = _load(options)
    stored = experiment_state.read_state(settings.serving)
    print(f"{launch.name}: {_describe(stored.state) if stored.state else stored.problem or 'no experiment runs'}")
    if launch.experiment is None:
        print("launch.experiment is not declared: a model that wins offline is pushed to everybody.")
    for identity, ending in experiment_state.list_finished(settings.serving):
        print(f"  before: {identity} ({ending})")
    for line in _describe_reading(_read_newest(settings)) if stored.state else ():
        print(f"  {line}")
    return 0


def _describe(state: State) -> str:
    names = f"model {state.treatment} against rules {state.control}"
    if state.phase == "holdout":
        return f"{state.id} was won, {100 * state.holdout:g}% of users keep the rules"
    days = max(time.time() - state.began[0], 0.0) / 86_400
    stage = f"stage {state.stage + 1} of {len(state.ramp)}, {100 * state.share:g}% of users enrolled"
    return f"{state.id}, {names}: {stage}, day {days:.1f} of {state.days}"


def _describe_reading(outcome: dict[str, Any] | None) -> list[str]:
    """Returns what the newest run read."""
    if outcome is None or outcome["decision"] is None:
        return ["no run has read it yet"]
    return [outcome["decision"]["headline"], *outcome["decision"]["details"]]


def _read_newest(settings: Settings) -> dict[str, Any] | None:
    """Returns the newest `outcome.json` of the workspace; None without one."""
    files = settings.pipeline_root.glob("Outcome/outcome/*/outcome.json")
    newest = max(files, key=lambda file: file.stat().st_mtime, default=None)
    return None if newest is None else dict(json.loads(newest.read_text(encoding="utf-8")))


def _start(options: argparse.Namespace) -> int:
    launch, settings = _load(options)
    state = experiment_control.start(launch, settings, options.version)
    print(f"{launch.name}: {_describe(state)}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    _, settings = _load(options)
    print(experiment_control.stop(settings.serving))
    served = versions.find_served(settings.serving)
    print(f"served: {served.number}  {served.folder}" if served else "served: nothing yet")
    return 0
