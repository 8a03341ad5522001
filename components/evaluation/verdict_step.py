"""The step Verdict as a TFX component: a thin shell around `components.evaluation.verdict` and the report.

TFX drops the docstrings of such functions, and refuses `from __future__ import annotations` in their module. `code` is
read by none of
them: it is the digest of their code, a part of the cache's key, and the reason why each step has a module of its own.
"""

import dataclasses
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

from components.declaration.verdict_view import VerdictView
from components.evaluation import (
    eval_traffic,
    experiment_handover,
    findings,
    launch_action,
    launch_page,
    ranking_metrics,
    report,
    verdict,
    verdict_history,
    verdict_numbers,
)
from components.evaluation import summary as text
from components.evaluation.evaluation_file import EVALUATION_FILE
from components.evaluation.triangle_file import TRIANGLE_FILE
from components.features.split_names import EVAL
from components.progress import set_figure
from components.registry import export, train_statistics

SUMMARY_JSON, SUMMARY_TEXT, REPORT, PAGE = "summary.json", "summary.txt", "report.html", "launch.md"
MOST_RUNS = 12


def _serving(model: standard_artifacts.Model) -> str:
    return path_utils.serving_model_path(model.uri)


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
    statistics: InputArtifact[standard_artifacts.ExampleStatistics] = None,
    outcome: InputArtifact[standard_artifacts.ModelEvaluation] = None,
    triangle: InputArtifact[standard_artifacts.ModelEvaluation] = None,
) -> None:
    """Decides what is pushed, and says why; see `components.evaluation.verdict`."""
    declared = VerdictView.from_json(launch)
    evaluated = json.loads(io_utils.read_string_file(os.path.join(evaluation.uri, EVALUATION_FILE)))
    evaluated |= _of_ranking(declared, ranking) if ranking is not None else {"ranking": None}
    areas = ranking_metrics.list_areas(declared, evaluated["ranking"] or {})
    traffic = _find_traffic(declared, statistics) if statistics is not None else None
    decision = verdict.decide(findings.read(evaluated, areas, traffic), declared.promotion, declared.split)
    measured = experiment_handover.read(outcome.uri) if outcome is not None else None
    choice = experiment_handover.choose(decision, evaluated, measured)
    said_verdict = launch_action.merge(decision.to_dict(), choice)
    evaluated |= {"verdict": said_verdict, "experiment": measured}
    evaluated |= {"insight": _read_triangle(triangle), "margin": declared.promotion.margin}
    _write_summary(evaluated, decision.outcome, summary)
    chosen = None
    if choice is None or choice.pushes:
        chosen = {findings.MODEL: model, findings.RULES: rules}.get(decision.outcome)
    if choice is not None:
        experiment_handover.hand_over(choice, winner.uri, _serving(rules) if choice.pushes else None)
    if chosen is not None:
        _copy_winner(chosen, winner, _describe_evaluation(evaluated, decision))
        if statistics is not None:
            train_statistics.keep(statistics, path_utils.serving_model_dir(winner.uri), declared.log)
    _bless(blessing, chosen is not None, decision.outcome)
    set_figure(summary, str(said_verdict["headline"]))


def _copy_winner(chosen: standard_artifacts.Model, winner: standard_artifacts.Model, earned: dict[str, Any]) -> None:
    """Copies what is pushed, and adds to its card what it earned."""
    folder = path_utils.serving_model_dir(winner.uri)
    io_utils.copy_dir(_serving(chosen), folder)
    export.add_to_card(folder, earned)


def _bless(blessing: standard_artifacts.ModelBlessing, is_blessed: bool, outcome: str) -> None:
    blessing.set_int_custom_property("blessed", int(is_blessed))
    io_utils.write_string_file(os.path.join(blessing.uri, "BLESSED" if is_blessed else "NOT_BLESSED"), outcome)


def _of_ranking(launch: VerdictView, evaluation: standard_artifacts.ModelEvaluation) -> dict[str, Any]:
    """Returns the standard Evaluator's metrics of the ranking head, over all rows and per slice."""
    return {
        "ranking": ranking_metrics.read(launch, evaluation.uri),
        "ranking_slices": ranking_metrics.read_slices(launch, evaluation.uri),
    }


def _read_triangle(artifact: standard_artifacts.ModelEvaluation | None) -> dict[str, Any] | None:
    return artifact and json.loads(io_utils.read_string_file(os.path.join(artifact.uri, TRIANGLE_FILE)))


def _find_traffic(launch: VerdictView, statistics: standard_artifacts.ExampleStatistics) -> findings.Traffic | None:
    """Returns the policy whose own traffic the eval part is; None if it is not."""
    if launch.log.policy is None:
        return None
    data = stats_artifact_utils.load_statistics(statistics, EVAL).proto().datasets[0]
    return eval_traffic.find_traffic(data, launch.log.policy)


def _describe_evaluation(found: dict, decision: verdict.Verdict) -> dict[str, Any]:
    """Returns the evaluation's entries in the winner's card."""
    name = findings.MODEL if decision.outcome == findings.MODEL else found["rules_name"]
    stage = {"launch_stage": decision.launch_stage} if decision.launch_stage else {}
    return {"metrics": found["rolling"][name], "verdict": decision.to_dict()} | stage


def _read_history(uri: str, found: dict) -> list[dict[str, Any]]:
    """Returns the last runs with this one; on a cluster, where each step finds its own files alone, this one."""
    past = verdict_history.read_history(Path(uri).parent)[-MOST_RUNS:]
    return [dataclasses.asdict(row) for row in (*past, verdict_history.build_row(found, found["written_at"]))]


def _write_summary(found: dict, outcome: str, output: standard_artifacts.ModelEvaluation) -> None:
    """Writes summary.json, summary.txt, report.html and launch.md, and the numbers; the example is what the winner answers."""
    found["example"] = found["examples"].get(outcome)
    found["ranking"] = (
        found["ranking"] or "left out: the log has neither impressions with request ids nor values with a threshold"
    )
    found["written_at"] = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    found["history"] = _read_history(output.uri, found)
    page = launch_page.render_markdown(launch_page.build_page(found))
    io_utils.write_string_file(os.path.join(output.uri, PAGE), page)
    io_utils.write_string_file(os.path.join(output.uri, SUMMARY_JSON), json.dumps(found, indent=2, allow_nan=False))
    io_utils.write_string_file(os.path.join(output.uri, SUMMARY_TEXT), text.render(found))
    io_utils.write_string_file(os.path.join(output.uri, REPORT), report.render(found))
    verdict_numbers.store_numbers(output, verdict_numbers.list_numbers(found))
