"""The part of the declaration that says what learns: the rules and the model."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from components.declaration.rule_names import CATALOGUE_RULES, FOR_EVERYBODY, RULE_NAMES


@dataclasses.dataclass(frozen=True)
class Rules:
    """What serves on day one, and the bar that a model has to beat.

    Attributes:
      names: the rules to count; the best of them on a validation cut of the training time is what serves. Built in are
        `popularity`, `recent_popularity`, `context_popularity` and `covisitation`, and four that read the catalogue
        alone: `priority`, `newest`, `round_robin` (over the first of the categories) and `catalogue_order`. A function
        of yours goes by its dotted path (docs/clone.md).
      fallbacks: rules out of `names`, in the order in which they answer where the rule that serves has nothing to say,
        and where a model gets no history. () is the popularity rules among `names`: by context, recent,
        all-time, then those of the catalogue alone.
      context: columns of `log.context`; `context_popularity` counts recent popularity for each of their values
        (combinations, if several).
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
    def before_events(self) -> str | None:
        """The first of `names` that needs no event; None where there is none."""
        return next((name for name in self.names if name in CATALOGUE_RULES), None)

    @property
    def fallback_order(self) -> tuple[str, ...]:
        """The rules that answer one after the other where nothing else does; the last has an answer for everybody."""
        return self.fallbacks or tuple(name for name in FOR_EVERYBODY if name in self.names) or ("popularity",)


@dataclasses.dataclass(frozen=True)
class Model:
    """The hyperparameters of the TensorFlow Recommenders model.

    Attributes:
      dim: of query and item vectors.
      history: how many of a user's last items the query tower reads.
      epochs: passes over the training sequences at most, down to half of them where they would be more than 10,000
        steps; how many is chosen on events left out of the last tenth of the training time.
      batch_users: sequences per step at most; fewer, down to 32, where an epoch would have less than 100 steps.
      learning_rate: of Adam at the start, for `batch_users`; it falls with the root of a smaller batch, and to zero
        over the epochs along a cosine.
      temperature: the divisor of the cosine similarities in the softmax.
      top_k: how many items an answer holds.
      ranking_epochs: passes of the ranking head over the labelled rows.
      ranking_features: columns that the ranking head reads in addition to the vectors of query and item: of `log.context`, and
        of the catalogue's `categories` and `numbers`.
      query_tower: the dotted path of a class of yours that replaces our query tower (docs/extend.md); None for ours.
      item_tower: the dotted path of a class of yours that replaces our item tower; None for ours.
      tuning_trials: how many settings the step Tuner tries; 0 leaves the step out.
      warm_start: the towers start from those of the served version instead of at random.
    """

    dim: int = 128
    history: int = 50
    epochs: int = 12
    batch_users: int = 64
    learning_rate: float = 5e-3
    temperature: float = 0.1
    top_k: int = 10
    ranking_epochs: int = 3
    ranking_features: tuple[str, ...] = ()
    query_tower: str | None = None
    item_tower: str | None = None
    tuning_trials: int = 0
    warm_start: bool = False

    @property
    def towers(self) -> tuple[str, ...]:
        """The dotted paths of a team's own towers."""
        return tuple(path for path in (self.query_tower, self.item_tower) if path)


@dataclasses.dataclass(frozen=True)
class CustomModel:
    """A team's own model instead of ours; docs/extend.md has a complete one.

    Attributes:
      run_fn: the dotted path of its `run_fn`, which reads the training data and exports a `Recommender`.
      hyperparameters: what it reads as `view.model.hyperparameters`: text, numbers, true or false, by name.
      history: how many of a user's last items a query holds.
      top_k: how many items an answer holds.
      ranking: whether its `Recommender` answers `probabilities`, so that the ranking head is evaluated.
    """

    run_fn: str
    hyperparameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    history: int = 50
    top_k: int = 10
    ranking: bool = False

    tuning_trials: typing.ClassVar[int] = 0
    warm_start: typing.ClassVar[bool] = False
    towers: typing.ClassVar[tuple[str, ...]] = ()
