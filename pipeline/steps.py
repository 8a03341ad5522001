"""The steps of the pipeline by name, in order, in words for people.

The names are a public contract: TFX stores them in its metadata, Kubeflow in deployed specs, people type them after
  `--from`. This
module is light, so that a mistyped name is answered at once; `pipeline/graph.py` gives its nodes these names.
"""

import dataclasses
import difflib
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
OUTCOME = "Outcome"
VERDICT = "Verdict"
PUSHER = "Pusher"


@dataclasses.dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
      name: the node's id.
      does: what it does, in a few plain words.
      needs: the part of a declaration without which the step is left out; "" if it always runs.
    """

    name: str
    does: str
    needs: typing.Literal["", "catalogue", "ranking head", "tuning", "experiment"] = ""


STEPS = (
    Step(EXAMPLE_GEN, "reads the log and splits it by time"),
    Step(CATALOGUE_EXAMPLE_GEN, "reads the catalogue", "catalogue"),
    Step(STATISTICS_GEN, "counts what the log holds"),
    Step(CATALOGUE_STATISTICS_GEN, "counts what the catalogue holds", "catalogue"),
    Step(SCHEMA, "loads the curated schema of the log"),
    Step(CATALOGUE_SCHEMA, "loads the curated schema of the catalogue", "catalogue"),
    Step(EXAMPLE_VALIDATOR, "compares the log with its schema"),
    Step(CATALOGUE_VALIDATOR, "compares the catalogue with its schema", "catalogue"),
    Step(STATISTICS_PAGE, "writes a page that shows what was counted"),
    Step(GATE, "stops the run when the log does not fit"),
    Step(CATALOGUE_GATE, "stops the run when the catalogue does not fit", "catalogue"),
    Step(DRIFT_BASELINE, "fetches the statistics of what the served version learnt from"),
    Step(DRIFT_VALIDATOR, "compares the newest events with those before, and all with that"),
    Step(DRIFT_GATE, "says, or stops the run, when the log has drifted"),
    Step(TRANSFORM, "prepares the features"),
    Step(RULES, "counts the rules that serve on day one"),
    Step(TUNER, "tries other settings of the model", "tuning"),
    Step(TRAINER, "trains the recommender"),
    Step(RETRIEVAL_EVALUATOR, "judges model, champion and rules alike"),
    Step(RANKING_EXAMPLES, "prepares the examples for the ranking head's judgement", "ranking head"),
    Step(EVALUATOR, "judges the ranking head", "ranking head"),
    Step(OUTCOME, "reads what the experiment on users says", "experiment"),
    Step(VERDICT, "decides what is served"),
    Step(PUSHER, "hands the winner over to the server"),
)


def of(launch: Launch) -> tuple[Step, ...]:
    """The steps that a launch's pipeline has, in order."""
    has = {
        "": True,
        "catalogue": launch.catalogue is not None,
        "ranking head": launch.has_ranking_head,
        "tuning": launch.model.tuning_trials > 0,
        "experiment": launch.experiment is not None,
    }
    return tuple(step for step in STEPS if has[step.needs])


def describe(name: str) -> str:
    """What the step of that name does, in words; "" for a name that is not here."""
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
