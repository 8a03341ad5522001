"""The steps of the pipeline in order, with their names and descriptions.

The names are a public contract: TFX stores them in its metadata, Kubeflow in deployed specs, and users type them after
`--from`. This module imports neither TensorFlow nor TFX, so that a mistyped name is reported at once;
`pipeline/graph.py` gives its components these names.
"""

import dataclasses
import difflib
import importlib
import typing

from components.declaration import Launch
from components.errors import PartialRunError

EXAMPLE_GEN = "ExampleGen"
CATALOGUE_EXAMPLE_GEN = "CatalogueExampleGen"
STATISTICS_GEN = "StatisticsGen"
CATALOGUE_STATISTICS_GEN = "CatalogueStatisticsGen"
SCHEMA = "Schema"
CATALOGUE_SCHEMA = "CatalogueSchema"
EXAMPLE_VALIDATOR = "ExampleValidator"
CATALOGUE_VALIDATOR = "CatalogueValidator"
STATISTICS_PAGE = "StatisticsPage"
GATE = "SchemaGate"
CATALOGUE_GATE = "CatalogueSchemaGate"
DRIFT_BASELINE = "DriftBaseline"
DRIFT_VALIDATOR = "DriftValidator"
DRIFT_GATE = "DriftGate"
TRANSFORM = "Transform"
RULES = "Rules"
TUNER = "Tuner"
TRAINER = "Trainer"
RETRIEVAL_EVALUATOR = "RetrievalEvaluator"
RANKING_EXAMPLES = "RankingExamples"
EVALUATOR = "Evaluator"
TRIANGLE = "Triangle"
OUTCOME = "Outcome"
VERDICT = "Verdict"
REFIT = "Refit"
PUSHER = "Pusher"


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Attributes:
      name: the TFX component's id.
      does: a short description, which begins with a verb.
      needs: the part of a declaration without which the step is left out; "" if it always runs.
      reads: the view of the declaration that it reads, below `components.declaration`; "" for nothing.
      code: the modules of this project that it runs: their digest, imports included, is part of its cache key.
    """

    name: str
    does: str
    needs: typing.Literal["", "catalogue", "ranking head", "tuning", "insight", "experiment", "refit"] = ""
    reads: str = ""
    code: tuple[str, ...] = ()

    @property
    def view(self) -> typing.Any:
        """The class of its view, None for nothing; imported here, because help and settings need none."""
        module, _, name = self.reads.partition(".")
        return getattr(importlib.import_module(f"components.declaration.{module}"), name) if name else None


_INGEST = ("components.ingest.executor",)
_STATISTICS = ("components.validation.statistics_gen",)
_SCHEMA_GATE = ("components.validation.schema_gate",)
_TUNER = ("components.models.tuning.tuner_fn", "components.models.tuning.tuner")

STEPS = (
    Step(EXAMPLE_GEN, "reads the log and splits it by time", reads="views.IngestView", code=_INGEST),
    Step(CATALOGUE_EXAMPLE_GEN, "reads the catalogue", "catalogue", "views.CatalogueIngestView", _INGEST),
    Step(STATISTICS_GEN, "computes the statistics of the log", code=_STATISTICS),
    Step(CATALOGUE_STATISTICS_GEN, "computes the statistics of the catalogue", "catalogue", code=_STATISTICS),
    Step(SCHEMA, "loads the curated schema of the log"),
    Step(CATALOGUE_SCHEMA, "loads the curated schema of the catalogue", "catalogue"),
    Step(EXAMPLE_VALIDATOR, "compares the log with its schema"),
    Step(CATALOGUE_VALIDATOR, "compares the catalogue with its schema", "catalogue"),
    Step(
        STATISTICS_PAGE,
        "writes a page of the statistics",
        reads="page_view.PageView",
        code=("components.validation.statistics_step",),
    ),
    Step(GATE, "stops the run when the log does not fit its schema", code=_SCHEMA_GATE),
    Step(CATALOGUE_GATE, "stops the run when the catalogue does not fit its schema", "catalogue", code=_SCHEMA_GATE),
    Step(
        DRIFT_BASELINE,
        "fetches the training statistics of the served version",
        code=("components.validation.drift_steps",),
    ),
    Step(DRIFT_VALIDATOR, "measures drift of eval against train, and against the served version's training data"),
    Step(
        DRIFT_GATE,
        "reports drift, or stops the run",
        reads="views.DriftView",
        code=("components.validation.drift_steps",),
    ),
    Step(
        TRANSFORM,
        "learns how to encode the features of a request",
        reads="views.TransformView",
        code=("components.features.transform",),
    ),
    Step(RULES, "counts the rules that serve on day one", reads="views.RulesView", code=("components.rules.training",)),
    Step(TUNER, "searches hyperparameters", "tuning", "views.TrainerView", _TUNER),
    Step(TRAINER, "trains the model", reads="views.TrainerView", code=("components.models.training",)),
    Step(
        RETRIEVAL_EVALUATOR,
        "ranks the full catalogue for every query",
        reads="views.RetrievalView",
        code=("components.evaluation.retrieval_step",),
    ),
    Step(
        RANKING_EXAMPLES,
        "joins each labelled row with its history",
        "ranking head",
        "ranking_views.RankingView",
        ("components.evaluation.ranking_step",),
    ),
    Step(
        EVALUATOR,
        "evaluates the ranking head",
        "ranking head",
        "ranking_views.EvaluatorView",
        ("components.evaluation.head_figures",),
    ),
    Step(
        TRIANGLE,
        "trains on parts of the log: takeover, learning curve, age",
        "insight",
        "triangle_view.TriangleView",
        ("components.evaluation.triangle_step", "components.rules.training"),
    ),
    Step(
        OUTCOME,
        "reads the result of the experiment on users",
        "experiment",
        "outcome_view.OutcomeView",
        ("components.experiment.outcome_step",),
    ),
    Step(
        VERDICT,
        "decides what is served",
        reads="verdict_view.VerdictView",
        code=("components.evaluation.verdict_step",),
    ),
    Step(
        REFIT,
        "trains the winning model again, on all events",
        "refit",
        "views.TrainerView",
        ("components.evaluation.refit_step",),
    ),
    Step(PUSHER, "pushes the winner to the serving folder"),
)


def of(launch: Launch) -> tuple[Step, ...]:
    """Returns the steps of a launch's pipeline in order; a launch's own steps come last."""
    has = {
        "": True,
        "catalogue": launch.catalogue is not None,
        "ranking head": launch.has_ranking_head,
        "tuning": launch.model.tuning_trials > 0,
        "insight": launch.insight is not None,
        "experiment": launch.experiment is not None,
        "refit": launch.promotion.refit,
    }
    custom = (Step(step.name, step.does) for step in launch.steps)
    return (*(step for step in STEPS if has[step.needs]), *custom)


def find_step(name: str) -> Step:
    """Returns the step with a name."""
    return next(step for step in STEPS if step.name == name)


def view_of(name: str, launch: Launch) -> typing.Any:
    """Returns the part of a declaration that a step reads, as its view."""
    view = find_step(name).view
    assert view is not None, name
    return view.of(launch)


def describe(name: str) -> str:
    """Returns the description of a step; "" for an unknown name."""
    return next((step.does for step in STEPS if step.name == name), "")


def check_part(launch: Launch, first: str | None, last: str | None) -> None:
    """Checks the ends of a partial run.

    Raises:
      PartialRunError: if the launch's pipeline has no step of that name, or `last` comes before `first`.
    """
    names = [step.name for step in of(launch)]
    for option, name in (("--from", first), ("--to", last)):
        if name is not None and name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise PartialRunError(
                f"{option} needs a step of this launch's pipeline, got {name!r}.{hint} The steps: {', '.join(names)}."
            )
    if first and last and names.index(first) > names.index(last):
        raise PartialRunError(
            f"--from {first} comes after --to {last}: no step lies between. The steps, in order: {', '.join(names)}."
        )
