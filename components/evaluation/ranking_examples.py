"""The labelled rows of the eval split, each with the history of its moment: what the Evaluator judges the ranking head on.

The log's examples are one row per event and know no history, and the model must not be judged without one: it would be
another model than the one that serves. This is the point-in-time join that a feature store does, for the rows that are
judged only.
"""

import os

import numpy as np
import pyarrow as pa

from components.declaration.ranking_views import RankingView
from components.declaration.slice_names import KNOWN_USERS, NEW_USERS, USER_SLICES
from components.evaluation.ranking_columns import by_request, slice_columns
from components.evaluation.slices import values_of
from components.features import histories
from components.features.event_table import MISSING_INT, EventTable
from components.features.id_codes import codes
from components.ingest.example_files import ExampleFile
from components.registry.recommender import HISTORY_FEATURE

SPLIT = "eval"


def write(launch: RankingView, events: EventTable, uri: str) -> int:
    """Writes the split "eval": item, context, history (ids, oldest first), the labels, the row's slices, and the request if it is judged by.

    Args:
      launch: the declaration.
      events: the events of both splits.
      uri: folder of the examples artifact.

    Returns:
      The number of rows; rows that lack one of the labels are left out.
    """
    labels = {objective.label: events.labels[objective.name] for objective in launch.ranking_objectives}
    rows = np.flatnonzero(events.late & np.all([label >= 0 for label in labels.values()], axis=0))
    with ExampleFile(os.path.join(uri, f"Split-{SPLIT}")) as file:
        if len(rows):
            file.write(_batch(launch, events, rows, {name: label[rows] for name, label in labels.items()}))
        return file.rows


def _batch(launch: RankingView, events: EventTable, rows: np.ndarray, labels: dict[str, np.ndarray]) -> pa.RecordBatch:
    user, _ = codes(events.user)
    item, ids = codes(events.item)
    log_columns = (user, item, events.time, events.positive & (events.item != b""))
    past = histories.rolling_histories(*log_columns, rows, launch.model.history, launch.seed, events.tie)
    has_event = past != histories.PADDING
    offsets = pa.array(np.append(0, has_event.sum(axis=1).cumsum()), pa.int32())
    history = pa.ListArray.from_arrays(offsets, pa.array(ids[past[has_event]], pa.binary()))
    columns = {launch.log.item: pa.array(events.item[rows], pa.binary()), HISTORY_FEATURE: history}
    columns |= {name: _column(events.context[name][rows]) for name in launch.log.context}
    columns |= {name: pa.array(label) for name, label in labels.items()}
    in_training = np.isin(user[rows], user[events.positive & ~events.late])
    kind = np.array([NEW_USERS, KNOWN_USERS], object)[in_training.astype(int)]
    for column, name in slice_columns(launch).items():
        values = kind if name == USER_SLICES else values_of(events.context[name][rows])
        columns |= {} if values is None else {column: pa.array(values.tolist(), pa.string()).cast(pa.binary())}
    if by_request(launch) and events.request is not None:
        # A row without a request id is a request of its own.
        row_ids = np.array([b"row %d" % row for row in rows], object)
        columns[str(launch.log.request)] = pa.array(
            np.where(events.request[rows] == b"", row_ids, events.request[rows]), pa.binary()
        )
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _column(values: np.ndarray) -> pa.Array:
    """Returns a column [rows] of the event table with nulls where it has no number."""
    if values.dtype == object:
        return pa.array(values, pa.binary())
    return pa.array(values, mask=np.isnan(values) if values.dtype.kind == "f" else values == MISSING_INT)
