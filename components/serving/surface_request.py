"""The bodies of `POST /v1/similar` and `POST /v1/lists/RULE`, one answer each; only `item_ids` is needed, and only for the first.

{"item_ids": ["i7"], "user_id": "u1", "n": 6, "offset": 0, "filters": {"category": "shoes"}, "exclude_ids": ["i9"],
 "context": {"device": "mobile"}, "log": true}
"""

from collections.abc import Mapping
from typing import Any

from components.declaration import Launch
from components.declaration.request_names import input_name
from components.serving import json_body, page_request, request_values
from components.serving.json_body import check_keys, shown
from components.serving.page_request import Chooses
from components.serving.predict_request import EXCLUDED, ITEMS, USER, Limits, PredictRequest, Row
from components.serving.request_errors import NOT_FOUND, RequestError

SIMILAR, LIST, RULE, ANSWERED_BY = "similar_items", "list_items", "rule", "answered_by"
COMMON = (USER, EXCLUDED, "context", *page_request.KEYS, "log")


def parse(
    body: bytes, signature: str, model: Chooses, launch: Launch, limits: Limits, rule: str = ""
) -> PredictRequest:
    """Reads a request into one row of `similar_items` or `list_items`.

    Args:
      body: of the request; an empty one is an empty object.
      signature: one of the two.
      model: that answers.
      launch: the declaration.
      limits: of a request.
      rule: the list, of `list_items`.

    Raises:
      RequestError: naming the field, what was needed and what was got.
    """
    values = json_body.read(body or b"{}")
    check_keys(values, (ITEMS, *COMMON) if signature == SIMILAR else COMMON, "the request")
    page = page_request.parse(values)
    row: Row = {USER: b"", EXCLUDED: request_values.to_ids(values.get(EXCLUDED), EXCLUDED, limits.ids)}
    if values.get(USER) not in (None, ""):
        row[USER] = request_values.to_logged_id(values[USER], USER)
    row |= page_request.to_inputs(page, signature, model, launch) | {"n": page.n or launch.model.top_k}
    row |= _items(values, limits) if signature == SIMILAR else {RULE: _rule(rule, model)}
    row |= _context(values.get("context"), signature, model, launch)
    log = values.get("log", True)
    if not isinstance(log, bool):
        raise RequestError(f"log needs true or false, got {shown(log)}.")
    return PredictRequest(signature, [row], columns=False, page=page, log=log)


def _items(values: Mapping[str, Any], limits: Limits) -> Row:
    items = request_values.to_ids(values.get(ITEMS), ITEMS, limits.ids)
    if not items:
        raise RequestError(
            f"{ITEMS} needs the ids of the items that others should be like, got {shown(values.get(ITEMS))}."
        )
    return {ITEMS: items}


def _rule(rule: str, model: Chooses) -> bytes:
    rules = model.choices().get("rules", ())
    if rule not in rules:
        raise RequestError(
            f"there is no list {rule!r} in version {model.number}; there are {', '.join(rules)}.", NOT_FOUND
        )
    return rule.encode()


def _context(value: object, signature: str, model: Chooses, launch: Launch) -> Row:
    """Returns the declared context columns; what the request leaves out is not known."""
    if value is not None and not isinstance(value, dict):
        raise RequestError(f"context needs an object of context columns, got {shown(value)}.")
    values: Mapping[str, object] = value or {}
    check_keys(values, launch.log.context, "context")
    dtypes = {tensor.name: tensor.dtype for tensor in model.inputs[signature]}
    named = {name: input_name(name) for name in launch.log.context}
    return {
        column: request_values.to_scalar(values.get(name), dtypes[column], f"context.{name}")
        for name, column in named.items()
        if column in dtypes
    }
