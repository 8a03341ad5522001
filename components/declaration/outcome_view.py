"""What the step Outcome reads of a declaration; see `components.declaration.views`."""

import dataclasses

from components.declaration.experiment import Experiment
from components.declaration.labels import LabelRoles
from components.declaration.views import Label, View


@dataclasses.dataclass(frozen=True)
class TrafficColumns(View):
    """The columns that say who was shown what, when, by which version."""

    user: str
    time: str
    impression: str | None
    request: str | None
    model_version: str | None


@dataclasses.dataclass(frozen=True)
class OutcomeView(View, LabelRoles):
    """Outcome; of launches with an experiment."""

    name: str
    log: TrafficColumns
    objectives: tuple[Label, ...]
    experiment: Experiment
