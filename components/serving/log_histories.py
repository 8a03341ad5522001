"""Histories from the interaction log, for a server that starts, read as the next run would."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Launch
from components.errors import DayoneError
from components.ingest import spans
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.serving.history_store import MemoryHistories

_LOGGER = logging.getLogger("dayone.serving")
OWN = "traffic-*.jsonl"
MOST_BYTES = 500_000_000  # of files, the newest; reading them takes about a minute of one core


def seed_later(store: MemoryHistories, launch: Launch, base: str, traffic: Path | None) -> threading.Thread:
    """Fills the store in a thread, so that the server answers meanwhile; what the log lacks or breaks is said, and costs no start."""
    thread = threading.Thread(target=_seed, args=(store, launch, base, traffic), name="histories", daemon=True)
    thread.start()
    return thread


def _seed(store: MemoryHistories, launch: Launch, base: str, traffic: Path | None) -> None:
    began = time.monotonic()
    try:
        files = _newest_files(launch, base, traffic)
        if not files:
            _LOGGER.info("nothing is logged yet: every user begins without a history")
            return
        rows = _read_rows(launch, files)
        users = store.seed(_histories(launch, rows), _last_actions(launch, rows))
    except (DayoneError, OSError) as error:
        _LOGGER.info("no histories from the log: %s", error)
    except Exception:
        _LOGGER.exception("the histories of the log could not be read")
    else:
        _LOGGER.info("histories of %d users from the log, in %.1f s", users, time.monotonic() - began)


def read(launch: Launch, base: str, traffic: Path | None = None) -> dict[bytes, list[bytes]]:
    """Returns the positive items of each user, oldest first; the user who acted last comes first.

    Args:
      launch: the declaration.
      base: the data folder.
      traffic: the folder that a server writes to, where it is no part of the declared log; None for none.

    Raises:
      LogError: if there is no log, or it cannot be read.
    """
    files = _newest_files(launch, base, traffic)
    return _histories(launch, _read_rows(launch, files)) if files else {}


def _read_rows(launch: Launch, files: Sequence[str]) -> pa.Table:
    """Reads the positive events of some files, in the order of time."""
    log = launch.log
    names = (log.user, log.item, log.time, *((log.event,) if log.event else ()))
    rows = LogReader(files, Layout.of_log(log)).settle(names)
    if log.event:
        positive = pc.is_in(rows[log.event].cast(pa.string()), value_set=pa.array(launch.positive_events, pa.string()))
        rows = rows.filter(positive)
    return rows.take(pa.array(np.argsort(rows[log.time].to_numpy(), kind="stable")))


def _last_actions(launch: Launch, ordered: pa.Table) -> dict[bytes, float]:
    """User to the seconds since 1970 of the last positive event."""
    seconds = (ordered[launch.log.time].to_numpy() / 1e6).tolist()
    return {user.encode(): second for user, second in zip(ordered[launch.log.user].to_pylist(), seconds, strict=True)}


def _histories(launch: Launch, ordered: pa.Table) -> dict[bytes, list[bytes]]:
    log = launch.log
    histories: dict[bytes, list[bytes]] = {}
    for user, item in zip(ordered[log.user].to_pylist(), ordered[log.item].to_pylist(), strict=True):
        items = histories.pop(
            user.encode(), []
        )  # put back at the end: the dictionary's order is that of the last action
        items.append(item.encode())
        histories[user.encode()] = items
    return dict(reversed(histories.items()))


def _newest_files(launch: Launch, base: str, traffic: Path | None) -> Sequence[str]:
    """Returns the newest files of the declared log and of the server, up to `MOST_BYTES`, but at least one; none where the log starts empty."""
    log = launch.log
    try:
        files = {
            os.path.realpath(file)
            for file in spans.input_files(log.path, base, log.spans, may_be_empty=log.starts_empty)
        }
    except DayoneError:
        if traffic is None or not any(traffic.rglob(OWN)):
            raise
        files = set()
    files |= {os.path.realpath(file) for file in traffic.rglob(OWN)} if traffic else set()
    newest = sorted(files, key=os.path.getmtime, reverse=True)
    sizes = np.cumsum([os.path.getsize(file) for file in newest])
    return newest[: max(int(np.searchsorted(sizes, MOST_BYTES, side="right")), 1)]
