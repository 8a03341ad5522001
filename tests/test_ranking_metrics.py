"""What the standard Evaluator is asked, and its figures read back from runs of TensorFlow Model Analysis on a tiny model."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from small_recommenders import LAUNCH, events, next_item, save_table

from components.declaration import Gate, Log, Objective
from components.evaluation import ranking_examples, ranking_metrics
from components.evaluation.summary import render
from components.features.training_data import matching

pytestmark = pytest.mark.tensorflow

RATED = dataclasses.replace(LAUNCH, log=Log("e.csv", "user", "item", "time", value="stars"), objectives=(Objective("like", value_at_least=4.0),))
SHOWN = dataclasses.replace(
    LAUNCH,
    log=Log("e.csv", "user", "item", "time", event="event", impression="shown", request="request"),
    objectives=(Objective("click", event="click"), Objective("buy", event="buy")),
    gate=Gate(min_auc=0.6),
)
IN_CONTEXT = dataclasses.replace(SHOWN, log=dataclasses.replace(SHOWN.log, context=("device", "country")))


@pytest.mark.parametrize("launch", [RATED, SHOWN, IN_CONTEXT], ids=["one objective", "two objectives", "with context"])
def test_there_is_always_a_threshold_for_every_objective(launch):
    config = ranking_metrics.eval_config(launch)
    names = [objective.name for objective in launch.ranking_objectives]
    model, metrics = config.model_specs[0], config.metrics_specs[0]
    thresholds = {metric.class_name: metric.threshold for metric in metrics.metrics if metric.HasField("threshold")}
    assert list(thresholds) == ["AUC"]
    assert thresholds["AUC"].value_threshold.lower_bound.value == launch.gate.min_auc
    if len(names) == 1:
        assert (model.label_key, model.prediction_key, list(metrics.output_names)) == ("label_like", "like", [])
    else:
        assert dict(model.label_keys) == {name: f"label_{name}" for name in names}
        assert list(metrics.output_names) == names
    assert model.signature_name == "rank_examples"
    assert [list(slicing.feature_keys) for slicing in config.slicing_specs] == [[], *([name] for name in launch.log.context)]


def judged(folder, launch, labels):
    """The figures and whether the Evaluator's rule blesses, of a model that gives item r the probability (r + 1) / 11."""
    count = len(next(iter(labels.values())))
    log = events(range(count), range(count), range(count), late=[True] * count, labels=labels)
    ranking_examples.write(launch, log, str(folder / "examples"))
    config = tfma.update_eval_config_with_defaults(ranking_metrics.eval_config(launch))
    model = save_table(folder / "model", next_item(count=10), launch)
    tfma.run_model_analysis(
        eval_shared_model=tfma.default_eval_shared_model(model, eval_config=config),
        eval_config=config,
        data_location=matching([str(folder / "examples/Split-eval/*")])[0],
        output_path=str(folder / "out"),
    )
    blessed = tfma.load_validation_result(str(folder / "out")).validation_ok
    return ranking_metrics.read(launch, str(folder / "out")), blessed


LABELS = {"click": [0, 0, 1, 0, 1, 1], "buy": [1, 1, 0, 0, 0, 1]}


def auc(labels):
    """The share of pairs of a one and a zero in the right order: the scores ascend with the row."""
    pairs = [(one, zero) for one in np.flatnonzero(labels) for zero in np.flatnonzero(np.equal(labels, 0))]
    return np.mean([one > zero for one, zero in pairs])


@pytest.mark.slow
def test_figures_of_two_objectives(tmp_path):
    figures, blessed = judged(tmp_path, SHOWN, LABELS)
    probability = np.arange(1, 7) / 11
    assert list(figures) == ["click", "buy"]
    for name, label in LABELS.items():
        label = np.array(label)
        found = figures[name]
        assert found["rows"] == 6 and isinstance(found["rows"], int)
        assert found["auc"] == pytest.approx(auc(label), abs=1e-3)
        assert found["log_loss"] == pytest.approx(-np.log(np.where(label, probability, 1 - probability)).mean(), abs=1e-5)
        assert found["calibration"] == pytest.approx(probability.sum() / label.sum(), abs=1e-5)
    assert auc(LABELS["buy"]) < SHOWN.gate.min_auc < auc(LABELS["click"])
    assert not blessed


@pytest.mark.slow
@pytest.mark.parametrize(("labels", "good"), [([0, 0, 0, 1, 1], True), ([1, 1, 0, 0, 0], False)])
def test_one_objective_is_blessed_by_its_area(tmp_path, labels, good):
    figures, blessed = judged(tmp_path, RATED, {"like": labels})
    assert figures["like"]["auc"] == pytest.approx(auc(labels), abs=1e-3)
    assert blessed == good


@pytest.mark.slow
def test_labels_that_are_all_alike_have_no_area(tmp_path):
    figures, blessed = judged(tmp_path, RATED, {"like": [0, 0, 0]})
    assert json.loads(json.dumps(figures, allow_nan=False))["like"]["rows"] == 3
    assert figures["like"]["auc"] is None
    assert not blessed
    assert "  like                                   3             -" in render({"ranking": figures})


@pytest.mark.slow
def test_no_labelled_row(tmp_path):
    figures, _ = judged(tmp_path, RATED, {"like": [-1, -1]})
    assert figures == {"like": {"rows": 0}}
    assert json.dumps(figures, allow_nan=False)
