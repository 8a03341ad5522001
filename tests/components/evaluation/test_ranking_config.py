"""The standard Evaluator's configuration."""

import dataclasses
import json

import pytest
from small_recommenders import LAUNCH

from components.declaration import Log, Objective, Promotion
from components.evaluation import ranking_config

pytestmark = pytest.mark.tensorflow

RATED = dataclasses.replace(
    LAUNCH, log=Log("e.csv", "user", "item", "time", value="stars"), objectives=(Objective("like", value_at_least=4.0),)
)
SHOWN = dataclasses.replace(
    LAUNCH,
    log=Log("e.csv", "user", "item", "time", event="event", impression="shown", request="request"),
    objectives=(Objective("click", event="click"), Objective("buy", event="buy")),
    promotion=Promotion(min_auc=0.6),
)
IN_CONTEXT = dataclasses.replace(SHOWN, log=dataclasses.replace(SHOWN.log, context=("device", "country")))


@pytest.mark.parametrize("launch", [RATED, SHOWN, IN_CONTEXT], ids=["one objective", "two objectives", "with context"])
def test_there_is_always_a_threshold_for_every_objective(launch):
    config = ranking_config.build(launch, "c0de")
    names = [objective.name for objective in launch.ranking_objectives]
    model, metrics = config.model_specs[0], config.metrics_specs[0]
    assert list(metrics.thresholds) == ["auc"]
    assert metrics.thresholds["auc"].value_threshold.lower_bound.value == launch.promotion.min_auc
    if len(names) == 1:
        assert (model.label_key, model.prediction_key, list(metrics.output_names)) == ("label_like", "like", [])
    else:
        assert dict(model.label_keys) == {name: f"label_{name}" for name in names}
        assert list(metrics.output_names) == names
    assert model.signature_name == "rank_examples"
    assert [list(slicing.feature_keys) for slicing in config.slicing_specs] == [[], ["slice_users"]]


def test_an_edit_of_the_metrics_code_is_a_change_of_the_configuration():
    (metric,) = ranking_config.build(SHOWN, "c0de").metrics_specs[0].metrics
    assert json.loads(metric.config) == {"code": "c0de"}


def test_the_order_within_requests_is_measured_where_it_is_declared():
    ordered = dataclasses.replace(SHOWN, promotion=Promotion(request_ndcg=True))
    specs = ranking_config.build(ordered).metrics_specs[1:]
    assert [(spec.metrics[0].class_name, spec.query_key, *spec.output_names) for spec in specs] == [
        ("NDCG", "request", "click"),
        ("NDCG", "request", "buy"),
    ]
