"""Drift: how far the log has moved, told by the standard DistributionValidator with the thresholds of the curated schema.

Two comparisons, column by column. The newest events (the eval part) with those before (the train part): with spans and
`Split(eval_days=1)` the newest day with the days before it. And the train part of this run with that of the run that
made the version which is served, if one is: its statistics lie beside it (`baseline`).

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
    "L_INFTY": "the share of one value changed by {value:.3f}, allowed is {threshold:g}",
    "JENSEN_SHANNON_DIVERGENCE": "the distributions are {value:.3f} apart (Jensen-Shannon), allowed is {threshold:g}",
}
_MOVED = "moved by {value:.3f}, allowed is {threshold:g}"
_NOT_COMPARED = "could not be compared: no values in one part, or a comparator for another type"
_SHARES = ("new users", "new items", "unlisted items")
_NEW = "{value:.1%} of the eval part's are unknown to train, allowed is {threshold:.0%}"
_UNLISTED = "{value:.1%} of the eval part's are not in the catalogue, allowed is {threshold:.0%}"


@dataclasses.dataclass(frozen=True)
class Shift:
    """One thing that was compared.

    Attributes:
      name: the column, or what a share is of.
      what: a sentence with places for value and threshold.
      value, threshold: the drift, and how much is allowed.
    """

    name: str
    what: str
    value: float
    threshold: float

    @property
    def too_far(self) -> bool:
        """Whether it is more than allowed."""
        return self.value > self.threshold

    def text(self) -> str:
        """A line for people."""
        return f"{self.name}: {self.what.format(value=self.value, threshold=self.threshold)}"


def column_shifts(found: anomalies_pb2.Anomalies) -> list[Shift]:
    """The columns that DistributionValidator compared, and those it could not, as infinitely far."""
    shifts = _compared(found, "")
    compared = {shift.name for shift in shifts}
    missing = sorted({".".join(info.path.step) or key for key, info in found.anomaly_info.items()} - compared)
    return shifts + [Shift(name, _NOT_COMPARED, np.inf, 0.0) for name in missing]


def served_shifts(found: anomalies_pb2.Anomalies) -> list[Shift]:
    """The columns that were compared with what the served version has learnt from.

    One that could not be is left out: a column that is new since then has nothing to be compared with until the next
    push.
    """
    return _compared(found, " since the served version")


def _compared(found: anomalies_pb2.Anomalies, since: str) -> list[Shift]:
    shifts = []
    for info in found.drift_skew_info:
        for measured in info.drift_measurements:
            what = _MEASURES.get(type(measured).Type.Name(measured.type), _MOVED)
            shifts.append(Shift(".".join(info.path.step) + since, what, measured.value, measured.threshold))
    return shifts


def new_share(known: np.ndarray, ids: np.ndarray) -> float:
    """The share of distinct ids that are not known; 0 if there are none.

    Args:
      known: [m] ids, in any order, with repetitions.
      ids: [n] ids, likewise.
    """
    distinct = np.unique(ids.astype(bytes))
    return float(np.mean(~np.isin(distinct, known.astype(bytes)))) if len(distinct) else 0.0


def id_shifts(
    allowed: Drift,
    train: collections.abc.Mapping[str, np.ndarray],
    newest: collections.abc.Mapping[str, np.ndarray],
    listed: np.ndarray | None,
) -> list[Shift]:
    """How many users and items of the eval part are new.

    Args:
      allowed: the thresholds.
      train, newest: "user" and "item" to the ids of the events of train and eval.
      listed: [items] the catalogue's ids; None without a catalogue.
    """
    shifts = [
        Shift(_SHARES[0], _NEW, new_share(train["user"], newest["user"]), allowed.new_users),
        Shift(_SHARES[1], _NEW, new_share(train["item"], newest["item"]), allowed.new_items),
    ]
    if listed is not None:
        shifts.append(Shift(_SHARES[2], _UNLISTED, new_share(listed, newest["item"]), allowed.unlisted_items))
    return shifts


def report(shifts: collections.abc.Sequence[Shift]) -> str:
    """Every comparison, the ones that went too far first."""
    ordered = sorted(shifts, key=lambda shift: not shift.too_far)
    return "\n".join(f"{'DRIFT ' if shift.too_far else 'ok    '}{shift.text()}" for shift in ordered)


def figure(shifts: collections.abc.Sequence[Shift]) -> str:
    """The figure that matters: what went too far, else that nothing did, and how many users are new."""
    far = [f"{shift.name} {shift.value:.3g} > {shift.threshold:g}" for shift in shifts if shift.too_far]
    if far:
        return f"DRIFT: {', '.join(far)}"
    shares = ", ".join(f"{shift.value:.0%} {shift.name}" for shift in shifts if shift.name in _SHARES)
    return f"no drift, {shares}"


def drift_error(shifts: collections.abc.Sequence[Shift], allowed: Drift, schema: str) -> GateError | None:
    """The error that stops a run, or None: nothing went too far, or the declaration only wants to be told.

    Args:
      shifts: all comparisons.
      allowed: whether drift stops a run.
      schema: the curated schema's place, named as the file with the columns' thresholds.
    """
    far = [shift for shift in shifts if shift.too_far]
    if not far or not allowed.stop:
        return None
    lines = "\n".join(f"  {shift.text()}" for shift in far)
    ways = f"launch.drift for users and items, drift_comparator in {schema} for columns, or launch.drift.stop=False to be told only"
    return GateError(f"the log has drifted; nothing was learnt from it:\n{lines}\nFind out why; or allow it: {ways}.")
