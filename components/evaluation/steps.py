"""The steps of the evaluation as TFX components: thin shells around plain functions.

TFX drops the docstrings of these functions, and refuses `from __future__ import annotations` in their module. `code` is read by none of
them: it is the digest of their code, a part of the cache's key.
"""

import json
import os
from typing import Any

from tensorflow_transform.tf_metadata import schema_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils, path_utils

from components.declaration import Launch
from components.evaluation import comparison, ranking_metrics, verdict
from components.evaluation import ranking_examples as labelled_rows
from components.evaluation import summary as text
from components.features import event_table, training_data
from components.features.event_table import EventTable
from components.models import champion_version, export
from components.progress import set_figure
from components.validation import baseline

EVALUATION_FILE = "evaluation.json"
SUMMARY_JSON, SUMMARY_TEXT = "summary.json", "summary.txt"


def _events(launch: Launch, examples: standard_artifacts.Examples, schema: standard_artifacts.Schema) -> EventTable:
    """The events of both splits."""
    curated = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    spec = schema_utils.schema_as_feature_spec(curated).feature_spec
    files = {name: training_data.matching([os.path.join(examples.uri, f"Split-{name}", "*")]) for name in ("train", "eval")}
    return event_table.read_events(launch, [(files["train"], False), (files["eval"], True)], spec)


def _serving(model: standard_artifacts.Model) -> str:
    return path_utils.serving_model_path(model.uri)


@component
def RetrievalEvaluator(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    model: InputArtifact[standard_artifacts.Model],
    rules: InputArtifact[standard_artifacts.Model],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    launch: Parameter[str],
    code: Parameter[str],
    champion: Parameter[str],
) -> None:
    """Judges model, champion and rules on the eval split; see `components.evaluation.comparison`."""
    declared = Launch.from_json(launch)
    served = champion_version.served(champion)
    found = comparison.compare(declared, _events(declared, examples, schema), _serving(model), _serving(rules), served)
    io_utils.write_string_file(os.path.join(evaluation.uri, EVALUATION_FILE), json.dumps(found, indent=2, allow_nan=False))
    metric = declared.gate.metric
    values = {"model": found["rolling"]["model"], "rules": found["rolling"][found["rules_name"]]}
    set_figure(evaluation, f"{metric}: " + ", ".join(f"{name} {value.get(metric, 0.0):.3f}" for name, value in values.items()))


@component
def RankingExamples(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    ranking_examples: OutputArtifact[standard_artifacts.Examples],
    launch: Parameter[str],
    code: Parameter[str],
) -> None:
    """Joins the labelled eval rows with their histories; see `components.evaluation.ranking_examples`."""
    declared = Launch.from_json(launch)
    rows = _write_ranking_examples(declared, _events(declared, examples, schema), ranking_examples)
    set_figure(ranking_examples, f"{rows:,} labelled rows with their histories")


def _write_ranking_examples(launch: Launch, events: EventTable, output: standard_artifacts.Examples) -> int:
    output.split_names = artifact_utils.encode_split_names([labelled_rows.SPLIT])
    return labelled_rows.write(launch, events, output.uri)


@component
def Verdict(
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    model: InputArtifact[standard_artifacts.Model],
    rules: InputArtifact[standard_artifacts.Model],
    winner: OutputArtifact[standard_artifacts.Model],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    summary: OutputArtifact[standard_artifacts.ModelEvaluation],
    launch: Parameter[str],
    code: Parameter[str],
    ranking: InputArtifact[standard_artifacts.ModelEvaluation] = None,
    ranking_blessing: InputArtifact[standard_artifacts.ModelBlessing] = None,
    statistics: InputArtifact[standard_artifacts.ExampleStatistics] = None,
) -> None:
    """Decides what is pushed, and says why; see `components.evaluation.verdict`."""
    declared = Launch.from_json(launch)
    found = json.loads(io_utils.read_string_file(os.path.join(evaluation.uri, EVALUATION_FILE)))
    figures = ranking_metrics.read(declared, ranking.uri) if ranking is not None else None
    blessed = None
    if figures is not None and ranking_blessing is not None:
        blessed = ranking_metrics.word(declared, figures, bool(ranking_blessing.get_int_custom_property("blessed")))
    decision = verdict.decide(verdict.findings(found, blessed), declared.gate)
    _write_summary(found | {"verdict": decision.to_dict(), "ranking": figures}, decision.outcome, summary)
    chosen = {verdict.MODEL: model, verdict.RULES: rules}.get(decision.outcome)
    if chosen is not None:
        folder = path_utils.serving_model_dir(winner.uri)
        io_utils.copy_dir(_serving(chosen), folder)
        export.add_to_card(folder, _earned(found, decision))
        if statistics is not None:
            baseline.keep(statistics, folder)
    blessing.set_int_custom_property("blessed", int(chosen is not None))
    io_utils.write_string_file(os.path.join(blessing.uri, "BLESSED" if chosen is not None else "NOT_BLESSED"), decision.outcome)
    set_figure(summary, verdict.HEADLINES[decision.outcome])


def _earned(found: dict, decision: verdict.Verdict) -> dict[str, Any]:
    """What the winner's card says of its evaluation."""
    name = verdict.MODEL if decision.outcome == verdict.MODEL else found["rules_name"]
    return {"metrics": found["rolling"][name], "verdict": decision.to_dict()}


def _write_summary(found: dict, outcome: str, output: standard_artifacts.ModelEvaluation) -> None:
    """Writes summary.json and summary.txt; the example is what the winner answers."""
    found["example"] = found["examples"].get(outcome)
    found["ranking"] = found["ranking"] or "left out: the log has neither impressions with request ids nor values with a threshold"
    io_utils.write_string_file(os.path.join(output.uri, SUMMARY_JSON), json.dumps(found, indent=2, allow_nan=False))
    io_utils.write_string_file(os.path.join(output.uri, SUMMARY_TEXT), text.render(found))
