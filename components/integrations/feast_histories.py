"""Histories for the server: what the feature store holds, and what this server was told since.

A store is as old as its last materialisation. The events that the server is told meanwhile are newer and come on top,
until the store has them.
"""

import collections
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.declaration import Launch
from components.integrations import feast_online, feast_repository
from components.integrations.offline_tables import AS_OF, HISTORY, USER
from components.serving.history_store import REMEMBERED_ITEMS

FOLDER = "feast"
# The log's time of an event may be cut to whole seconds, and was taken a moment before the event was told here.
CLOCK_SLACK = 1_000_000


class FeastHistories:
    """A `HistoryStore` on a Feast online store."""

    def __init__(self, store: Any, view: str, length: int, users: int = 100_000, now: Callable[[], int] | None = None):
        """Asks the store for a user nobody has, so that a store that does not work is found at the start.

        Args:
          store: a `feast.FeatureStore`; Feast's own server shares one between threads, too.
          view: the feature view with the columns of `offline_tables.user_history`.
          length: items of a history at most.
          users: of how many users told events are remembered; those not heard of for longest are forgotten first.
          now: the clock, in microseconds.
        """
        self._store, self._length, self._users = store, length, users
        self._features = [f"{view}:{HISTORY}", f"{view}:{AS_OF}"]
        self._now = now or (lambda: time.time_ns() // 1_000)
        self._told: collections.OrderedDict[bytes, collections.deque[tuple[int, bytes]]] = collections.OrderedDict()
        self._lock = threading.Lock()
        self.get([b""])

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """See `HistoryStore`: the stored history, then the told items that are newer, the last ones of all."""
        stored = self._stored([user.decode("utf-8") for user in users])
        with self._lock:
            told = [list(self._told.get(user, ())) for user in users]
        return [
            _joined(history, as_of, newer)[-self._length :]
            for (history, as_of), newer in zip(stored, told, strict=True)
        ]

    def add(self, user: bytes, item: bytes) -> None:
        """See `HistoryStore`."""
        with self._lock:
            self._told.setdefault(user, collections.deque(maxlen=self._length)).append((self._now(), item))
            self._told.move_to_end(user)
            if len(self._told) > self._users:
                self._told.popitem(last=False)

    def _stored(self, users: list[str]) -> list[tuple[list[bytes], int]]:
        """History and its newest moment per user; empty and 0 for users that the store does not know."""
        answer = self._store.get_online_features(
            features=self._features, entity_rows=[{USER: user} for user in users]
        ).to_dict()
        found = zip(answer[HISTORY], answer[AS_OF], strict=True)
        return [([item.encode() for item in history or ()], int(as_of or 0)) for history, as_of in found]


def _joined(history: list[bytes], as_of: int, told: list[tuple[int, bytes]]) -> list[bytes]:
    """What was told up to the stored moment is stored; just after it, an item that is stored already is that same event."""
    newer = [item for moment, item in told if moment > as_of + CLOCK_SLACK or (moment > as_of and item not in history)]
    return history + newer


def from_repository(launch: Launch, home: Path) -> FeastHistories:
    """The store that `serve --history feast` takes: the repository that `python -m pipeline feast` writes.

    Raises:
      FeatureStoreError: if Feast or the repository is not there.
    """
    folder = home / FOLDER
    view = feast_repository.view_name(launch.name, feast_repository.USER_HISTORY)
    with feast_online.errors_told(folder):
        return FeastHistories(feast_online.opened(folder), view, max(launch.model.history, REMEMBERED_ITEMS))
