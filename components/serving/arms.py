"""Chooses the version that answers a user while an experiment runs: holds both folders, follows `experiment.json`.

    NAME          the treatment; what serves everybody without an experiment
    NAME_control  the control, the rules

The arm is a function of the user's id (`components.experiment.assignment`). Where the version that the experiment names
is not the one that is held (a push that is under way, a version that was withdrawn), the control answers; where there
is no control, whatever is held. What is logged is the version that really answered.
"""

import dataclasses
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.experiment import assignment
from components.registry.experiment_state import Found, State, read_state
from components.serving.model_holder import Model, ModelHolder
from components.serving.predict_answer import Answer
from components.serving.predict_request import USER, PredictRequest

_LOGGER = logging.getLogger("dayone.serving")
TREATMENT, CONTROL, HOLDOUT, OUTSIDE = "treatment", "control", "holdout", "outside"
PER_ROW = ("request_ids", "policies")


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows of one request that one model answers.

    Attributes:
      arm: "treatment", "control", "holdout" or "outside" (not enrolled, no user id, no experiment).
      holder: of the model.
      rows: row numbers in the request.
    """

    arm: str
    holder: ModelHolder
    rows: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Answered:
    """The answers to a request, in the order of its rows, and what the response says in addition."""

    answers: list[Answer]
    more: dict[str, Any]


class Arms:
    """Follows the experiment, and divides the rows of a request among the two models."""

    def __init__(
        self,
        served: ModelHolder,
        control: ModelHolder | None = None,
        read: Callable[[Path], Found] = read_state,
    ):
        """Starts without an experiment.

        Args:
          served: holds the newest version of the folder NAME.
          control: holds that of NAME_control; None for a launch without an experiment.
          read: reads the state in a folder of versions.
        """
        self.served, self.control = served, control
        self._read = read
        self._found = Found(None)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> State | None:
        """The experiment that runs, or the holdout; None without."""
        return self._found.state

    def check(self) -> bool:
        """Reads the state once; True if it changed."""
        stored = self._read(self.served.folder)
        changed, self._found = stored != self._found, stored
        if changed and stored.problem:
            _LOGGER.warning("%s", stored.problem)
        elif changed:
            _LOGGER.info("%s", _describe(stored.state))
        return changed

    def choose(self, user: str) -> tuple[str, ModelHolder]:
        """Returns the arm of a user and what answers for it; "" is a user without an id."""
        stored, control = self._found, self.control
        if control is None or not control.ready or (stored.state is None and not stored.problem):
            return OUTSIDE, self.served
        if stored.state is None:
            return OUTSIDE, control
        if stored.state.phase == "holdout":
            held = assignment.hold_out_user(stored.state.launch, stored.state.holdout, user)
            return (HOLDOUT, control) if held else (OUTSIDE, self.served)
        return self._choose_arm(stored.state, user, control)

    def _choose_arm(self, state: State, user: str, control: ModelHolder) -> tuple[str, ModelHolder]:
        """Returns the arm while the experiment runs; without the treatment held its users get the control."""
        treatment = self.served if self.served.number == state.treatment else control
        arm = assignment.assign_user(state.id, state.share, user)
        if arm == assignment.TREATMENT:
            return TREATMENT, treatment
        if arm == assignment.CONTROL:
            return CONTROL, control
        return OUTSIDE, control if state.others == state.control or not user else treatment

    def group(self, users: Sequence[str]) -> list[Group]:
        """Returns the rows of a request, grouped by what answers them."""
        rows: dict[tuple[str, int], list[int]] = {}
        holders = {}
        for place, user in enumerate(users):
            arm, holder = self.choose(user)
            rows.setdefault((arm, id(holder)), []).append(place)
            holders[id(holder)] = holder
        return [Group(arm, holders[holder], tuple(places)) for (arm, holder), places in rows.items()]

    @property
    def front(self) -> ModelHolder:
        """What parses requests: the served folder's version, or the control's while there is none."""
        return self.control if self.control is not None and not self.served.ready else self.served

    def answer(
        self,
        request: PredictRequest,
        ask: Callable[[PredictRequest, Model], Answered],
        count: Callable[[str, int], None],
    ) -> Answered:
        """Returns the answers of each row's own model, in the order of the rows.

        Args:
          request: a recommendation.
          ask: asks one model about some of the rows, and logs what it showed.
          count: told the arm and how many rows it got.
        """
        rows = len(request.rows)
        answers: list[Answer] = [{} for _ in range(rows)]
        lists: dict[str, list[Any]] = {name: [""] * rows for name in ("model_versions", "arms", *PER_ROW)}
        for group in self.group([row[USER].decode("utf-8", "replace") for row in request.rows]):
            part = dataclasses.replace(request, rows=[request.rows[place] for place in group.rows])
            with group.holder.using() as model:
                answered = ask(part, model)
            count(group.arm, len(group.rows))
            for index, place in enumerate(group.rows):
                answers[place] = answered.answers[index]
                lists["model_versions"][place], lists["arms"][place] = answered.more["model_version"], group.arm
                for name in PER_ROW:
                    lists[name][place] = answered.more[name][index]
        return Answered(answers, {"model_version": lists["model_versions"][0], **lists})

    def follow(self, seconds: float) -> None:
        """Follows versions and state every `seconds` seconds, in threads of their own, until `stop`."""
        self.check()
        self.served.follow(seconds)
        if self.control is not None:
            self.control.follow(seconds)
        self._thread = threading.Thread(target=self._follow, args=(seconds,), name="experiment", daemon=True)
        self._thread.start()

    def _follow(self, seconds: float) -> None:
        # `read_state` answers with a problem, whatever the disk does: nothing here can raise.
        while not self._stop.wait(seconds):
            self.check()

    def stop(self) -> None:
        """Ends the threads."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        self.served.stop()
        if self.control is not None:
            self.control.stop()


def _describe(state: State | None) -> str:
    if state is None:
        return "no experiment runs"
    if state.phase == "holdout":
        return f"experiment {state.id} was won, {100 * state.holdout:g}% of users keep the rules"
    return f"experiment {state.id} runs, stage {state.stage + 1} of {len(state.ramp)}: {100 * state.share:g}% enrolled"
