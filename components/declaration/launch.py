"""The declaration: the one file a team edits to launch a feature.

A `Launch` says what exists: where the interaction log and the catalogue are, which of their columns play which role, what the
product wants (objectives), which rules serve first and what a model must show to replace them. It is frozen, checked when it is
made, and travels to every pipeline step as JSON, so that TFX's cache and Kubeflow's parameters see every change in it.
"""

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from components.declaration import checks
from components.declaration.criteria_checks import FOR_EVERYBODY, RULE_NAMES
from components.declaration.data import Catalogue, Log, Objective, Split
from components.declaration.experiment import Experiment
from components.errors import DeclarationError


@dataclasses.dataclass(frozen=True)
class Rules:
    """What serves on day one, and the bar that a model has to beat.

    Attributes:
      names: the rules to count; the best of them on a validation cut of the training time is what serves. Built in are `popularity`,
        `recent_popularity`, `context_popularity` and `covisitation`; a function of yours goes by its dotted path (docs/clone.md).
      fallbacks: rules out of `names`, in the order in which they answer where the rule that serves has nothing to say, and where a model
        is asked without a history. () is the popularity rules among `names`: by context, recent, all-time.
      context: columns of `log.context`; `context_popularity` counts recent popularity for each of their values (combinations, if several).
      recent_days: the window of recent popularity, in days before the last training event.
      covisitation_window: how many next items of a user count as visited together.
      covisitation_decay: the weight of the second next item against the first, of the third against the second, ...
    """

    names: tuple[str, ...] = RULE_NAMES
    fallbacks: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    recent_days: float = 7.0
    covisitation_window: int = 3
    covisitation_decay: float = 0.7

    @property
    def fallback_order(self) -> tuple[str, ...]:
        """The rules that answer one after the other where nothing else does; the last has an answer for everybody."""
        return self.fallbacks or tuple(name for name in FOR_EVERYBODY if name in self.names) or ("popularity",)


@dataclasses.dataclass(frozen=True)
class Gate:
    """What a model must show to replace what is served.

    Attributes:
      metric: the metric of the comparison, on rolling histories over the whole catalogue.
      margin: the relative gain over the rules that the interval's lower end must exceed (0.05 is five per cent).
      min_queries: the minimum sample: with fewer evaluated events nothing changes hands.
      effect: the smallest relative gain that is worth seeing; how many more events would show it is said when too few did.
      guards: slices of the evaluation on which the model must not be surely worse, by more than `guard_loss`, than the rules or than what is
        served: "new users", "tail items", "device=mobile", ... (docs/evaluation.md lists them).
      guard_loss: the relative loss that a guard tolerates.
      ranking_slices: what the standard Evaluator also measures the ranking head apart by: "users" (known and new ones), columns of
        `log.context`. Each costs as much again as two thirds of the whole.
      request_ndcg: whether the standard Evaluator also measures the order within each request (docs/evaluation.md says what it costs).
      min_auc: per objective, for the ranking head on the exported model; the standard Evaluator blesses by it.
    """

    metric: str = "recall@10"
    margin: float = 0.0
    min_queries: int = 200
    effect: float = 0.02
    guards: tuple[str, ...] = ()
    guard_loss: float = 0.0
    ranking_slices: tuple[str, ...] = ("users",)
    request_ndcg: bool = False
    min_auc: float = 0.5


@dataclasses.dataclass(frozen=True)
class Drift:
    """How far the eval part of the log, its newest events, may lie from the train part; and that from what the served version has learnt from.

    Attributes:
      stop: whether drift stops the run or is only said. How far a column may move is in the curated schema (`drift_comparator`).
      new_users, new_items: the share of the eval part's users and items that train does not know, at most.
      unlisted_items: the share of the eval part's items that the catalogue does not list, at most.
    """

    stop: bool = False
    new_users: float = 0.5
    new_items: float = 0.2
    unlisted_items: float = 0.05


