"""The newest answers, so that an action's row can name position and policy of its item; bounded in bytes, oldest out first.

What is kept of an answer of ten items is about 0.7 KB: ids in one string, propensities as float64, the declared context alone.
"""

import array
import collections
import dataclasses
import sys
import threading
import typing
from collections.abc import Mapping, Sequence
from typing import Any

KEPT_BYTES = 64_000_000
SEPARATOR = "\x1f"  # no id that the traffic log takes has it
# What Python adds per answer to the values measured: the tuple, the key and its slot in the ordered dictionary, the
# slot of its user in the other one.
OVERHEAD = 480


@dataclasses.dataclass(frozen=True)
class Shown:
    """One answer that was shown to a user.

    Attributes:
      user: the user's id.
      request: its own id, which the actions bring back.
      items: ids in the order of the positions.
      propensities: of each item at its position.
      policy: what drew the order.
      version: of the model.
      context: declared context column to value, as the request had it.
      time: microseconds since the epoch.
      offset: the rank of the first item, from 0: of a later page it is not 0.
    """

    user: str
    request: str
    items: Sequence[str]
    propensities: Sequence[float]
    policy: str
    version: str
    context: Mapping[str, Any]
    time: int
    offset: int = 0


class _Kept(typing.NamedTuple):
    """An answer in little memory."""

    user: str
    items: str
    propensities: bytes
    policy: str
    version: str
    context: tuple[Any, ...]
    time: int
    offset: int


class ShownAnswers:
    """Remembers answers by their request id. Safe to use from several threads."""

    def __init__(self, columns: Sequence[str], most_bytes: int = KEPT_BYTES):
        """Takes the declared context columns, and how many bytes may be kept; the newest answer is kept whatever its size."""
        self._columns, self._most = tuple(columns), most_bytes
        self._answers: collections.OrderedDict[str, _Kept] = collections.OrderedDict()
        self._newest: dict[str, str] = {}  # of each user the last request that is remembered
        self.bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Returns how many answers are remembered."""
        return len(self._answers)

    def add(self, shown: Shown) -> None:
        """Remembers an answer; forgets the oldest ones where there is no room."""
        context = tuple(shown.context.get(name) for name in self._columns)
        propensities = array.array("d", shown.propensities).tobytes()
        policy, version = sys.intern(shown.policy), sys.intern(shown.version)
        items = SEPARATOR.join(shown.items)
        kept = _Kept(shown.user, items, propensities, policy, version, context, shown.time, shown.offset)
        with self._lock:
            self._answers[shown.request], self._newest[shown.user] = kept, shown.request
            self.bytes += _size(kept)
            while self.bytes > self._most and len(self._answers) > 1:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        request, kept = self._answers.popitem(last=False)
        self.bytes -= _size(kept)
        if self._newest.get(kept.user) == request:
            del self._newest[kept.user]

    def newest_context(self, user: str) -> Mapping[str, Any]:
        """Returns the declared context of the user's last remembered answer; {} if there is none."""
        with self._lock:
            request = self._newest.get(user)
            kept = self._answers.get(request) if request is not None else None
        return dict(zip(self._columns, kept.context, strict=True)) if kept else {}

    def get(self, request: str | None) -> Shown | None:
        """Returns the answer of a request; None if it is not remembered."""
        with self._lock:
            kept = self._answers.get(request) if request is not None else None
        if request is None or kept is None:
            return None
        context = dict(zip(self._columns, kept.context, strict=True))
        propensities = array.array("d", kept.propensities).tolist()
        items = kept.items.split(SEPARATOR)
        return Shown(
            kept.user, request, items, propensities, kept.policy, kept.version, context, kept.time, kept.offset
        )


def _size(kept: _Kept) -> int:
    """Returns the bytes that an answer takes."""
    own_size = sys.getsizeof(kept.user) + sys.getsizeof(kept.items) + sys.getsizeof(kept.propensities)
    return OVERHEAD + own_size + sum(map(sys.getsizeof, kept.context))
