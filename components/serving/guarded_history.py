"""A deadline and a circuit breaker around any store of histories.

Without its history a user gets the answer of a new one; without an answer in time, none at all. So the store gets a
deadline. After several failures in a row the breaker opens: the store is not asked for a while, and requests go on
without it at once. Meanwhile it is opened anew in the background, and the breaker closes as soon as it answers there.

Nygard, "Release It!", 2nd edition, chapter 5.
"""

import collections
import concurrent.futures
import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from components.serving.history_store import HistoryStore

DEADLINE = 0.05
_WAITING_EVENTS = 10_000
CLOSED, OPEN = "closed", "open"


class HistoryUnavailable(Exception):  # noqa: N818 - it is a state of another system, told by name
    """The store was not asked, or did not answer in time."""


@dataclasses.dataclass(frozen=True)
class Breaker:
    """Decides when to give up the store, and when to try it again.

    Attributes:
      deadline: seconds that an answer may take.
      failures: how many in a row open the breaker.
      pause: seconds until the store is tried again, doubled after each attempt that fails.
      longest_pause: seconds at most.
      probe_seconds: how long opening the store anew, with a first answer, may take.
      workers: how many requests ask the store at once; one more fails at once.
      what: the store, for messages.
    """

    deadline: float = DEADLINE
    failures: int = 5
    pause: float = 0.5
    longest_pause: float = 10.0
    probe_seconds: float = 5.0
    workers: int = 16
    what: str = "the store of histories"


class GuardedHistories:
    """A `HistoryStore` around another one, which may be slow, hang, fail, or be gone.

    Attributes:
      state: "closed" while requests go to the store, "open" while they do not.
      failed: how many requests got no history since the start.
    """

    def __init__(self, open_store: Callable[[], HistoryStore], breaker: Breaker | None = None):
        """Opens the store, so that one that does not work is found at the start.

        Args:
          open_store: makes the store; called again after a failure, because some keep a dead connection. A store with a
            method `adopt` is handed the one that it replaces.
          breaker: when the store is given up.
        """
        self._open_store, self._breaker = open_store, breaker or Breaker()
        self._lock = threading.Lock()
        self._in_a_row, self._pause, self._next_probe, self._probing = 0, self._breaker.pause, 0.0, False
        self.state, self.failed, self._last_failure = CLOSED, 0, ""
        self._waiting: collections.deque[tuple[bytes, bytes]] = collections.deque(maxlen=_WAITING_EVENTS)
        self._store, self._workers = open_store(), _Workers(self._breaker.workers)

    @property
    def problem(self) -> str:
        """The kind of the last failure while the breaker is open, else "". Tries the store again if that is due: there may be no requests that do."""
        if self.state == CLOSED:
            return ""
        self._probe_if_due()
        return self._last_failure

    def get(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """See `HistoryStore`.

        Raises:
          HistoryUnavailable: if the store is not asked now, or does not answer within the deadline.
        """
        answer: list[list[bytes]] = self._ask(lambda store: store.get(users))
        return answer

    def add(self, user: bytes, item: bytes) -> None:
        """See `HistoryStore`. While the breaker is open events wait, and are told to the store when it is back.

        Raises:
          HistoryUnavailable: if the store does not answer within the deadline; it may have taken the event.
        """
        if self.state == OPEN:
            self._waiting.append((user, item))
            self._probe_if_due()
            return
        self._ask(lambda store: store.add(user, item))

    def _ask(self, question: Callable[[HistoryStore], Any]) -> Any:
        if self.state == OPEN:
            self._probe_if_due()
            self._count_failure()
            raise HistoryUnavailable(f"{self._breaker.what} failed several times in a row, and is not asked now")
        store = self._store
        try:
            answer = self._workers.submit(lambda: question(store)).result(self._breaker.deadline)
        except concurrent.futures.TimeoutError as error:
            reason = f"no answer within {1000 * self._breaker.deadline:g} ms"
            self._note_failure(reason)
            raise HistoryUnavailable(reason) from error
        except Exception as error:
            self._note_failure(type(error).__name__)  # no text: clients put addresses and passwords in it
            raise
        self._in_a_row = 0
        return answer

    def _count_failure(self) -> None:
        with self._lock:
            self.failed += 1

    def _note_failure(self, reason: str) -> None:
        with self._lock:
            self._last_failure = reason
            self.failed += 1
            self._in_a_row += 1
            if self._in_a_row >= self._breaker.failures and self.state == CLOSED:
                self.state, self._pause = OPEN, self._breaker.pause
                self._next_probe = time.monotonic() + self._pause

    def _probe_if_due(self) -> None:
        with self._lock:
            if self._probing or time.monotonic() < self._next_probe:
                return
            self._probing = True
        threading.Thread(target=self._probe, name="history-probe", daemon=True).start()

    def _probe(self) -> None:
        """Opens the store anew and asks it; what hangs is left behind with its thread."""
        opening = _Workers(1).submit(self._open_and_ask)
        try:
            store = opening.result(self._breaker.probe_seconds)
        except Exception:  # noqa: BLE001 - whatever it is, the store is not back
            store = None
        with self._lock:
            self._probing = False
            if store is None:
                self._pause = min(2 * self._pause, self._breaker.longest_pause)
                self._next_probe = time.monotonic() + self._pause
                return
            # Threads that hang in the old store would be missed.
            self._store, self._workers = store, _Workers(self._breaker.workers)
            self._in_a_row, self.state = 0, CLOSED

    def _open_and_ask(self) -> HistoryStore:
        store = self._open_store()
        store.get([b""])
        if hasattr(store, "adopt"):
            store.adopt(self._store)
        while self._waiting:
            store.add(*self._waiting.popleft())
        return store


class _Workers:
    """Threads that run calls, started on demand; the process does not wait for them when it ends."""

    def __init__(self, count: int):
        self._tasks: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._idle, self._left, self._lock = 0, count, threading.Lock()

    def submit(self, call: Callable[[], Any]) -> "concurrent.futures.Future[Any]":
        """Runs the call.

        Raises:
          HistoryUnavailable: if all threads are at work.
        """
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._left:
                self._left -= 1
                threading.Thread(target=self._work, name="history", daemon=True).start()
            else:
                raise HistoryUnavailable("all connections to the store wait for an answer")
        self._tasks.put((future, call))
        return future

    def _work(self) -> None:
        while True:
            future, call = self._tasks.get()
            try:
                answer = call()
            except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
                self._rest()
                future.set_exception(error)
            else:
                self._rest()
                future.set_result(answer)

    def _rest(self) -> None:
        with self._lock:
            self._idle += 1
