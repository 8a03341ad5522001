"""The ranking head's figures as one metric of TensorFlow Model Analysis.

Model Analysis asks each metric to add each row in each slice. Its own AUC, cross entropy, calibration, example count and
mean label are six such additions per objective, each of which searches the row for label and prediction anew: half of
the step's CPU on the sample log. Here one addition counts all of them, under the same names.

The AUC is the area under the ROC curve by the trapezoid rule over `BINS` bins of equal width, as Model Analysis has it:

    AUC = sum over bins b of positives[b] x (negatives below b + negatives[b] / 2) / (positives x negatives)
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

NAME, AUC = "head_figures", "auc"
BINS = 10_000


@dataclasses.dataclass
class Counts:
    """What the figures of one objective are made from.

    Attributes:
      predicted: the sum of the probabilities.
      log_loss: the sum of -log(the probability of the label).
      bins: (label, bin of the probability) to the number of rows.
    """

    predicted: float = 0.0
    log_loss: float = 0.0
    bins: Counter[tuple[int, int]] = dataclasses.field(default_factory=Counter)

    def add(self, label: int, probability: float) -> None:
        """Counts one row; the label is 0 or 1. A probability that is none, such as NaN, counts in the outer bins."""
        true = probability if label else 1.0 - probability
        self.predicted += probability
        self.log_loss += -math.log(true) if true > 0 else math.inf
        share = probability if 0 <= probability <= 1 else float(probability > 1)
        self.bins[label, min(int(share * BINS), BINS - 1)] += 1

    def merge(self, other: "Counts") -> None:
        """Adds the counts of other rows."""
        self.predicted += other.predicted
        self.log_loss += other.log_loss
        self.bins.update(other.bins)

    def figures(self) -> dict[str, float]:
        """Returns the figures under Model Analysis's names; NaN for one that does not exist."""
        count = np.zeros((2, BINS))
        for (label, place), rows in self.bins.items():
            count[label, place] = rows
        negatives, positives = count
        rows, ones = count.sum(), positives.sum()
        ordered = (positives * (np.cumsum(negatives) - negatives / 2)).sum()
        return {
            AUC: _divide(ordered, ones * negatives.sum()),
            "binary_crossentropy": _divide(self.log_loss, rows),
            "calibration": _divide(self.predicted, ones),
            "mean_label": _divide(ones, rows),
            "example_count": rows,
        }


class HeadFigures(tfma.metrics.Metric):
    """All figures of the ranking head; Model Analysis makes it from the step's configuration."""

    def __init__(self, name: str = NAME, code: str = ""):
        """Takes the metric's name, and the digest of this module, which is there for the cache alone."""
        super().__init__(_computations, name=name, code=code)


def _computations(
    name: str = NAME, code: str = "", output_names: list[str] | None = None
) -> list[tfma.metrics.MetricComputation]:
    """Returns the one computation of all figures of all objectives; "" is the only objective."""
    del name, code
    combiner = _Combiner(output_names or [""])
    keys = list(combiner.extract_output(combiner.create_accumulator()))
    return [tfma.metrics.MetricComputation(keys=keys, preprocessors=None, combiner=combiner)]


class _Combiner(beam.CombineFn):
    """Counts the rows of a slice: a table of counts per objective."""

    def __init__(self, outputs: list[str]):
        self.outputs = outputs

    def create_accumulator(self) -> list[Counts]:
        return [Counts() for _ in self.outputs]

    def add_input(self, accumulator: list[Counts], element: tfma.metrics.StandardMetricInputs) -> list[Counts]:
        labels, predictions = element.get_labels(), element.get_predictions()
        for output, counts in zip(self.outputs, accumulator, strict=True):
            counts.add(int(_number(labels, output)), float(_number(predictions, output)))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Counts]]) -> list[Counts]:
        merged = self.create_accumulator()
        for accumulator in accumulators:
            for counts, others in zip(merged, accumulator, strict=True):
                counts.merge(others)
        return merged

    def extract_output(self, accumulator: list[Counts]) -> dict[tfma.metrics.MetricKey, float]:
        return {
            tfma.metrics.MetricKey(figure, output_name=output, example_weighted=None): value
            for output, counts in zip(self.outputs, accumulator, strict=True)
            for figure, value in counts.figures().items()
        }


def _number(values: Any, output: str) -> Any:
    """Returns a row's number for an objective: Model Analysis gives an array [1], or a dictionary of them."""
    if isinstance(values, Mapping):
        values = values[output] if output else next(iter(values.values()))
    return values.item()


def _divide(total: float, count: float) -> float:
    return total / count if count else math.nan
