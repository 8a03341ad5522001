"""What the standard Evaluator measures on the ranking head."""

import json

import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2

from components.declaration.ranking_views import EvaluatorView
from components.evaluation import head_figures
from components.evaluation.ranking_columns import by_request, slice_columns

SIGNATURE = "rank_examples"
TOP = 10


def build(launch: EvaluatorView, code: str = "") -> tfma.EvalConfig:
    """Returns the Evaluator's configuration: AUC, log loss and calibration per objective, over all rows and per slice.

    It blesses a head whose every AUC reaches the declared one. The verdict reads the figures and not the blessing, which
    knows no interval (`ranking_metrics.list_areas`). The configuration is never without a threshold: then the Evaluator
    would neither bless nor reject (tensorflow/tfx#5148).

    Args:
      launch: the declaration.
      code: the digest of the code of the figures, so that an edit of it repeats the step.
    """
    bound = tfma.GenericValueThreshold(lower_bound=wrappers_pb2.DoubleValue(value=launch.promotion.min_auc))
    figures = tfma.MetricConfig(
        class_name=head_figures.HeadFigures.__name__,
        module=head_figures.__name__,
        config=json.dumps({"code": code}),
    )
    labels = {objective.name: objective.label for objective in launch.ranking_objectives}
    metrics = [
        tfma.MetricsSpec(
            metrics=[figures],
            thresholds={head_figures.AUC: tfma.MetricThreshold(value_threshold=bound)},
            output_names=labels if len(labels) > 1 else [],
        )
    ]
    if by_request(launch):
        metrics += [_order(launch, name, label) for name, label in labels.items()]
    slices = [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[column]) for column in slice_columns(launch))]
    return tfma.EvalConfig(model_specs=[_describe_model(labels)], metrics_specs=metrics, slicing_specs=slices)


def _describe_model(labels: dict[str, str]) -> tfma.ModelSpec:
    """Returns which signature answers, and the column of each objective's label."""
    # Without the type, Model Analysis loads the model one time more, to see whether it is one of Keras.
    spec = tfma.ModelSpec(signature_name=SIGNATURE, model_type=tfma.constants.TF_GENERIC)
    if len(labels) > 1:
        spec.label_keys.update(labels)
    else:
        ((spec.prediction_key, spec.label_key),) = labels.items()
    return spec


def _order(launch: EvaluatorView, name: str, label: str) -> tfma.MetricsSpec:
    """NDCG@10 of an objective over what each request showed; a request in which nothing was acted on does not count."""
    config = json.dumps({"gain_key": label, "top_k_list": [TOP]})
    outputs = [name] if len(launch.ranking_objectives) > 1 else []
    return tfma.MetricsSpec(
        metrics=[tfma.MetricConfig(class_name="NDCG", config=config)],
        query_key=launch.log.request,
        output_names=outputs,
    )
