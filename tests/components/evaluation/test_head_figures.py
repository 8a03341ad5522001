"""The ranking head's figures, beside numbers by hand, beside exact pairs, and beside Model Analysis's own metrics."""

import json

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_specs

from components.evaluation.head_figures import BINS, Counts, HeadFigures

OF_MODEL_ANALYSIS = "ignore:Conversion of an array with ndim:DeprecationWarning"
pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings(OF_MODEL_ANALYSIS)]


def count(labels, probabilities):
    counts = Counts()
    for label, probability in zip(labels, probabilities, strict=True):
        counts.add(int(label), float(probability))
    return counts


def test_four_rows_by_hand():
    figures = count([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.9]).figures()
    assert figures["auc"] == 3 / 4  # of the four pairs, only (0.3, 0.5) is in the wrong order
    assert figures["calibration"] == pytest.approx((0.1 + 0.3 + 0.5 + 0.9) / 2)
    assert figures["binary_crossentropy"] == pytest.approx(-np.log([0.9, 0.3, 0.5, 0.9]).mean())
    assert (figures["mean_label"], figures["example_count"]) == (2 / 4, 4)


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_the_share_of_pairs_in_the_right_order_and_half_of_the_ties(seed):
    chance = np.random.default_rng(seed)
    probabilities = chance.integers(0, 20, 200) / 20 + 0.5 / BINS  # many ties
    labels = chance.random(200) < probabilities
    ones, zeros = probabilities[labels][:, None], probabilities[~labels]
    expected = ((ones > zeros) + (ones == zeros) / 2).mean()
    assert count(labels, probabilities).figures()["auc"] == pytest.approx(expected)


def test_counts_of_parts_add_up():
    labels, probabilities = [0, 1, 1, 0, 1], [0.2, 0.2, 0.7, 0.7, 1.0]
    merged = count(labels[:2], probabilities[:2])
    merged.merge(count(labels[2:], probabilities[2:]))
    assert merged.figures() == pytest.approx(count(labels, probabilities).figures())


def test_what_does_not_exist_is_no_number():
    assert np.isnan(count([1, 1], [0.4, 0.6]).figures()["auc"])
    assert np.isnan(count([0], [0.4]).figures()["calibration"])
    empty = Counts().figures()
    assert empty.pop("example_count") == 0
    assert np.isnan(list(empty.values())).all()


def test_a_certain_answer_that_is_wrong_costs_infinitely_much():
    assert count([0, 1], [0.0, 1.0]).figures()["binary_crossentropy"] == 0
    assert count([0], [1.0]).figures()["binary_crossentropy"] == np.inf


@pytest.mark.parametrize("answer", [np.nan, np.inf, -np.inf, -0.2, 1.2])
def test_an_answer_that_is_no_probability_ends_in_figures(answer):
    figures = count([0, 1, 1], [0.3, 0.6, answer]).figures()
    assert figures["example_count"] == 3 and 0 <= figures["auc"] <= 1
    assert np.isnan(answer) == np.isnan(figures["calibration"])


def measure(metrics, rows, outputs):
    """Returns what Model Analysis's combiner makes of some rows: (metric, output) to its value."""
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_keys=dict.fromkeys(outputs, "label"))],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics, output_names=outputs)],
    )
    values = {}
    for computation in metric_specs.to_computations(config.metrics_specs, eval_config=config):
        if isinstance(computation, tfma.metrics.MetricComputation):
            combine = computation.combiner
            # Not merged: Model Analysis 0.47 counts the first of several accumulators of a cross entropy twice.
            accumulator = combine.create_accumulator()
            for row in rows:
                accumulator = combine.add_input(accumulator, row)
            values |= combine.extract_output(accumulator)
        else:
            values |= computation.result(values)
    return {(key.name, key.output_name): value for key, value in values.items()}


def test_model_analysis_has_the_same_figures():
    chance, outputs = np.random.default_rng(5), ["click", "buy"]
    rows = [
        tfma.metrics.StandardMetricInputs(
            labels={name: np.array([chance.integers(2)]) for name in outputs},
            predictions={name: np.array([chance.random()], np.float32) for name in outputs},
            example_weights=None,
        )
        for _ in range(40)
    ]
    ours = tfma.MetricConfig(
        class_name="HeadFigures", module=HeadFigures.__module__, config=json.dumps({"code": "c0de"})
    )
    names = ("AUC", "BinaryCrossEntropy", "Calibration", "ExampleCount", "MeanLabel")
    theirs = measure([tfma.MetricConfig(class_name=name) for name in names], rows, outputs)
    figures = measure([ours], rows, outputs)
    assert len(figures) == len(names) * len(outputs)
    for key, value in figures.items():
        assert value == pytest.approx(theirs[key], abs=1e-6), key
