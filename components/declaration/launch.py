"""The declaration: the one file a team edits to launch a feature.

A `Launch` says what exists: where the interaction log and the catalogue are, which of their columns play which role,
what the product wants (objectives), which rules serve first and what a model must show to replace them. It is frozen
and checked when it is made. Each step gets a view of it (`components.declaration.views`): the part that the step reads,
and no more.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from components.declaration import (
    checks,
    criteria_checks,
    data_checks,
    experiment_checks,
    json_form,
    promotion_checks,
)
from components.declaration.criteria import Drift, Promotion
from components.declaration.custom_step import CustomStep, check_steps
from components.declaration.data import Catalogue, Log, Objective, Split
from components.declaration.experiment import Experiment
from components.declaration.filters import check_filters
from components.declaration.insight import Insight, check_insight
from components.declaration.labels import LabelRoles
from components.declaration.learning import CustomModel, Model, Rules
from components.errors import DeclarationError


@dataclasses.dataclass(frozen=True)
class Launch(LabelRoles):
    """A feature to launch: its log, catalogue, objectives, rules, model and promotion criteria.

    Attributes:
      name: lower-case letters, digits and underscores; names the schema folder, the runs and the served model.
      experiment: how a model is tried on users before it serves everybody; None pushes it on the offline verdict alone.
      insight: what a run measures beyond the verdict, at the cost of further trainings; None leaves the step out.
      exclude_seen: an item that a user already acted on is not recommended again (nor queried in the evaluation).
      seed: of every random choice: order of equal times, initial weights, shuffling, bootstrap.
    """

    name: str
    log: Log
    split: Split
    objectives: tuple[Objective, ...]
    catalogue: Catalogue | None = None
    rules: Rules = dataclasses.field(default_factory=Rules)
    promotion: Promotion = dataclasses.field(default_factory=Promotion)
    drift: Drift = dataclasses.field(default_factory=Drift)
    model: Model | CustomModel = dataclasses.field(default_factory=Model)
    experiment: Experiment | None = None
    insight: Insight | None = None
    steps: tuple[CustomStep, ...] = ()
    exclude_seen: bool = True
    seed: int = 7

    def __post_init__(self) -> None:
        """Checks every field; raises `DeclarationError` for the first that is wrong."""
        checks.check_types(self, "launch")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", self.name):
            needed = "lower-case letters, digits and _, a letter first, 40 at most"
            raise DeclarationError("launch.name", self.name, needed)
        checks.check_at_least("launch.seed", self.seed, 0)
        data_checks.check_data(self.log, self.catalogue, self.objectives, self.split)
        criteria_checks.check_rules(self.rules, self.log, self.catalogue)
        promotion_checks.check_promotion(self.promotion, self.log, self.catalogue)
        criteria_checks.check_drift(self.drift)
        criteria_checks.check_model(self.model)
        criteria_checks.check_tuning(self.model, self.log)
        criteria_checks.check_features(self.model, self.log, self.catalogue)
        check_steps(self.steps)
        if self.catalogue:
            criteria_checks.check_boosts(self.catalogue)
            check_filters(self.catalogue.filters, self.catalogue.item, self.log.context)
        if self.experiment:
            experiment_checks.check_experiment(self.experiment, self.log, self.objectives)
        if self.insight:
            check_insight(self.insight)

    @property
    def has_ranking_head(self) -> bool:
        """Whether the log holds what a ranking head learns from, and the model has one."""
        ranks = self.model.ranking if isinstance(self.model, CustomModel) else True
        return ranks and super().has_ranking_head

    def with_model(self, settings: Mapping[str, Any]) -> "Launch":
        """Returns the same launch with other hyperparameters, by name."""
        return dataclasses.replace(self, model=dataclasses.replace(self.model, **settings))

    def to_json(self) -> str:
        """Returns the declaration as JSON, keys sorted; equal declarations give equal text."""
        return json_form.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Launch":
        """Builds a declaration from the text of `to_json`.

        Raises:
          DeclarationError: for a field that this version does not know, or a wrong value.
        """
        launch: Launch = json_form.from_json(cls, text, "launch")
        return launch
