"""What each user did last, where the caller of a prediction does not say: the interface of a store, and the one that is in memory.

Another store (a feature store, a database) is a class with the same two methods; `python -m pipeline serve --history
MODULE:FUNCTION` takes it, where `FUNCTION(launch, home)` makes it from the declaration and the folder of the launch's
runs.
"""

import collections
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from components.declaration import Launch

# More than the model reads, as all of a history is left out of the answer.
REMEMBERED_ITEMS = 200


class HistoryStore(Protocol):
    """Where the server looks histories up. Called from several threads; what it raises is logged and counted, and fails no request."""

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """Per user the items of the positive events, oldest first; an empty list for an unknown one."""

    def add(self, user: bytes, item: bytes) -> None:
        """Notes that a user acted on an item now."""


class MemoryHistories:
    """The last positive items per user, from the events that this server is told; the users not heard of for longest are forgotten first.

    Empty after a start, and this process's own.
    """

    def __init__(self, length: int = REMEMBERED_ITEMS, users: int = 100_000):
        """Keeps `length` items each of at most `users` users."""
        self._length, self._users = length, users
        self._items: collections.OrderedDict[bytes, collections.deque[bytes]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def add(self, user: bytes, item: bytes) -> None:
        """See `HistoryStore`."""
        with self._lock:
            self._items.setdefault(user, collections.deque(maxlen=self._length)).append(item)
            self._items.move_to_end(user)
            if len(self._items) > self._users:
                self._items.popitem(last=False)

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """See `HistoryStore`."""
        with self._lock:
            return [list(self._items.get(user, ())) for user in users]

    def __len__(self) -> int:
        """How many users are known."""
        return len(self._items)


def in_memory(launch: Launch, _home: Path) -> MemoryHistories:
    """A store in memory, as `serve --history memory` makes it."""
    return MemoryHistories(max(REMEMBERED_ITEMS, launch.model.history))
