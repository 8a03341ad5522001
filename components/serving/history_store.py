"""What each user did last, in memory, from the events the server is told.

It begins empty with every start, and is this process's own: a production feature store takes its place behind the same two methods.
"""

import collections
import threading


class HistoryStore:
    """The last positive items per user; the users not heard of for longest are forgotten first."""

    def __init__(self, length: int, users: int = 100_000):
        """Keeps `length` items each of at most `users` users."""
        self._length, self._users = length, users
        self._items: collections.OrderedDict[bytes, collections.deque[bytes]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def add(self, user: bytes, item: bytes) -> None:
        """Notes that a user acted on an item now."""
        with self._lock:
            self._items.setdefault(user, collections.deque(maxlen=self._length)).append(item)
            self._items.move_to_end(user)
            if len(self._items) > self._users:
                self._items.popitem(last=False)

    def get(self, user: bytes) -> list[bytes]:
        """The user's items, oldest first; empty for unknown users."""
        with self._lock:
            return list(self._items.get(user, ()))

    def __len__(self) -> int:
        """How many users are known."""
        return len(self._items)
