"""What the step Outcome reads of a declaration; see `components.declaration.views`."""

import dataclasses

from components.declaration.experiment import Experiment
from components.declaration.labels import LabelRoles
from components.declaration.views import Label, View


@dataclasses.dataclass(frozen=True)
class TrafficColumns(View):
    """The columns of impressions: user, item, time, model version."""

    user: str
    time: str
    impression: str | None
    request: str | None
    model_version: str | None


@dataclasses.dataclass(frozen=True)
class OutcomeView(View, LabelRoles):
    """Outcome, which only launches with an experiment have."""

    name: str
    log: TrafficColumns
    objectives: tuple[Label, ...]
    experiment: Experiment | None
