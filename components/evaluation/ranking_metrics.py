"""What the standard Evaluator measures on the ranking head, and how its figures are read back."""

import math

import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2

from components.declaration import Launch

SIGNATURE = "rank_examples"
FIGURES = {"mean_label": "positive_share", "auc": "auc", "binary_crossentropy": "log_loss", "calibration": "calibration", "example_count": "rows"}


def eval_config(launch: Launch) -> tfma.EvalConfig:
    """AUC, log loss and calibration per objective, over all rows; blessed if every AUC reaches the declared one.

    The configuration is never without a threshold: then the Evaluator would neither bless nor reject (tensorflow/tfx#5148).
    """
    bound = tfma.GenericValueThreshold(lower_bound=wrappers_pb2.DoubleValue(value=launch.gate.min_auc))
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
        metrics = tfma.MetricsSpec(metrics=measured)
    else:
        spec = tfma.ModelSpec(signature_name=SIGNATURE, label_keys=labels)
        metrics = tfma.MetricsSpec(metrics=measured, output_names=names)
    return tfma.EvalConfig(model_specs=[spec], metrics_specs=[metrics], slicing_specs=[tfma.SlicingSpec()])


def read(launch: Launch, uri: str) -> dict[str, dict[str, float | None]]:
    """The overall figures per objective from the Evaluator's output.

    Returns:
      Objective to "rows" (an int), "positive_share", "auc", "log_loss" and "calibration"; None for a figure that does not exist, like the
      AUC of labels that are all alike. Without any row there is only "rows", 0.
    """
    overall = dict(tfma.load_eval_result(uri).slicing_metrics).get((), {})
    single = len(launch.ranking_objectives) == 1
    outputs = {objective.name: overall.get("" if single else objective.name, {}) for objective in launch.ranking_objectives}
    return {name: _figures(output.get("", {})) for name, output in outputs.items()}


def word(launch: Launch, figures: dict[str, dict[str, float | None]], blessed: bool) -> bool | None:
    """The Evaluator's word as the verdict takes it: a rejection for want of labels only is no judgement, so None.

    An area that does not exist counts as 0 to the Evaluator: a rare objective without a single eval row would keep every model out.
    """
    areas = [table.get("auc") for table in figures.values()]
    reached = all(area >= launch.gate.min_auc for area in areas if area is not None)
    return None if not blessed and reached and None in areas else blessed


def _figures(found: dict[str, dict[str, float]]) -> dict[str, float | None]:
    numbers = {ours: float(found[theirs]["doubleValue"]) for theirs, ours in FIGURES.items() if theirs in found}
    finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    if numbers.get("positive_share") in (0.0, 1.0):
        finite["auc"] = None  # the Evaluator says 0, which is the area of a head that is always wrong
    return finite | {"rows": int(numbers.get("rows", 0))}
