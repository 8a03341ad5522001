"""An experiment begun or ended by a person, not by a run."""

import dataclasses
import math
import time
import typing
from pathlib import Path

from components.declaration import Launch
from components.errors import DayoneError, LogError
from components.registry import card_file, experiment_push, experiment_state, versions
from components.registry.experiment_state import State
from components.registry.versions import Version
from pipeline.settings import Settings

if typing.TYPE_CHECKING:
    from components.experiment.outcome import Traffic


class ExperimentError(DayoneError):
    """An experiment cannot begin or end."""


def start(launch: Launch, settings: Settings, number: int) -> State:
    """Begins an experiment, and returns its state.

    Args:
      launch: the declaration, with an experiment.
      settings: where versions and log are.
      number: the model's version.

    Raises:
      ExperimentError: if none is declared, one runs already, or the versions do not allow it.
    """
    folder = settings.serving
    _check_free(launch, folder)
    treatment = _find(folder, number)
    served = versions.find_served(folder)
    tries_served = served is not None and served.number == number
    control = _provide_control(folder, served, tries_served)
    declared = launch.experiment
    assert declared is not None
    begin = {"launch": launch.name, "ramp": declared.ramp, "days": declared.days, "holdout": declared.holdout}
    planned = plan_variance(launch, settings)
    begin |= {"planned_variance": planned if math.isfinite(planned) else None}
    live = [version.number for version in versions.find_all(folder) if version.state != "withdrawn"]
    new_number = number if tries_served else max([number, control, *live]) + 1
    state = experiment_push.begin_state(begin, control, new_number, int(time.time()) + experiment_push.SETTLE_SECONDS)
    if tries_served:
        state = dataclasses.replace(state, others=new_number)
    experiment_state.write_state(folder, state)
    if treatment.folder.name != str(new_number):
        treatment.folder.rename(folder / str(new_number))
    return state


def stop(folder: Path) -> str:
    """Ends the experiment or the holdout of a folder, and returns what was done, in words."""
    stored = experiment_state.read_state(folder)
    if stored.state is None and not stored.problem:
        return "no experiment runs"
    if stored.state is not None and stored.state.phase == "holdout":
        experiment_state.finish_state(folder, "stopped")
        return f"the holdout of {stored.state.id} is over: the model serves everybody"
    if stored.state is not None:
        experiment_push.end_experiment(folder, stored.state, "stopped")
        return f"experiment {stored.state.id} is over: the control serves everybody"
    newest = versions.find_served(experiment_state.find_control(folder))
    if newest is not None:
        served = versions.find_served(folder)
        experiment_push.publish_copy(newest.folder, folder, max(newest.number, served.number if served else 0) + 1)
    experiment_state.finish_state(folder, "stopped")
    return "what could not be read is put aside: the control serves everybody"


def plan_variance(launch: Launch, settings: Settings) -> float:
    """Returns the variance that the plan expects of the log gain; infinite where the log cannot say."""
    from components.experiment import plan, run_outcome

    assert launch.experiment is not None
    try:
        rows = run_outcome.plan_experiment(read_requests(launch, settings), launch.experiment)
    except LogError:
        return math.inf
    return plan.project_variance(rows, launch.experiment.days)


def read_requests(launch: Launch, settings: Settings) -> "Traffic":
    """Returns the requests of the declared log."""
    # Here, because pyarrow and scipy take a second to import, and most commands need neither.
    from components.experiment.declared_log import read_traffic
    from components.ingest.spans import input_files

    base = str(settings.data)
    return read_traffic(launch, input_files(launch.log.path, base, launch.log.spans), base)


def _check_free(launch: Launch, folder: Path) -> None:
    if launch.experiment is None:
        raise ExperimentError(
            "start needs a declared experiment, got none. Add `experiment=Experiment(...)` to the launch."
        )
    stored = experiment_state.read_state(folder)
    if stored.problem:
        raise ExperimentError(stored.problem)
    if stored.state is not None:
        raise ExperimentError(
            f"start needs no other experiment, got {stored.state.id}. End it with `python -m pipeline stop`."
        )


def _find(folder: Path, number: int) -> Version:
    """Returns the version to try."""
    listed = versions.find_all(folder)
    match = next((version for version in listed if version.number == number), None)
    if match is None:
        numbers = ", ".join(str(version.number) for version in listed) or "none"
        raise ExperimentError(f"--version needs a version in {folder}, got {number}. There are: {numbers}.")
    kind = card_file.read(match.folder).get("kind")
    if kind == "rules":
        raise ExperimentError(f"--version needs a model, got {number}, which is {kind!r}.")
    return match


def _provide_control(folder: Path, served: Version | None, tries_served: bool) -> int:
    """Returns the version of the control: the newest there is, or the rules that serve, copied."""
    control = experiment_state.find_control(folder)
    serves_rules = served is not None and card_file.read(served.folder).get("kind") == "rules"
    if served is not None and not (tries_served or serves_rules):
        needed = f"start needs the rules to be served now, or the version that is tried, got {served.number}"
        raise ExperimentError(f"{needed}. Roll back to the rules first.")
    newest = versions.find_served(control)
    if newest is not None:
        return newest.number
    if served is None or not serves_rules:
        raise ExperimentError(f"start needs rules in {control}, got none. A run pushes them: python -m pipeline run.")
    return experiment_push.publish_copy(served.folder, control, served.number)
