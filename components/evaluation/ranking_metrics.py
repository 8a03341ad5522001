"""What the standard Evaluator measures on the ranking head, and how its figures are read back."""

import math

import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2

from components.declaration import Launch

SIGNATURE = "rank_examples"
FIGURES = {"auc": "auc", "binary_crossentropy": "log_loss", "calibration": "calibration", "example_count": "rows"}


def eval_config(launch: Launch) -> tfma.EvalConfig:
    """AUC, log loss and calibration per objective, overall and per context column; blessed if every AUC reaches the declared one.

    The configuration is never without a threshold: then the Evaluator would neither bless nor reject (tensorflow/tfx#5148).
    """
    bound = tfma.GenericValueThreshold(lower_bound=wrappers_pb2.DoubleValue(value=launch.gate.min_auc))
    measured = [
        tfma.MetricConfig(class_name="AUC", threshold=tfma.MetricThreshold(value_threshold=bound)),
        tfma.MetricConfig(class_name="BinaryCrossEntropy"),
        tfma.MetricConfig(class_name="Calibration"),
        tfma.MetricConfig(class_name="ExampleCount"),
    ]
    names = [objective.name for objective in launch.ranking_objectives]
    labels = {objective.name: objective.label for objective in launch.ranking_objectives}
    if len(names) == 1:
        spec = tfma.ModelSpec(signature_name=SIGNATURE, label_key=labels[names[0]], prediction_key=names[0])
        metrics = tfma.MetricsSpec(metrics=measured)
    else:
        spec = tfma.ModelSpec(signature_name=SIGNATURE, label_keys=labels)
        metrics = tfma.MetricsSpec(metrics=measured, output_names=names)
    slices = [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[name]) for name in launch.log.context)]
    return tfma.EvalConfig(model_specs=[spec], metrics_specs=[metrics], slicing_specs=slices)


def read(launch: Launch, uri: str) -> dict[str, dict[str, float | None]]:
    """The overall figures per objective from the Evaluator's output.

    Returns:
      Objective to "rows" (an int), "auc", "log_loss" and "calibration"; None for a figure that does not exist, like the AUC of labels
      that are all alike. Without any row there is only "rows", 0.
    """
    overall = dict(tfma.load_eval_result(uri).slicing_metrics).get((), {})
    single = len(launch.ranking_objectives) == 1
    outputs = {objective.name: overall.get("" if single else objective.name, {}) for objective in launch.ranking_objectives}
    return {name: _figures(output.get("", {})) for name, output in outputs.items()}


def _figures(found: dict[str, dict[str, float]]) -> dict[str, float | None]:
    numbers = {ours: float(found[theirs]["doubleValue"]) for theirs, ours in FIGURES.items() if theirs in found}
    finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    return finite | {"rows": int(numbers.get("rows", 0))}
