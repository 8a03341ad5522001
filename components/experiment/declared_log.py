"""The requests of a declared log, read from its files: for plans, which need no run."""

from collections.abc import Sequence

import numpy as np

from components.declaration import Launch
from components.declaration.views import IngestView
from components.errors import LogError
from components.experiment.log_requests import Impressions, group_requests
from components.experiment.outcome import Traffic
from components.ingest import labels
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.user_table import join_users

FAR = np.iinfo(np.int64).max


def read_traffic(launch: Launch, files: Sequence[str], base: str) -> Traffic:
    """Returns all requests of the log.

    Args:
      launch: the declaration.
      files: of the log.
      base: the data folder, where a relative path of the users' table starts.

    Raises:
      LogError: if the log cannot be read, or holds no impressions.
    """
    log = launch.log
    if not launch.learns_from_impressions:
        raise LogError(
            "launch.log.impression", "a plan needs impressions, the declaration names none.", "Declare them."
        )
    view = IngestView.of(launch)
    names = tuple(name for name in (log.time, log.user, log.request, log.model_version) if name)
    keys = LogReader(files, Layout.of_log(log)).settle(tuple(dict.fromkeys((*names, *labels.key_columns(view)))))
    times = keys[log.time].to_numpy()
    users = join_users(log, keys, base)
    keys = users.add_to_table(keys) if users else keys
    label_columns = labels.label_rows(keys, times, FAR, view)
    shown = np.flatnonzero(next(iter(label_columns.values())) >= 0)
    columns = {name: _to_bytes(keys[name].take(shown)) for name in names if name != log.time}
    return group_requests(
        Impressions(
            user=columns[log.user],
            time=times[shown],
            request=columns[log.request] if log.request else None,
            labels={
                objective.name: label_columns[objective.label][shown].astype(np.int64)
                for objective in launch.ranking_objectives
            },
            version=columns[log.model_version] if log.model_version else None,
        )
    )


def _to_bytes(column: object) -> np.ndarray:
    """Returns a column as an object array of bytes; b"" for null."""
    import pyarrow as pa

    texts = column.cast(pa.string()).fill_null("")  # type: ignore[attr-defined]
    return np.array([text.encode() for text in texts.to_pylist()] + [None], object)[:-1]
