"""Views: the part of a declaration that a step reads, and no more.

A step's view travels to it as JSON and is part of its cache key, so a field reruns just the steps whose view holds it:
a changed margin the verdict, a changed `dim` the training, a changed column the ingest and what follows. Views keep the
attribute paths of `Launch` (`view.log.user`), so that one function serves a view and a whole declaration; a type
checker holds that a step reads nothing else.
"""

import collections.abc
import dataclasses
import typing

from components.declaration import json_form
from components.declaration.criteria import Drift
from components.declaration.data import Boost, CatalogueColumns, Log, Objective, Split
from components.declaration.filters import Filter
from components.declaration.labels import LabelRoles
from components.declaration.learning import CustomModel, Model, Rules
from components.declaration.metric_names import Metrics

Self = typing.TypeVar("Self", bound="View")


@dataclasses.dataclass(frozen=True)
class View:
    """The parent of all views: made from a declaration, or from its own JSON."""

    @classmethod
    def of(cls: type[Self], source: typing.Any) -> Self:
        """Returns the view of a declaration, or of another view that holds all of its fields."""
        hints, fields = typing.get_type_hints(cls), dataclasses.fields(cls)
        return cls(**{field.name: _part(hints[field.name], getattr(source, field.name)) for field in fields})

    def to_json(self) -> str:
        """Returns the view as JSON, keys sorted."""
        return json_form.to_json(self)

    @classmethod
    def from_json(cls: type[Self], text: str) -> Self:
        """Builds a view from the text of `to_json`."""
        view: Self = json_form.from_json(cls, text, "launch")
        return view


def _part(hint: typing.Any, value: typing.Any) -> typing.Any:
    """Returns a field's value as its view, where its type is one."""
    if isinstance(value, tuple):
        return tuple(_part(typing.get_args(hint)[0], part) for part in value)
    kinds = [kind for kind in (hint, *typing.get_args(hint)) if isinstance(kind, type) and issubclass(kind, View)]
    return kinds[0].of(value) if kinds and value is not None else value


@dataclasses.dataclass(frozen=True)
class LogColumns(View):
    """The columns of the examples by role."""

    user: str
    item: str
    time: str
    event: str | None
    impression: str | None
    value: str | None
    request: str | None
    position: str | None
    context: tuple[str, ...]
    starts_empty: bool


@dataclasses.dataclass(frozen=True)
class ServedColumns(LogColumns):
    """The columns of the examples by role, with the policy and the version that answered."""

    policy: str | None
    model_version: str | None


@dataclasses.dataclass(frozen=True)
class IdColumns(View):
    """The id columns of the examples."""

    user: str
    item: str


@dataclasses.dataclass(frozen=True)
class ItemColumn(View):
    """The id column of the catalogue's examples."""

    item: str


@dataclasses.dataclass(frozen=True)
class ContextColumns(View):
    """The columns that Transform turns into features."""

    time: str
    context: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Label(View):
    """An objective without its weight: which rows are its positives."""

    name: str
    event: str | None
    value_at_least: float | None
    label_fn: str | None

    @property
    def label(self) -> str:
        """The column of the examples that holds this objective's label (int64: 0 or 1)."""
        return Objective(self.name).label


@dataclasses.dataclass(frozen=True)
class WeightedLabel(Label):
    """An objective as what learns and serves reads it."""

    weight: float


@dataclasses.dataclass(frozen=True)
class BoostColumn(View):
    """The column that a boost or a filter reads."""

    column: str


@dataclasses.dataclass(frozen=True)
class CatalogueSource(View, CatalogueColumns):
    """What ingest reads of the catalogue's declaration."""

    path: str
    item: str
    title: str | None
    categories: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    active: str | None
    added: str | None
    priority: str | None
    delimiter: str
    max_quarantined: float
    boosts: tuple[BoostColumn, ...]
    filters: tuple[BoostColumn, ...]


@dataclasses.dataclass(frozen=True)
class AnswerSize(View):
    """How many items of history a request carries, and how many items an answer holds."""

    history: int
    top_k: int


@dataclasses.dataclass(frozen=True)
class MetricName(View, Metrics):
    """The metric of the comparison, and how many queries are asked for it."""

    metric: str
    metrics: tuple[str, ...]
    max_queries: int


@dataclasses.dataclass(frozen=True)
class Measures(MetricName):
    """The metrics and the slices of the comparison."""

    slices: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class RuleNames(View):
    """Which rules are compared."""

    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class IngestView(View, LabelRoles):
    """ExampleGen."""

    log: Log
    split: Split
    objectives: tuple[Label, ...]


@dataclasses.dataclass(frozen=True)
class CatalogueIngestView(View):
    """CatalogueExampleGen."""

    catalogue: CatalogueSource


@dataclasses.dataclass(frozen=True)
class DriftView(View):
    """DriftGate."""

    log: IdColumns
    catalogue: ItemColumn | None
    drift: Drift


@dataclasses.dataclass(frozen=True)
class TransformView(View):
    """Transform."""

    log: ContextColumns


@dataclasses.dataclass(frozen=True)
class EventsView(View, LabelRoles):
    """What reading the examples as a table of events needs."""

    log: LogColumns
    objectives: tuple[typing.Any, ...]


@dataclasses.dataclass(frozen=True)
class QueriesView(EventsView):
    """What turning events into queries needs."""

    objectives: tuple[typing.Any, ...]
    model: typing.Any
    exclude_seen: bool
    seed: int


@dataclasses.dataclass(frozen=True)
class CatalogueFeatures(View, CatalogueColumns):
    """What the item table is made from."""

    item: str
    title: str | None
    categories: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    active: str | None
    added: str | None
    priority: str | None
    boosts: tuple[Boost, ...]
    filters: tuple[Filter, ...]


@dataclasses.dataclass(frozen=True)
class ServingView(QueriesView):
    """What whatever is trained, exported and served needs."""

    name: str
    objectives: tuple[WeightedLabel, ...]
    catalogue: CatalogueFeatures | None
    rules: Rules


@dataclasses.dataclass(frozen=True)
class RulesView(ServingView):
    """Rules."""

    model: AnswerSize
    promotion: MetricName


@dataclasses.dataclass(frozen=True)
class TrainerView(ServingView):
    """Trainer and Tuner."""

    model: Model | CustomModel

    def with_model(self, settings: collections.abc.Mapping[str, typing.Any]) -> "TrainerView":
        """Returns the same view with other hyperparameters, by name."""
        return dataclasses.replace(self, model=dataclasses.replace(self.model, **settings))


@dataclasses.dataclass(frozen=True)
class RetrievalView(QueriesView):
    """RetrievalEvaluator."""

    name: str
    log: ServedColumns
    objectives: tuple[Label, ...]
    model: AnswerSize
    catalogue: ItemColumn | None
    rules: RuleNames
    promotion: Measures
