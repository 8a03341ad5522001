"""Changes of the served folders for an experiment: begin, ramp, win, end; each can be interrupted safely.

    (none) --start--> stage 1 --ramp--> ... last stage --won--> holdout
                         |                   |
                         +-- harm, ended: experiment.json is renamed to experiment-ID.KIND.json, the control serves
                         everybody

An action is decided before the push (`components.evaluation.launch_action`) and travels next to the winner as JSON. The
order of the writes is what makes a killed run harmless. A start writes control, state, treatment: until the last is
there, the servers give the control to everybody, and the next run finds a state without its treatment and starts over.
An end publishes the control in the folder of the launch before the state goes, so that no server ever takes the
treatment for what serves everybody.
"""

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.registry import experiment_state, versions
from components.registry.experiment_state import Look, State

ACTION_FILE, CONTROL_FOLDER = "experiment_action.json", "control"
PUSH, START, CANDIDATE, KEEP = "push", "start", "candidate", "keep"
# A stage counts from so much after it was written: until then some servers still follow the one before. Enrolment is
# nested, so whoever was enrolled before is served the same by both.
SETTLE_SECONDS = 60
FINAL = ("harm", "ended", "unfinished", "stopped")


@dataclasses.dataclass(frozen=True)
class Action:
    """What to do with the served folders.

    Attributes:
      kind: "push" (the winner serves), "start", "candidate" (the winner is kept without being served), "keep", or a
        decision of the running experiment: "wait", "ramp", "won", "void", "harm", "ended".
      experiment: the id of the experiment that was read; "" for none. Another one in the folder: nothing is done.
      looks: of the experiment, with that of this run.
      begin: for a start: launch, ramp, days, holdout and planned_variance.
    """

    kind: str
    experiment: str = ""
    looks: tuple[Look, ...] = ()
    begin: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """Returns the action as JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Action":
        """Returns the inverse of `to_json`."""
        values = json.loads(text)
        return cls(**values | {"looks": tuple(Look(**look) for look in values["looks"])})


def begin_state(begin: Mapping[str, Any], control: int, treatment: int, now: int) -> State:
    """Returns the state of a new experiment, in which the control serves everybody who is not enrolled.

    Args:
      begin: launch, ramp, days, holdout and planned_variance (None for one that is not known).
      control, treatment: versions.
      now: seconds since the epoch, from which a stage counts (see `SETTLE_SECONDS`).
    """
    planned = begin["planned_variance"]
    return State(
        id=f"{begin['launch']}-{treatment}",
        launch=begin["launch"],
        treatment=treatment,
        control=control,
        others=control,
        ramp=tuple(begin["ramp"]),
        stage=0,
        began=(now,),
        days=begin["days"],
        planned_variance=float("inf") if planned is None else float(planned),
        holdout=begin["holdout"],
    )


def move_state(state: State, kind: str, looks: Sequence[Look], now: int) -> State | None:
    """Returns the state after a run's decision; None where the experiment is over and the control serves everybody.

    Args:
      state: before the run; a holdout stays as it is.
      kind: the decision.
      looks: all looks so far, with this run's.
      now: seconds since the epoch, when a next stage or the holdout begins.
    """
    if state.phase == "holdout":
        return state
    if kind in FINAL:
        return None
    moved = dataclasses.replace(state, looks=tuple(looks))
    if kind not in ("ramp", "won"):
        return moved
    began = (*state.began, max(now, state.began[-1]))
    if kind == "won":
        return dataclasses.replace(moved, phase="holdout", began=began)
    return dataclasses.replace(moved, stage=state.stage + 1, began=began)


def apply_decision(folder: Path, action: Action, now: int) -> str:
    """Writes what a run decided about the running experiment; returns what was done, in words.

    Args:
      folder: of the launch's versions.
      action: a decision.
      now: seconds since the epoch, from which a stage counts (see `SETTLE_SECONDS`).
    """
    state = experiment_state.read_state(folder).state
    if state is None or state.id != action.experiment:
        current = "none" if state is None else state.id
        return f"nothing: the run read experiment {action.experiment}, the folder holds {current}"
    moved = move_state(state, action.kind, action.looks, now)
    if moved is None:
        end_experiment(folder, state, action.kind)
        return f"experiment {state.id} is over ({action.kind}): version {state.control} of the control serves everybody"
    if moved != state:
        experiment_state.write_state(folder, moved)
    return f"experiment {state.id}: {action.kind}"


def end_experiment(folder: Path, state: State, kind: str) -> None:
    """Lets the control serve everybody: publishes it, ends the record, withdraws the treatment."""
    served = versions.find_served(folder)
    control = experiment_state.find_control(folder) / str(state.control)
    if (served is None or served.number <= state.treatment) and (control / versions.MODEL_FILE).is_file():
        publish_copy(control, folder, state.treatment + 1)
    experiment_state.finish_state(folder, kind)
    withdraw(folder, state.treatment)


def publish_copy(source: Path, folder: Path, number: int) -> int:
    """Returns the number under which a copy of a saved model became a version of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f"{versions.PUSHING}copy-{number}"
    shutil.rmtree(hidden, ignore_errors=True)
    shutil.copytree(source, hidden)
    return versions.publish(hidden, folder, number)


def withdraw(folder: Path, number: int) -> None:
    """Takes a version out of service, if it is there and others are."""
    live = [version for version in versions.find_all(folder) if version.state != "withdrawn"]
    for version in live:
        if version.number == number and len(live) > 1:
            version.folder.rename(version.folder.with_name(f"{number}{versions.WITHDRAWN}"))


def push_winner(folder: Path, written: Path, control: Path | None, action: Action, now: int) -> int:
    """Returns the number under which the winner was published.

    Args:
      folder: of the launch's versions.
      written: the complete winner, in a hidden folder next to the versions.
      control: the saved rules, published next to the launch; None without a declared experiment.
      action: "push", "start" or "candidate".
      now: seconds since the epoch, from which a stage counts (see `SETTLE_SECONDS`).
    """
    number = max([int(written.name), *(version.number + 1 for version in versions.find_all(folder))])
    if control is not None:
        number = publish_copy(control, experiment_state.find_control(folder), number) + 1
    if action.kind == CANDIDATE:
        written.rename(folder / f"{number}{versions.WITHDRAWN}")
        return number
    if action.kind == START:
        if experiment_state.read_state(folder) != experiment_state.Found(None):
            experiment_state.finish_state(folder, "unfinished")
        assert action.begin is not None
        newest = versions.find_served(experiment_state.find_control(folder))
        assert newest is not None
        experiment_state.write_state(folder, begin_state(action.begin, newest.number, number, now))
    return versions.publish(written, folder, number)
