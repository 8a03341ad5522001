"""Labels by a team's function of the joined row: the impression, and the first action of each objective that it led to.

Letters: n rows of the log, k rows that get a label.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from components.declaration.functions import load_function
from components.declaration.views import IngestView, Label
from components.errors import DeclarationError
from components.ingest.event_time import MICROSECONDS

NO_LABEL = -1
SECONDS, VALUE = "seconds", "value"


class Rows(NamedTuple):
    """The log: the columns with a role, but the time; and the time of each row, [n] int64 microseconds."""

    columns: pa.Table
    times: np.ndarray


def label(
    objective: Label, launch: IngestView, log: Rows, labelled: np.ndarray, first: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Returns the labels that the objective's function gives, [n] int8: 1, 0 or `NO_LABEL`.

    Args:
      objective: with a `label_fn`.
      launch: the declaration.
      log: the rows.
      labelled: [k] int64, the rows that get a label.
      first: objective to [n] int64, the row of the first action that a row led to, -1 for none; {} without a join.

    Raises:
      DeclarationError: if the function does not exist, or returns anything but a truth, or 1, 0 and -1, per row.
    """
    path = str(objective.label_fn)
    values = np.asarray(load_function("launch.objectives", path)(join(launch, log, labelled, first)))
    if values.shape != labelled.shape or values.dtype.kind not in "bi" or not np.isin(values, (1, 0, NO_LABEL)).all():
        fix = f"It returned {values.dtype} of shape {values.shape} for {len(labelled)} rows."
        raise DeclarationError("launch.objectives", path, "a function that returns 1, 0 or -1 for each row", fix)
    labels = np.full(len(log.times), NO_LABEL, np.int8)
    labels[labelled] = values
    return labels


def join(launch: IngestView, log: Rows, labelled: np.ndarray, first: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the joined rows as columns [k] each.

    The columns with a role have the names of the log: text as object, None where it is missing, numbers as float64 with
    NaN; the time is int64 microseconds. For each objective there is `NAME.seconds`, float64, from the row to the first
    action that it led to, NaN for none, and with a value column `NAME.value`, the value of that action.
    """
    columns = {name: _column(log.columns[name], labelled) for name in log.columns.column_names}
    columns[launch.log.time] = log.times[labelled]
    for name, actions in first.items():
        action = actions[labelled]
        led = action >= 0
        seconds = (log.times[action] - log.times[labelled]) / MICROSECONDS["s"]
        columns[f"{name}.{SECONDS}"] = np.where(led, seconds, np.nan)
        if launch.log.value:
            columns[f"{name}.{VALUE}"] = np.where(led, _column(log.columns[launch.log.value], action), np.nan)
    return columns


def _column(column: pa.ChunkedArray, rows: np.ndarray) -> np.ndarray:
    """Some rows of a column; a row of -1 is the last one."""
    chosen = column.take(pa.array(rows % max(len(column), 1)))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
        number = chosen.cast(pa.int8()) if pa.types.is_boolean(column.type) else chosen
        return number.cast(pa.float64(), safe=False).to_numpy()
    return chosen.to_numpy()
