"""Builds the content of `outcome.json` from the traffic and the served folders."""

from pathlib import Path
from typing import Any

import numpy as np

from components.declaration.experiment import Experiment
from components.declaration.outcome_view import OutcomeView
from components.experiment import outcome_file
from components.experiment.decision_words import format_share
from components.experiment.log_requests import count_ages
from components.experiment.outcome import Traffic, assess, read_holdout
from components.experiment.plan import PlanRow, build_plan
from components.registry import experiment_state, versions
from components.registry.experiment_state import State

NOT_RUNNING: dict[str, Any] = {
    "decision": None,
    "progress": None,
    "metrics": [],
    "sample_ratio": [],
    "served_as_assigned": None,
    "looks": [],
}


def measure(launch: OutcomeView, traffic: Traffic, serving: str) -> dict[str, Any]:
    """Returns the outcome of a run as plain values; see `outcome_file`.

    Args:
      launch: the declaration, with an experiment.
      traffic: what the log holds.
      serving: the folder of the launch's versions.
    """
    declared = launch.experiment
    assert declared is not None, "launches without an experiment have no step Outcome"
    folder = Path(serving)
    stored = experiment_state.read_state(folder)
    state, problem = stored.state, stored.problem
    if state is not None and state.launch != launch.name:
        problem = f"{folder / experiment_state.FILE} is of the launch {state.launch!r}, not of {launch.name!r}"
        state = None
    values: dict[str, Any] = {
        "launch": launch.name,
        "experiment": outcome_file.describe_state(state),
        "problem": problem,
        "finished": [list(pair) for pair in experiment_state.list_finished(folder)],
        "missing": [] if state is None or state.phase == "holdout" else find_missing(folder, state),
        "holdout": None,
    }
    values |= outcome_file.describe_plan(plan_experiment(traffic, declared), declared)
    values["begin"] = outcome_file.describe_beginning(launch.name, declared, values.pop("planned_variance"))
    if state is not None and state.phase == "holdout":
        gain = read_holdout(traffic, state, declared.objective)
        return values | NOT_RUNNING | {"holdout": outcome_file.describe_holdout(gain)}
    if state is None:
        return values | NOT_RUNNING
    problems = [f"version {number} of the {arm} is gone" for arm, number in values["missing"]]
    return values | outcome_file.describe_outcome(assess(traffic, state, declared, problems))


def plan_experiment(traffic: Traffic, declared: Experiment) -> list[PlanRow]:
    """Returns the plan's rows from the traffic of users with an id, all of whom the last stage enrols."""
    named = np.fromiter((bool(user) for user in traffic.users), bool, len(traffic.users))
    has_id = named[traffic.user]
    age, actions = count_ages(traffic)[has_id], traffic.actions[declared.objective][has_id]
    return build_plan(traffic.user[has_id], age, np.ones(len(age)), actions, declared.ramp[-1])


def find_missing(folder: Path, state: State) -> list[tuple[str, int]]:
    """Returns which of the experiment's versions are not served: ("treatment", 20), ...; none where all is well."""
    arms = (
        ("treatment", state.treatment, folder),
        ("control", state.control, experiment_state.find_control(folder)),
    )
    return [
        (arm, number)
        for arm, number, place in arms
        if number not in {version.number for version in versions.find_all(place) if version.state != "withdrawn"}
    ]


def summarise(values: dict[str, Any]) -> str:
    """Returns the step's headline metric, one line for the screen."""
    if values["problem"]:
        return f"no experiment: {values['problem']}"
    if values["decision"] is not None:
        return f"{values['experiment']['id']}: {values['decision']['kind']}"
    if values["holdout"] is not None:
        return f"holdout: the model is worth {format_share(values['holdout']['gain'])}"
    days = values["days_to_see"]
    length = f"{days} days" if days else f"more than {len(values['plan'])} days"
    return f"no experiment runs; to see {format_share(values['effect'])} takes {length}"
