"""What the server saw, as rows of the log: the declaration says which column holds what.

Every row has every declared column, null where it says nothing, so that all files of the log have one layout.
"""

import collections
import dataclasses
import datetime as dt
import functools
import math
import threading
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from components.declaration import Launch, Log
from components.features.item_table import MISSING_INT

PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Shown:
    """One answer that was shown to a user.

    Attributes:
      user: the user's id.
      request: its own id, which the actions bring back.
      items: ids in the order of the places.
      propensities: of each item at its place.
      policy: what drew the order.
      version: of the model.
      context: declared context column to value, as it was asked.
      time: microseconds since the epoch.
    """

    user: str
    request: str
    items: Sequence[str]
    propensities: Sequence[float]
    policy: str
    version: str
    context: Mapping[str, Any]
    time: int


class Impressions(Sequence[Row]):
    """The rows of one answer, made when the log's thread writes them: the request does not wait for it."""

    def __init__(self, log: Log, shown: Shown):
        """Takes the declared columns and what was shown."""
        self._log, self.shown = log, shown

    def __len__(self) -> int:
        """How many items were shown."""
        return len(self.shown.items)

    @typing.overload
    def __getitem__(self, place: int) -> Row: ...

    @typing.overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        """The row of the item at a place."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        log, shown = self._log, self.shown
        own = {log.item: shown.items[place], log.position: place, log.propensity: shown.propensities[place]}
        return self._same | {name: value for name, value in own.items() if name is not None}

    @functools.cached_property
    def _same(self) -> Row:
        """What all rows of the answer say."""
        log, shown = self._log, self.shown
        said = {log.policy: shown.policy, log.model_version: shown.version, log.request: shown.request}
        said |= {name: _plain(shown.context.get(name)) for name in log.context}
        row = _row(log, shown.user, "", log.impression, shown.time)
        return row | {name: value for name, value in said.items() if name is not None}


class TrafficRows:
    """Makes rows; remembers the last answers, so that an action's row can say where and by whom its item was shown."""

    def __init__(self, launch: Launch, remembered: int = 50_000):
        """Takes the declaration, and how many answers are remembered."""
        self._log, self._remembered = launch.log, remembered
        self._answers: collections.OrderedDict[str, Impressions] = collections.OrderedDict()
        self._lock = threading.Lock()

    @property
    def has_impressions(self) -> bool:
        """Whether the declared log can hold what was shown."""
        return bool(self._log.event and self._log.impression)

    def impressions(self, shown: Shown) -> Sequence[Row]:
        """A row per item shown; none where the declared log has no word for it."""
        if not self.has_impressions:
            return []
        rows = Impressions(self._log, shown)
        with self._lock:
            self._answers[shown.request] = rows
            if len(self._answers) > self._remembered:
                self._answers.popitem(last=False)
        return rows

    def action(self, user: str, item: str, event: str | None, time: int, given: Mapping[str, Any]) -> Row:
        """The row of an action.

        Args:
          user, item: ids.
          event: its kind; None where the log has no such column.
          time: microseconds since the epoch.
          given: `value`, `request_id` and context columns, as far as the caller gives them.

        Returns:
          The row; place, policy, propensity, version and context are those of the answer of that request, where it is
          remembered.
        """
        log, request = self._log, given.get("request_id")
        row = _row(log, user, item, event, time)
        with self._lock:
            answer = None if request is None else self._answers.get(request)
        if answer and answer.shown.user == user:
            there = item in answer.shown.items
            same = answer[answer.shown.items.index(item) if there else 0]
            names = (*log.context, *((log.position, log.policy, log.propensity, log.model_version) if there else ()))
            row |= {name: same[name] for name in names if name}
        row |= {name: given[name] for name in log.context if name in given}
        return row | {name: given.get(key) for name, key in ((log.request, "request_id"), (log.value, "value")) if name}


def _row(log: Log, user: str, item: str, event: str | None, time: int) -> Row:
    """A row with every declared column, of which most say nothing yet."""
    row: Row = dict.fromkeys(log.columns())
    row |= {log.user: user, log.item: item, log.time: in_unit(time, log)}
    return row | ({log.event: event} if log.event else {})


def in_unit(microseconds: int, log: Log) -> int | str:
    """A time as the log writes it: a whole number of its unit, or ISO 8601 in UTC."""
    if log.time_unit != "iso":
        return microseconds // PER_UNIT[log.time_unit]
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    """A context value as JSON; null for what stands for a missing one."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    missing = value is None or value == MISSING_INT or (isinstance(value, float) and math.isnan(value))
    return None if missing else value
