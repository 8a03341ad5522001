"""Users to choose from on the demo page: those who acted last in the log's newest file, and their actions."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Launch
from components.ingest import spans
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader

MOST_BYTES = 300_000_000  # a larger file would take a person's patience
MOST_USERS, MOST_ITEMS, MOST_WORDS = 60, 20, 12


@dataclasses.dataclass(frozen=True)
class DemoUsers:
    """The choices on the demo page.

    Attributes:
      histories: user to the items of the positive events, oldest first; the user who acted last comes first.
      words: context column of text to its most frequent values.
    """

    histories: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]


NOBODY = DemoUsers({}, {})


@functools.cache
def read(launch: Launch, base: str) -> DemoUsers:
    """Reads the newest file of the log, once.

    Args:
      launch: the declaration.
      base: the data folder.

    Raises:
      LogError: if the log is not there or cannot be read.
    """
    log = launch.log
    files = spans.input_files(log.path, base, log.spans, log.starts_empty)
    if not files:
        return NOBODY
    newest = max(files, key=os.path.getmtime)
    if os.path.getsize(newest) > MOST_BYTES:
        return NOBODY
    reader = LogReader((newest,), Layout.of_log(log))
    rows = reader.settle((log.user, log.item, log.time, *((log.event,) if log.event else ()), *log.context))
    return DemoUsers(
        _histories(launch, rows),
        {name: _words(rows[name]) for name in log.context if pa.types.is_string(rows[name].type)},
    )


def _histories(launch: Launch, rows: pa.Table) -> dict[str, list[str]]:
    log = launch.log
    if log.event:
        rows = rows.filter(
            pc.is_in(rows[log.event].cast(pa.string()), value_set=pa.array(launch.positive_events, pa.string()))
        )
    newest = rows.take(pa.array(np.argsort(-rows[log.time].to_numpy(), kind="stable")))
    histories: dict[str, list[str]] = {}
    for user, item in zip(newest[log.user].to_pylist(), newest[log.item].to_pylist(), strict=True):
        if user in histories or len(histories) < MOST_USERS:
            histories.setdefault(user, []).append(item)
    return {user: items[:MOST_ITEMS][::-1] for user, items in histories.items()}


def _words(column: pa.ChunkedArray) -> list[str]:
    counts = column.drop_null().value_counts()
    order = np.argsort(-counts.field("counts").to_numpy(), kind="stable")[:MOST_WORDS]
    return [counts.field("values")[int(at)].as_py() for at in order]
