"""The body of `POST /v1/items/withhold` and `/v1/items/release`: `{"item_ids": ["i7", ...], "until": "2026-01-31T18:00"}`."""

import dataclasses
import json

from components.registry import withheld
from components.registry.withheld import WithheldItems
from components.serving import json_body
from components.serving.json_body import check_keys, shown
from components.serving.predict_request import Limits
from components.serving.request_errors import BUSY, TOO_LARGE, RequestError
from components.serving.request_values import to_logged_id

WITHHOLD, RELEASE = "withhold", "release"


@dataclasses.dataclass(frozen=True)
class ItemRequest:
    """The items, and when they come back: seconds since the epoch, None for never."""

    items: tuple[str, ...]
    until: float | None = None


def parse(body: bytes, action: str, limits: Limits) -> ItemRequest:
    """Reads a request.

    Raises:
      RequestError: naming the field, what was needed and what was got.
    """
    values = json_body.read(body)
    check_keys(values, ("item_ids", "until") if action == WITHHOLD else ("item_ids",), "the request")
    ids = values.get("item_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= limits.ids:
        raise RequestError(f"item_ids needs a list of 1 to {limits.ids:,} ids, got {shown(ids)}.")
    items = tuple(to_logged_id(item, f"item_ids[{place}]").decode() for place, item in enumerate(ids))
    until = values.get("until")
    if until is not None and not isinstance(until, str):
        raise RequestError(f"until needs a time such as 2026-01-31T18:00, got {shown(until)}.")
    try:
        return ItemRequest(items, None if until is None else withheld.to_moment(until))
    except withheld.WithheldError as error:
        raise RequestError(str(error)) from error


def change(body: bytes, action: str, limits: Limits, held: WithheldItems) -> bytes:
    """Withholds or releases items, in every server of the folder; returns how many are withheld then.

    Raises:
      RequestError: for what is wrong with the request, or where the folder of the versions cannot be written.
    """
    change = parse(body, action, limits)
    try:
        hides, folder = action == WITHHOLD, held.folder
        items = (
            withheld.withhold(folder, change.items, change.until) if hides else withheld.release(folder, change.items)
        )
    except withheld.WithheldError as error:
        raise RequestError(str(error), TOO_LARGE) from error
    except OSError as error:
        raise RequestError(f"the folder of the versions cannot be written: {error.strerror}.", BUSY) from error
    held.look_now()
    return json.dumps({"withheld": len(items)}).encode()


def describe(held: WithheldItems) -> bytes:
    """Returns the withheld items, and when each comes back; raises `RequestError` where the file cannot be understood."""
    try:
        items = withheld.read(held.folder)
    except withheld.WithheldError as error:
        raise RequestError(str(error), BUSY) from error
    return json.dumps({"items": {item: withheld.to_text(until) for item, until in items.items()}}).encode()
