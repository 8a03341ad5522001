"""Measures drift of the log with the standard DistributionValidator and the thresholds of the curated schema.

Two comparisons per column: the eval split (the newest events) with the train split, such as the newest day with the
days before it under `Split(eval_days=1)`; and this run's train split with the training data of the served version,
whose statistics are stored in its folder (`components.registry.train_statistics`).

Statistics do not hold all ids, so the shares of new users and items are counted from the examples.
"""

import collections.abc
import dataclasses

import numpy as np
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.declaration import Drift
from components.errors import GateError
from components.features.split_names import EVAL, SERVED, TRAIN

SPLIT_PAIR, SERVED_PAIR = (EVAL, TRAIN), (TRAIN, SERVED)
_MEASURES = {
    "L_INFTY": "the share of one value changed by {value:.3f}, at most {threshold:g} allowed",
    "JENSEN_SHANNON_DIVERGENCE": "the distributions are {value:.3f} apart (Jensen-Shannon), at most {threshold:g} allowed",
}
_MOVED = "moved by {value:.3f}, at most {threshold:g} allowed"
_NOT_COMPARED = "could not be compared: no values in one split, or a comparator for another type"
_SHARES = ("new users", "new items", "unlisted items")
_NEW = "{value:.1%} of those in the eval split are not in the train split, at most {threshold:.0%} allowed"
_UNLISTED = "{value:.1%} of those in the eval split are not in the catalogue, at most {threshold:.0%} allowed"


@dataclasses.dataclass(frozen=True)
class Shift:
    """The result of one comparison.

    Attributes:
      name: the column, or the name of a share.
      what: a sentence with format fields for value and threshold.
      value, threshold: the measured and the allowed drift.
    """

    name: str
    what: str
    value: float
    threshold: float

    @property
    def too_far(self) -> bool:
        """Whether the drift exceeds the threshold."""
        return self.value > self.threshold

    def text(self) -> str:
        """Returns a readable line."""
        return f"{self.name}: {self.what.format(value=self.value, threshold=self.threshold)}"


def column_shifts(result: anomalies_pb2.Anomalies) -> list[Shift]:
    """Returns the drift of eval against train per column; infinite for a column that could not be compared."""
    shifts = _read_shifts(result, "")
    compared = {shift.name for shift in shifts}
    missing = sorted({".".join(info.path.step) or key for key, info in result.anomaly_info.items()} - compared)
    return shifts + [Shift(name, _NOT_COMPARED, np.inf, 0.0) for name in missing]


def find_served_shifts(result: anomalies_pb2.Anomalies) -> list[Shift]:
    """Returns the drift per column against the training data of the served version.

    A column that could not be compared is left out: until the next push, a new column has nothing to compare with.
    """
    return _read_shifts(result, " since the served version")


def _read_shifts(result: anomalies_pb2.Anomalies, since: str) -> list[Shift]:
    shifts = []
    for info in result.drift_skew_info:
        for measurement in info.drift_measurements:
            what = _MEASURES.get(type(measurement).Type.Name(measurement.type), _MOVED)
            shifts.append(Shift(".".join(info.path.step) + since, what, measurement.value, measurement.threshold))
    return shifts


def new_share(reference: np.ndarray, ids: np.ndarray) -> float:
    """Returns the share of distinct ids that are not among the reference ids; 0 without ids.

    Args:
      reference: [m] ids, in any order, with repeats.
      ids: [n] ids, likewise.
    """
    distinct = np.unique(ids.astype(bytes))
    return float(np.mean(~np.isin(distinct, reference.astype(bytes)))) if len(distinct) else 0.0


def id_shifts(
    allowed: Drift,
    train: collections.abc.Mapping[str, np.ndarray],
    newest: collections.abc.Mapping[str, np.ndarray],
    listed: np.ndarray | None,
) -> list[Shift]:
    """Returns the shares of new users, new items and unlisted items in the eval split.

    Args:
      allowed: the thresholds.
      train, newest: "user" and "item" to the ids of the events of the train and the eval split.
      listed: [items] the ids of the catalogue; None without a catalogue.
    """
    shifts = [
        Shift(_SHARES[0], _NEW, new_share(train["user"], newest["user"]), allowed.new_users),
        Shift(_SHARES[1], _NEW, new_share(train["item"], newest["item"]), allowed.new_items),
    ]
    if listed is not None:
        shifts.append(Shift(_SHARES[2], _UNLISTED, new_share(listed, newest["item"]), allowed.unlisted_items))
    return shifts


def report(shifts: collections.abc.Sequence[Shift]) -> str:
    """Returns a line per comparison, those beyond their threshold first."""
    ordered = sorted(shifts, key=lambda shift: not shift.too_far)
    return "\n".join(f"{'DRIFT ' if shift.too_far else 'ok    '}{shift.text()}" for shift in ordered)


def figure(shifts: collections.abc.Sequence[Shift]) -> str:
    """Returns the headline metric: the drift beyond its threshold, or else the shares of new ids."""
    far = [f"{shift.name} {shift.value:.3g} > {shift.threshold:g}" for shift in shifts if shift.too_far]
    if far:
        return f"DRIFT: {', '.join(far)}"
    shares = ", ".join(f"{shift.value:.0%} {shift.name}" for shift in shifts if shift.name in _SHARES)
    return f"no drift, {shares}"


def drift_error(shifts: collections.abc.Sequence[Shift], allowed: Drift, schema: str) -> GateError | None:
    """Returns the error that stops a run; None if nothing drifted too far, or drift does not stop runs.

    Args:
      shifts: all comparisons.
      allowed: the declared drift, which says whether it stops a run.
      schema: the path of the curated schema, which holds the columns' thresholds, for the message.
    """
    far = [shift for shift in shifts if shift.too_far]
    if not far or not allowed.stop:
        return None
    lines = "\n".join(f"  {shift.text()}" for shift in far)
    ways = f"launch.drift for users and items, drift_comparator in {schema} for columns, or launch.drift.stop=False to only report it"
    return GateError(
        f"the log has drifted, so the run stopped before training:\n{lines}\nFind out why, or allow it: {ways}."
    )