@dataclasses.dataclass(frozen=True)
class Model:
    """The hyperparameters of the TensorFlow Recommenders model.

    Attributes:
      dim: of query and item vectors.
      history: how many of a user's last items the query tower reads.
      epochs: passes over the training sequences at most; how many is chosen on the last tenth of the training time.
      batch_users: sequences per step.
      learning_rate: of Adam at the start; it falls to zero over the epochs along a cosine.
      temperature: the divisor of the cosine similarities in the softmax.
      top_k: how many items an answer holds.
      ranking_epochs: passes of the ranking head over the labelled rows.
      tuning_trials: how many settings the step Tuner tries; 0 leaves the step out.
      warm_start: the towers start from those of the served version instead of at random.
    """

    dim: int = 64
    history: int = 50
    epochs: int = 12
    batch_users: int = 64
    learning_rate: float = 5e-3
    temperature: float = 0.15
    top_k: int = 10
    ranking_epochs: int = 3
    tuning_trials: int = 0
    warm_start: bool = False


@dataclasses.dataclass(frozen=True)
class Launch:
    """A feature to launch: its log, catalogue, objectives, rules, gate and model.

    Attributes:
      name: lower-case letters, digits and underscores; names the schema folder, the runs and the served model.
      experiment: how a model is tried on users before it serves everybody; None pushes it on the offline verdict alone.
      exclude_seen: an item that a user already acted on is not recommended again (nor asked for in the evaluation).
      seed: of every random choice: order of equal times, initial weights, shuffling, bootstrap.
    """

    name: str
    log: Log
    split: Split
    objectives: tuple[Objective, ...]
    catalogue: Catalogue | None = None
    rules: Rules = Rules()
    gate: Gate = Gate()
    drift: Drift = Drift()
    model: Model = Model()
    experiment: Experiment | None = None
    exclude_seen: bool = True
    seed: int = 7

    def __post_init__(self) -> None:
        """Checks every field; raises `DeclarationError` for the first that is wrong."""
        checks.check(self)

    @property
    def positive_events(self) -> tuple[str, ...]:
        """The events that count as a positive interaction; empty where the log has no event column (all do)."""
        return tuple(dict.fromkeys(objective.event for objective in self.objectives if objective.event))

    @property
    def learns_from_impressions(self) -> bool:
        """Whether labels come from joining impressions with the actions that followed them."""
        return bool(self.log.impression)

    @property
    def has_ranking_head(self) -> bool:
        """Whether the log holds what a ranking head learns from: joined impressions, or values with a threshold."""
        by_value = any(objective.value_at_least is not None for objective in self.objectives)
        return self.learns_from_impressions or by_value

    @property
    def ranking_objectives(self) -> tuple[Objective, ...]:
        """The objectives that get a label, and so a head."""
        if self.learns_from_impressions:
            return self.objectives
        return tuple(objective for objective in self.objectives if objective.value_at_least is not None)

    def with_model(self, settings: Mapping[str, Any]) -> "Launch":
        """The same launch with other settings of the model, by name."""
        return dataclasses.replace(self, model=dataclasses.replace(self.model, **settings))

    def to_json(self) -> str:
        """The declaration as JSON, keys sorted; equal declarations give equal text."""
        return json.dumps(_to_plain(type(self), self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Launch":
        """The inverse of `to_json`.

        Raises:
          DeclarationError: for a field that this version does not know, or a wrong value.
        """
        return _build(cls, json.loads(text), "launch")


def _build(cls: typing.Any, values: dict[str, typing.Any], prefix: str) -> typing.Any:
    """A (nested) declaration class from plain JSON values."""
    hints = typing.get_type_hints(cls)
    for name, value in values.items():
        if name not in hints:
            raise DeclarationError(f"{prefix}.{name}", value, f"to be one of the fields {', '.join(hints)}")
    return cls(**{name: _from_plain(hints[name], value, f"{prefix}.{name}") for name, value in values.items()})


def _from_plain(hint: typing.Any, value: typing.Any, prefix: str) -> typing.Any:
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    if typing.get_origin(hint) is tuple:
        return tuple(_from_plain(options[0], part, prefix) for part in value)
    if value is None:
        return None
    kind = options[0] if options else hint
    return _build(kind, value, prefix) if dataclasses.is_dataclass(kind) else value


def _to_plain(hint: typing.Any, value: typing.Any) -> typing.Any:
    """Plain JSON values; a weight written 1 and one written 1.0 are equal, so they become the same text and the same cache key."""
    if dataclasses.is_dataclass(value):
        return {name: _to_plain(part, getattr(value, name)) for name, part in typing.get_type_hints(type(value)).items()}
    if typing.get_origin(hint) is tuple:
        return [_to_plain(typing.get_args(hint)[0], part) for part in value]
    return float(value) if value is not None and float in (hint, *typing.get_args(hint)) else value
