"""The standard Evaluator's figures, from runs on a tiny model."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH, events, next_item, save_table
from tfx.components.evaluator.executor import Executor
from tfx.types import standard_artifacts
from tfx.utils import path_utils, proto_utils

from components.declaration import Log, Objective, Promotion
from components.evaluation import ranking_config, ranking_examples, ranking_metrics
from components.evaluation.summary import render

# Model Analysis makes numbers of arrays with one element, which NumPy 1.25 and later warn of.
OF_MODEL_ANALYSIS = "ignore:Conversion of an array with ndim:DeprecationWarning"
pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings(OF_MODEL_ANALYSIS)]

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


def artifact(kind, folder, **properties):
    made = kind()
    made.uri = str(folder)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def judged(folder, launch, labels, **columns):
    """The figures and whether the standard Evaluator blesses, of a model that gives the item of row r the probability (r + 1) / 11."""
    count = len(next(iter(labels.values())))
    log = dataclasses.replace(
        events(range(count), range(count), range(count), late=[True] * count, labels=labels), **columns
    )
    examples = artifact(standard_artifacts.Examples, folder / "examples", split_names='["eval"]')
    ranking_examples.write(launch, log, examples.uri)
    model = artifact(standard_artifacts.Model, folder / "model")
    context = dict.fromkeys(launch.log.context, tf.string)
    save_table(path_utils.serving_model_dir(model.uri), next_item(count=10), launch, context=context)
    evaluation = artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
    blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    config = proto_utils.proto_to_json(ranking_config.build(launch))

    Executor().Do(
        {"examples": [examples], "model": [model]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"eval_config": config, "example_splits": '["eval"]', "fairness_indicator_thresholds": "null"},
    )

    made = {
        "figures": ranking_metrics.read(launch, evaluation.uri),
        "slices": ranking_metrics.read_slices(launch, evaluation.uri),
    }
    return made["slices" if columns else "figures"], bool(blessing.get_int_custom_property("blessed"))


LABELS = {"click": [0, 0, 1, 0, 1, 1], "buy": [1, 1, 0, 0, 0, 1]}


def auc(labels):
    """The share of pairs of a one and a zero in the right order: the scores ascend with the row."""
    pairs = [(one, zero) for one in np.flatnonzero(labels) for zero in np.flatnonzero(np.equal(labels, 0))]
    return np.mean([one > zero for one, zero in pairs])


def test_figures_of_two_objectives(tmp_path):
    figures, blessed = judged(tmp_path, SHOWN, LABELS)
    probability = np.arange(1, 7) / 11
    assert list(figures) == ["click", "buy"]
    for name, values in LABELS.items():
        label, figure = np.array(values), figures[name]
        assert figure["rows"] == 6 and isinstance(figure["rows"], int)
        assert figure["auc"] == pytest.approx(auc(label), abs=1e-3)
        assert figure["positive_share"] == label.mean()
        assert figure["log_loss"] == pytest.approx(
            -np.log(np.where(label, probability, 1 - probability)).mean(), abs=1e-5
        )
        assert figure["calibration"] == pytest.approx(probability.sum() / label.sum(), abs=1e-5)
    assert auc(LABELS["buy"]) < SHOWN.promotion.min_auc < auc(LABELS["click"])
    assert not blessed


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning")
def test_figures_per_slice_and_the_order_within_each_request(tmp_path):
    gate = dataclasses.replace(
        IN_CONTEXT.promotion, request_ndcg=True, ranking_slices=("users", *IN_CONTEXT.log.context)
    )
    launch = dataclasses.replace(IN_CONTEXT, promotion=gate)
    device, country = np.array([b"tv", b"tv", b"tv", b"tv", b"web", b"web"], object), np.array([b"NL"] * 6, object)
    request = np.array([b"r1", b"r1", b"r2", b"r2", b"r3", b"r3"], object)
    slices, _ = judged(tmp_path, launch, LABELS, context={"device": device, "country": country}, request=request)
    assert list(slices) == ["country=NL", "device=tv", "device=web", "new users"]
    label, probability = np.array(LABELS["click"]), np.arange(1, 7) / 11
    assert slices["device=tv"]["click"]["calibration"] == pytest.approx(
        probability[:4].sum() / label[:4].sum(), abs=1e-5
    )
    assert slices["device=tv"]["click"]["rows"] == 4
    # The last of a request ranks first. Clicks: none in r1, the second in r2; purchases: both in r1, which any order
    # serves, none in r2.
    assert slices["device=tv"]["click"]["ndcg"] == pytest.approx(1 / np.log2(3))
    assert slices["device=tv"]["buy"]["ndcg"] == pytest.approx(1.0)
    assert slices["device=web"]["buy"]["ndcg"] == pytest.approx(1.0)
    assert slices["country=NL"]["click"]["ndcg"] == pytest.approx((1 / np.log2(3) + 1) / 2)


@pytest.mark.parametrize(("labels", "good"), [([0, 0, 0, 1, 1], True), ([1, 1, 0, 0, 0], False)])
def test_one_objective_is_blessed_by_its_area(tmp_path, labels, good):
    figures, blessed = judged(tmp_path, RATED, {"like": labels})
    assert figures["like"]["auc"] == pytest.approx(auc(labels), abs=1e-3)
    assert blessed == good


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning")
@pytest.mark.parametrize("label", [0, 1])
def test_labels_that_are_all_alike_have_no_area(tmp_path, label):
    figures, blessed = judged(tmp_path, RATED, {"like": [label] * 3})
    assert json.loads(json.dumps(figures, allow_nan=False))["like"]["rows"] == 3
    assert figures["like"]["auc"] is None
    assert figures["like"]["positive_share"] == label
    assert not blessed
    assert ranking_metrics.list_areas(RATED, figures) == ()
    assert "like 3 -" in " ".join(render({"ranking": figures}).split())


def test_no_labelled_row(tmp_path):
    figures, blessed = judged(tmp_path, RATED, {"like": [-1, -1]})
    assert figures == {"like": {"rows": 0}}
    assert not blessed


def test_areas_come_with_their_intervals():
    figures = {"click": {"auc": 0.5, "rows": 80, "positive_share": 0.375}, "buy": {"rows": 0}}
    (area,) = ranking_metrics.list_areas(SHOWN, figures)
    error = (81 / (12 * 30 * 50)) ** 0.5  # of Mann and Whitney's test, with 30 positive and 50 negative rows
    assert (area.objective, area.bound, area.decides) == ("click", 0.6, True)
    assert (area.auc.low, area.auc.high) == pytest.approx((0.5 - 1.96 * error, 0.5 + 1.96 * error), abs=1e-4)
