"""How an experiment's state moves: begun, ramped, won; what ends it removes it.

    (none) --start--> stage 1 --ramp--> ... last stage --won--> holdout
                         |                   |
                         +-- harm, ended, stop: experiment.json is renamed to experiment-ID.KIND.json, the control
                         serves everybody

Pure functions; `state` reads and writes the file.
"""

import dataclasses

from components.declaration.experiment import Experiment
from components.experiment.decision import Decision
from components.experiment.outcome import Outcome
from components.experiment.state import State

FINAL = ("harm", "ended")


def start(launch: str, declared: Experiment, versions: tuple[int, int], planned_variance: float, now: int) -> State:
    """Returns the state of a new experiment.

    Args:
      launch: its name.
      declared: ramp, days and holdout.
      versions: of control and treatment.
      planned_variance: of the log gain, at the end of the plan.
      now: seconds since the epoch.
    """
    control, treatment = versions
    return State(
        id=f"{launch}-{treatment}",
        launch=launch,
        treatment=treatment,
        control=control,
        others=control,
        ramp=declared.ramp,
        stage=0,
        began=(now,),
        days=declared.days,
        planned_variance=planned_variance,
        holdout=declared.holdout,
    )


def advance(state: State, outcome: Outcome, now: int) -> State | None:
    """Returns the state after a run; None where the experiment is over and the control serves everybody.

    Args:
      state: before the run; a holdout stays as it is.
      outcome: of the run.
      now: seconds since the epoch, when the next stage begins.
    """
    if state.phase == "holdout":
        return state
    if is_final(outcome.decision):
        return None
    moved = dataclasses.replace(state, looks=outcome.looks)
    if outcome.decision.kind == "ramp":
        return dataclasses.replace(moved, stage=state.stage + 1, began=(*state.began, max(now, state.began[-1])))
    if outcome.decision.kind == "won":
        return dataclasses.replace(moved, phase="holdout")
    return moved


def is_final(decision: Decision) -> bool:
    """Returns whether the decision ends the experiment in favour of the control."""
    return decision.kind in FINAL
