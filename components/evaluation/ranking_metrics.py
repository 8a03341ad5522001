"""What the standard Evaluator measures on the ranking head, and how its figures are read back."""

import json
import math

import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2

from components.declaration.ranking_views import EvaluatorView
from components.declaration.slice_names import USER_SLICES
from components.declaration.verdict_view import VerdictView
from components.evaluation.findings import Area
from components.evaluation.ranking_columns import by_request, slice_columns
from components.metrics.auc_interval import auc_interval
from components.metrics.bootstrap import Interval

SIGNATURE = "rank_examples"
FIGURES = {
    "mean_label": "positive_share",
    "auc": "auc",
    "binary_crossentropy": "log_loss",
    "calibration": "calibration",
    "example_count": "rows",
    "ndcg": "ndcg",
}
TOP = 10


def eval_config(launch: EvaluatorView | VerdictView) -> tfma.EvalConfig:
    """AUC, log loss and calibration per objective, over all rows and per slice; blessed if every AUC over all rows reaches the declared one.

    The verdict reads the figures and not the blessing, which knows no interval (`list_areas`). The configuration is
    never without a threshold: then the Evaluator would neither bless nor reject (tensorflow/tfx#5148).
    """
    bound = tfma.GenericValueThreshold(lower_bound=wrappers_pb2.DoubleValue(value=launch.promotion.min_auc))
    measured = [
        tfma.MetricConfig(class_name="AUC", threshold=tfma.MetricThreshold(value_threshold=bound)),
        tfma.MetricConfig(class_name="BinaryCrossEntropy"),
        tfma.MetricConfig(class_name="Calibration"),
        tfma.MetricConfig(class_name="ExampleCount"),
        tfma.MetricConfig(class_name="MeanLabel"),
    ]
    names = [objective.name for objective in launch.ranking_objectives]
    labels = {objective.name: objective.label for objective in launch.ranking_objectives}
    if len(names) == 1:
        spec = tfma.ModelSpec(signature_name=SIGNATURE, label_key=labels[names[0]], prediction_key=names[0])
        metrics = [tfma.MetricsSpec(metrics=measured)]
    else:
        spec = tfma.ModelSpec(signature_name=SIGNATURE, label_keys=labels)
        metrics = [tfma.MetricsSpec(metrics=measured, output_names=names)]
    if by_request(launch):
        metrics += [_order(launch, name, label) for name, label in labels.items()]
    slices = [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[column]) for column in slice_columns(launch))]
    return tfma.EvalConfig(model_specs=[spec], metrics_specs=metrics, slicing_specs=slices)


def _order(launch: EvaluatorView | VerdictView, name: str, label: str) -> tfma.MetricsSpec:
    """NDCG@10 of an objective over what each request showed; a request in which nothing was acted on does not count."""
    config = json.dumps({"gain_key": label, "top_k_list": [TOP]})
    outputs = [name] if len(launch.ranking_objectives) > 1 else []
    return tfma.MetricsSpec(
        metrics=[tfma.MetricConfig(class_name="NDCG", config=config)],
        query_key=launch.log.request,
        output_names=outputs,
    )


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
    if numbers.get("positive_share") in (0.0, 1.0):
        finite["auc"] = None  # the Evaluator says 0, which is the area of a head that is always wrong
    return finite | {"rows": int(numbers.get("rows", 0))}
