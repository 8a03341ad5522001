"""The server's traffic as rows of the log, in the columns of the declaration.

Every row has every declared column, null where it says nothing, so that all files of the log have one layout.
"""

import datetime as dt
import functools
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from components.declaration import Launch, Log
from components.features.item_table import MISSING_INT
from components.ingest.event_time import DAY, EXCEL_DAYS, EXCEL_EPOCH, MICROSECONDS, NANOSECONDS
from components.serving.shown_answers import KEPT_BYTES, Shown, ShownAnswers

Row = dict[str, Any]


class Impressions(Sequence[Row]):
    """The rows of one answer, made when the log's thread writes them: the request does not wait for it."""

    def __init__(self, log: Log, shown: Shown):
        """Takes the declared columns and what was shown."""
        self._log, self.shown = log, shown

    def __len__(self) -> int:
        """Returns how many items were shown."""
        return len(self.shown.items)

    @typing.overload
    def __getitem__(self, place: int) -> Row: ...

    @typing.overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        """Returns the row of the item at an index."""
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        log, shown = self._log, self.shown
        position = log.first_position + shown.offset + place
        item_fields = {log.item: shown.items[place], log.position: position}
        item_fields |= {log.propensity: shown.propensities[place]}
        return self._same | {name: value for name, value in item_fields.items() if name is not None}

    @functools.cached_property
    def _same(self) -> Row:
        """What all rows of the answer say."""
        log, shown = self._log, self.shown
        answer_fields = {log.policy: shown.policy, log.model_version: shown.version, log.request: shown.request}
        answer_fields |= {name: _plain(shown.context.get(name)) for name in log.context}
        row = _row(log, shown.user, "", log.impression, shown.time)
        return row | {name: value for name, value in answer_fields.items() if name is not None}


class TrafficRows:
    """Makes rows; remembers the last answers, so that an action's row can say where and by whom its item was shown."""

    def __init__(self, launch: Launch, remembered_bytes: int = KEPT_BYTES):
        """Takes the declaration, and how much memory the remembered answers may take."""
        self._log = launch.log
        self._answers = ShownAnswers(launch.log.context, remembered_bytes)

    @property
    def has_impressions(self) -> bool:
        """Whether the declared log can hold what was shown."""
        return bool(self._log.event and self._log.impression)

    def impressions(self, shown: Shown) -> Sequence[Row]:
        """Returns a row per item shown; none where the declared log has no word for impressions."""
        if not self.has_impressions:
            return []
        self._answers.add(shown)
        return Impressions(self._log, shown)

    def action(self, user: str, item: str, event: str | None, time: int, fields: Mapping[str, Any]) -> Row:
        """Returns the row of an action.

        Args:
          user, item: ids.
          event: its kind; None where the log has no such column.
          time: microseconds since the epoch.
          fields: `value`, `request_id` and context columns, as far as the caller gives them.

        Returns:
          The row; position, policy, propensity, version and context are those of the answer of that request, where it
          is remembered. Its
          time is never before that of the answer, even where the clock was set back in between.
        """
        log, request = self._log, fields.get("request_id")
        answer = self._answers.get(request)
        if answer and answer.user != user:
            answer = None
        row = _row(log, user, item, event, max(time, answer.time) if answer else time)
        if answer and answer.items:
            shown = item in answer.items
            same = Impressions(log, answer)[answer.items.index(item) if shown else 0]
            names = (*log.context, *((log.position, log.policy, log.propensity, log.model_version) if shown else ()))
            row |= {name: same[name] for name in names if name}
        elif log.context:
            # An action that no remembered answer led to: where and how the user was seen last is the best that is known.
            row |= {name: _plain(value) for name, value in self._answers.newest_context(user).items()}
        row |= {name: fields[name] for name in log.context if name in fields}
        return row | {
            name: fields.get(key) for name, key in ((log.request, "request_id"), (log.value, "value")) if name
        }


def _row(log: Log, user: str, item: str, event: str | None, time: int) -> Row:
    """Returns a row with every declared column, most of them empty."""
    row: Row = dict.fromkeys(log.columns())
    row |= {log.user: user, log.item: item, log.time: in_unit(time, log)}
    return row | ({log.event: event} if log.event else {})


def in_unit(microseconds: int, log: Log) -> int | float | str:
    """Returns a time as the log writes it: a number of its unit, ISO 8601 in UTC, or text in the declared form."""
    if log.time_format is not None or log.time_unit == "iso":
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=microseconds)
        if log.time_format is not None:
            return moment.strftime(log.time_format)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if log.time_unit == EXCEL_DAYS:
        return microseconds / DAY - EXCEL_EPOCH
    return microseconds * 1_000 if log.time_unit == NANOSECONDS else microseconds // MICROSECONDS[log.time_unit]


def _plain(value: Any) -> Any:
    """Returns a context value as JSON; null for the value that stands for a missing one."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    missing = value is None or value == MISSING_INT or (isinstance(value, float) and math.isnan(value))
    return None if missing else value
