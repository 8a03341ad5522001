"""Histories for the server: the feature store's, plus the events that this server received since.

A store is as old as its last materialisation. The server appends the events it has received since then, until the store
holds them too.
"""

import collections
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.declaration import Launch
from components.integrations import feast_clients, feast_online, feast_repository
from components.integrations.offline_tables import AS_OF, HISTORY, USER
from components.serving.history_store import REMEMBERED_ITEMS

FOLDER = "feast"
# The log may truncate an event's time to seconds, and takes it a moment before the server receives the event.
CLOCK_SLACK = 1_000_000


class FeastHistories:
    """A `HistoryStore` on a Feast online store."""

    def __init__(self, store: Any, view: str, length: int, users: int = 100_000, now: Callable[[], int] | None = None):
        """Queries the store for an unknown user, so that a broken store fails at the start.

        Args:
          store: a `feast.FeatureStore`; threads may share it, as in Feast's own server.
          view: the feature view with the columns of `offline_tables.user_history`.
          length: maximum items of a history.
          users: maximum users whose received events are kept; the least recently active are dropped first.
          now: the clock, in microseconds.
        """
        self._store, self._length, self._users = store, length, users
        self._features = [f"{view}:{HISTORY}", f"{view}:{AS_OF}"]
        self._now = now or (lambda: time.time_ns() // 1_000)
        self._received: collections.OrderedDict[bytes, collections.deque[tuple[int, bytes]]] = collections.OrderedDict()
        self._lock = threading.Lock()
        self.get([b""])

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """See `HistoryStore`: returns the last items of the stored history and of the events received after it."""
        stored = self._read([user.decode("utf-8") for user in users])
        with self._lock:
            received = [list(self._received.get(user, ())) for user in users]
        return [
            _append(history, as_of, events)[-self._length :]
            for (history, as_of), events in zip(stored, received, strict=True)
        ]

    def add(self, user: bytes, item: bytes) -> None:
        """See `HistoryStore`."""
        with self._lock:
            self._received.setdefault(user, collections.deque(maxlen=self._length)).append((self._now(), item))
            self._received.move_to_end(user)
            if len(self._received) > self._users:
                self._received.popitem(last=False)

    def adopt(self, other: "FeastHistories") -> None:
        """Takes over what another store on the same repository was told: the guard opens a store anew after a failure."""
        with self._lock, other._lock:
            self._received = collections.OrderedDict(other._received)

    def _read(self, users: list[str]) -> list[tuple[list[bytes], int]]:
        """History and its newest moment per user; empty and 0 for users that the store does not know."""
        answer = self._store.get_online_features(
            features=self._features, entity_rows=[{USER: user} for user in users]
        ).to_dict()
        rows = zip(answer[HISTORY], answer[AS_OF], strict=True)
        return [([item.encode() for item in history or ()], int(as_of or 0)) for history, as_of in rows]


def _append(history: list[bytes], as_of: int, events: list[tuple[int, bytes]]) -> list[bytes]:
    """Appends the events that the store does not hold yet.

    The store holds all events up to `as_of`. Within `CLOCK_SLACK` after it, an item of the history is the same event.
    """
    newer = [item for time, item in events if time > as_of + CLOCK_SLACK or (time > as_of and item not in history)]
    return history + newer


def from_repository(launch: Launch, home: Path) -> FeastHistories:
    """Opens the store of `serve --history feast`: the repository that `python -m pipeline feast` writes.

    Raises:
      FeatureStoreError: if Feast is not installed or the repository does not exist.
    """
    folder = home / FOLDER
    view = feast_repository.view_name(launch.name, feast_repository.USER_HISTORY)
    with feast_online.convert_errors(folder):
        store = feast_online.open_store(folder)
        feast_clients.limit(store)
        return FeastHistories(store, view, max(launch.model.history, REMEMBERED_ITEMS))
