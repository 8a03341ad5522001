"""The body of `POST /v1/events`: users' actions, as they happen.

    {"events": [{"user_id": "u1", "item_id": "i7", "event": "click", "request_id": "...", "value": 4.5, "device":
    "mobile"}, ...]}

User and item are needed; `event` where the declared log has such a column. `request_id` is the one of the answer that
showed the item.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.declaration import Launch
from components.declaration.request_names import input_name
from components.serving import json_body
from components.serving.json_body import check_keys, shown
from components.serving.predict_request import Limits
from components.serving.request_errors import TOO_LARGE, RequestError
from components.serving.request_values import to_logged_id, to_scalar

KEYS = ("user_id", "item_id", "event", "request_id", "value")


@dataclasses.dataclass(frozen=True)
class Action:
    """One action.

    Attributes:
      user, item: ids.
      event: its kind; None where the declared log has no such column.
      fields: `value`, `request_id` and context columns, as far as they were given.
      positive: whether the declaration counts it as a positive interaction.
    """

    user: str
    item: str
    event: str | None
    fields: Mapping[str, Any]
    positive: bool


def parse(body: bytes, launch: Launch, limits: Limits, dtypes: Mapping[str, str] | None = None) -> list[Action]:
    """Reads the actions. What is accepted here, the next run reads as it was meant.

    Args:
      body: of the request.
      launch: the declaration.
      limits: of a request.
      dtypes: of the context columns, as the served version was trained on them; None while that is not known.

    Raises:
      RequestError: naming the field, what was needed and what was got; then none of the actions counts.
    """
    values = json_body.read(body)
    check_keys(values, ("events",), "the request")
    events = values.get("events")
    if not isinstance(events, list) or not events:
        raise RequestError(f"events needs a list with at least one event, got {shown(events)}.")
    if len(events) > limits.ids:
        raise RequestError(f"events needs at most {limits.ids:,} events, got {len(events):,}.", TOO_LARGE)
    return [_action(event, launch, f"events[{place}]", dtypes or {}) for place, event in enumerate(events)]


def _action(event: object, launch: Launch, where: str, dtypes: Mapping[str, str]) -> Action:
    if not isinstance(event, dict):
        raise RequestError(f"{where} needs an object with user_id and item_id, got {shown(event)}.")
    check_keys(event, (*KEYS, *launch.log.context), where)
    for name in ("user_id", "item_id"):
        if event.get(name) in (None, ""):
            raise RequestError(f"{where}.{name} is missing.")
    user, item = (to_logged_id(event[name], f"{where}.{name}").decode() for name in ("user_id", "item_id"))
    kind = _kind(event.get("event"), launch, where)
    return Action(
        user, item, kind, _read_optional(event, launch, where, dtypes), kind is None or kind in launch.positive_events
    )


def _kind(kind: object, launch: Launch, where: str) -> str | None:
    if launch.log.event is None:
        if kind is not None:
            raise RequestError(f"{where}.event is not known: the declared log has no column for it, got {shown(kind)}.")
        return None
    if kind not in launch.positive_events:
        raise RequestError(f"{where}.event needs one of {', '.join(launch.positive_events)}, got {shown(kind)}.")
    return str(kind)


def _read_optional(
    event: Mapping[str, object], launch: Launch, where: str, dtypes: Mapping[str, str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if event.get("request_id") is not None:
        fields["request_id"] = to_logged_id(event["request_id"], f"{where}.request_id").decode()
    if event.get("value") is not None:
        fields["value"] = _value(to_scalar(event["value"], "float64", f"{where}.value"), launch, f"{where}.value")
    for name in launch.log.context:
        if event.get(name) is not None:
            fields[name] = _context(event[name], dtypes.get(input_name(name)), f"{where}.{name}")
    return fields


def _value(value: float, launch: Launch, where: str) -> float:
    """Returns a value in the declared range: the next run would quarantine any other."""
    low, high = launch.log.value_min, launch.log.value_max
    if (low is not None and value < low) or (high is not None and value > high):
        raise RequestError(f"{where} needs a number from {low} to {high}, as the log declares, got {value!r}.")
    return value


def _context(value: object, dtype: str | None, where: str) -> Any:
    """Returns a context value of the column's dtype; text or a number while no version says which."""
    if dtype == "string" or (dtype is None and isinstance(value, str)):
        return to_scalar(value, "string", where).decode()
    if dtype is not None:
        return to_scalar(value, dtype, where)
    number = to_scalar(value, "float64", where)
    return value if isinstance(value, int) else number
