"""Each user's last items, for requests without a history: the interface of a store, and the one in memory.

Another store (a feature store, a database) is a class with the same two methods; `python -m pipeline serve --history
PATH` takes the dotted path of a function `(launch, home)` that makes it from the declaration and the folder of the
launch's runs. A store that also knows when each user acted last has a method `idle` like that of `MemoryHistories`, by
which the model weighs the parts of its score.
"""

import collections
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from components.declaration import Launch

# More than the model reads, as all of a history is left out of the answer.
REMEMBERED_ITEMS = 200
KEPT_BYTES = 256_000_000
# What Python adds per user (the dictionary's entry, the deque) and per item (the object, its slot in the deque).
USER_OVERHEAD, ITEM_OVERHEAD = 900, 41
UNKNOWN = -1.0


class HistoryStore(Protocol):
    """The interface of a store of histories. Called from several threads; what it raises is logged and counted, and fails no request."""

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """Per user the items of the positive events, oldest first; an empty list for an unknown one."""

    def add(self, user: bytes, item: bytes) -> None:
        """Notes that a user acted on an item now."""


def idle_seconds(store: HistoryStore, users: Sequence[bytes]) -> list[float]:
    """Returns the seconds since the users acted last, if the store knows them; negative if not."""
    idle = getattr(store, "idle", None)
    return idle(users) if idle else [UNKNOWN] * len(users)


class MemoryHistories:
    """The last positive items per user; where there is no room, the users not heard of for longest are forgotten first.

    This process's own: other servers do not see them.
    """

    def __init__(self, length: int = REMEMBERED_ITEMS, users: int = 100_000, most_bytes: int = KEPT_BYTES):
        """Keeps `length` items each of at most `users` users, in about `most_bytes`."""
        self._length, self._users, self._most = length, users, most_bytes
        self._items: collections.OrderedDict[bytes, collections.deque[bytes]] = collections.OrderedDict()
        self._acted: dict[bytes, float] = {}  # user to the seconds since 1970 of the last action
        self.bytes = 0
        self._lock = threading.Lock()

    def add(self, user: bytes, item: bytes) -> None:
        """See `HistoryStore`."""
        with self._lock:
            items = self._items.get(user)
            if items is None:
                items = self._items[user] = collections.deque()
                self.bytes += USER_OVERHEAD + len(user)
            items.append(item)
            self._acted[user] = time.time()
            self.bytes += ITEM_OVERHEAD + len(item)
            if len(items) > self._length:
                self.bytes -= ITEM_OVERHEAD + len(items.popleft())
            self._items.move_to_end(user)
            while len(self._items) > 1 and (len(self._items) > self._users or self.bytes > self._most):
                self._forget_oldest()

    def seed(self, histories: Mapping[bytes, Sequence[bytes]], acted: Mapping[bytes, float] | None = None) -> int:
        """Puts older items before those that are known, as far as there is room; never forgets anyone for it.

        Args:
          histories: user to items, oldest first; the user who acted last comes first.
          acted: user to when that was, in seconds since 1970; None if it is not known.

        Returns:
          Of how many users.
        """
        for count, (user, older) in enumerate(histories.items()):
            with self._lock:
                stored = self._items.get(user, ())
                items = [*older, *stored][-self._length :]
                grown = sum(ITEM_OVERHEAD + len(item) for item in items)
                grown -= sum(ITEM_OVERHEAD + len(item) for item in stored) if stored else -USER_OVERHEAD - len(user)
                if self.bytes + grown > self._most or (not stored and len(self._items) >= self._users):
                    return count
                self._items[user] = collections.deque(items)
                if acted and user in acted:
                    self._acted.setdefault(user, acted[user])
                self.bytes += grown
                if not stored:
                    self._items.move_to_end(user, last=False)
        return len(histories)

    def _forget_oldest(self) -> None:
        user, items = self._items.popitem(last=False)
        self._acted.pop(user, None)
        self.bytes -= USER_OVERHEAD + len(user) + sum(ITEM_OVERHEAD + len(item) for item in items)

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """See `HistoryStore`."""
        with self._lock:
            return [list(self._items.get(user, ())) for user in users]

    def idle(self, users: Sequence[bytes]) -> list[float]:
        """Per user the seconds since the last action; negative where it is not known."""
        now = time.time()
        with self._lock:
            return [max(now - self._acted[user], 0.0) if user in self._acted else UNKNOWN for user in users]

    def __len__(self) -> int:
        """Returns the number of users."""
        return len(self._items)


def in_memory(launch: Launch, _home: Path) -> MemoryHistories:
    """Returns a store in memory, as `serve --history memory` makes it."""
    return MemoryHistories(max(REMEMBERED_ITEMS, launch.model.history))
