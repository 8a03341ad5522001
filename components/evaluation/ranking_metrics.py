"""Reads what the standard Evaluator measured on the ranking head (`ranking_config`)."""

import math

import tensorflow_model_analysis as tfma

from components.declaration.ranking_views import EvaluatorView
from components.declaration.slice_names import USER_SLICES
from components.declaration.verdict_view import VerdictView
from components.evaluation.findings import Area
from components.evaluation.ranking_columns import slice_columns
from components.metrics.auc_interval import auc_interval
from components.metrics.bootstrap import Interval

FIGURES = {
    "mean_label": "positive_share",
    "auc": "auc",
    "binary_crossentropy": "log_loss",
    "calibration": "calibration",
    "example_count": "rows",
    "ndcg": "ndcg",
}


def read(launch: EvaluatorView | VerdictView, uri: str) -> dict[str, dict[str, float | None]]:
    """Reads the overall figures per objective from the Evaluator's output.

    Returns:
      Objective to "rows" (an int), "positive_share", "auc", "log_loss", "calibration" and perhaps "ndcg"; None for a
      figure that does not exist, like the AUC of labels that are all alike. Without any row there is only "rows", 0.
    """
    return _by_objective(launch, dict(tfma.load_eval_result(uri).slicing_metrics).get((), {}))


def read_slices(launch: EvaluatorView | VerdictView, uri: str) -> dict[str, dict[str, dict[str, float | None]]]:
    """Reads the figures per slice: "new users", "device=mobile", ..., in the order of the names."""
    columns, by_slice = slice_columns(launch), {}
    for key, outputs in dict(tfma.load_eval_result(uri).slicing_metrics).items():
        if key:
            (column, value), *_ = key
            name = columns[column]
            by_slice[str(value) if name == USER_SLICES else f"{name}={value}"] = _by_objective(launch, outputs)
    return dict(sorted(by_slice.items()))


def _by_objective(launch: EvaluatorView | VerdictView, outputs: dict) -> dict[str, dict[str, float | None]]:
    single = len(launch.ranking_objectives) == 1
    figures = {
        objective.name: outputs.get("" if single else objective.name, {}) for objective in launch.ranking_objectives
    }
    return {
        name: _figures({metric: value for by_key in output.values() for metric, value in by_key.items()})
        for name, output in figures.items()
    }


def list_areas(launch: VerdictView, figures: dict[str, dict[str, float | None]]) -> tuple[Area, ...]:
    """Returns the AUC of each objective that has one, with its interval."""
    decides = {objective.name: objective.auc_decides for objective in launch.objectives}
    bound = launch.promotion.min_auc
    return tuple(
        Area(name, _interval(area, table), bound, decides[name])
        for name, table in figures.items()
        if (area := table.get("auc")) is not None
    )


def _interval(area: float, table: dict[str, float | None]) -> Interval:
    rows, share = table.get("rows") or 0, table.get("positive_share") or 0.0
    return auc_interval(area, rows * share, rows * (1 - share))


def _figures(found: dict[str, dict[str, float]]) -> dict[str, float | None]:
    numbers = {ours: float(found[theirs]["doubleValue"]) for theirs, ours in FIGURES.items() if theirs in found}
    finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    return finite | {"rows": int(numbers.get("rows", 0))}
