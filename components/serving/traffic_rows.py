"""What the server saw, as rows of the log: the declaration says which column holds what.

Every row has every declared column, null where it says nothing, so that all files of the log have one layout.
"""

import collections
import dataclasses
import datetime as dt
import math
import threading
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


class TrafficRows:
    """Makes rows; remembers the last answers, so that an action's row can say where and by whom its item was shown."""

    def __init__(self, launch: Launch, remembered: int = 50_000):
        """Takes the declaration, and how many answers are remembered."""
        self._log, self._remembered = launch.log, remembered
        self._answers: collections.OrderedDict[str, tuple[str, dict[str, Row]]] = collections.OrderedDict()
        self._lock = threading.Lock()

    @property
    def has_impressions(self) -> bool:
        """Whether the declared log can hold what was shown."""
        return bool(self._log.event and self._log.impression)

    def impressions(self, shown: Shown) -> list[Row]:
        """A row per item shown; none where the declared log has no word for it."""
        if not self.has_impressions:
            return []
        rows = [self._impression(shown, place) for place in range(len(shown.items))]
        with self._lock:
            self._answers[shown.request] = shown.user, dict(zip(shown.items, rows, strict=True))
            if len(self._answers) > self._remembered:
                self._answers.popitem(last=False)
        return rows

    def _impression(self, shown: Shown, place: int) -> Row:
        log = self._log
        said = {log.position: place, log.policy: shown.policy, log.propensity: shown.propensities[place], log.model_version: shown.version}
        row = self._row(shown.user, shown.items[place], log.impression, shown.time) | {log.request: shown.request} | said
        row |= {name: _plain(shown.context.get(name)) for name in log.context}
        return {name: value for name, value in row.items() if name is not None}

    def action(self, user: str, item: str, event: str | None, time: int, given: Mapping[str, Any]) -> Row:
        """The row of an action.

        Args:
          user, item: ids.
          event: its kind; None where the log has no such column.
          time: microseconds since the epoch.
          given: `value`, `request_id` and context columns, as far as the caller gives them.

        Returns:
          The row; place, policy, propensity, version and context are those of the answer of that request, where it is remembered.
        """
        log, request = self._log, given.get("request_id")
        row = self._row(user, item, event, time)
        with self._lock:
            who, answer = self._answers.get(request, ("", {})) if request is not None else ("", {})
        if who == user:
            shown = answer.get(item) or next(iter(answer.values()), {})
            same = (*log.context, *((log.position, log.policy, log.propensity, log.model_version) if item in answer else ()))
            row |= {name: shown[name] for name in same if name}
        row |= {name: given[name] for name in log.context if name in given}
        return row | {name: given.get(key) for name, key in ((log.request, "request_id"), (log.value, "value")) if name}

    def _row(self, user: str, item: str, event: str | None, time: int) -> Row:
        log = self._log
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
