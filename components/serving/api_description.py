"""The OpenAPI description of bodies and answers, from the declaration. The parsers do the checks, and name the field."""

from typing import Any

from components.declaration import Launch
from components.serving.access import FORBIDDEN, UNAUTHORIZED, UNSUPPORTED
from components.serving.page_request import LAST_OFFSET, MOST, MOST_VALUES
from components.serving.predict_request import DEFAULT_SIGNATURE, EXCLUDED, HISTORY, ITEMS, USER, Limits
from components.serving.request_errors import BAD_REQUEST, BUSY, NOT_FOUND, SLOW_CALLER, TIMED_OUT, TOO_LARGE
from components.serving.request_values import MAX_ID_BYTES

JSON = "application/json"
Schema = dict[str, Any]
ID: Schema = {"oneOf": [{"type": "string", "maxLength": MAX_ID_BYTES}, {"type": "integer"}]}
CONTEXT: Schema = {
    "type": ["string", "number", "null"],
    "description": "text or a number, as the log has it; null is not known",
}
ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
LOG: Schema = {"type": "boolean", "default": True, "description": "false: nobody sees this, so it is no impression"}
_SAID = {
    UNAUTHORIZED: "the server wants a token for what writes",
    FORBIDDEN: "a Host or an Origin that this server does not serve",
    UNSUPPORTED: "what writes must be application/json",
    BAD_REQUEST: "what was needed, where, and what was found there",
    NOT_FOUND: "no such model or list, or a version that does not serve, or that cannot answer this",
    SLOW_CALLER: "the body did not arrive in time",
    TOO_LARGE: "more bytes, rows or ids than the server takes",
    BUSY: "no version is loaded yet, or too many requests wait",
    TIMED_OUT: "no answer in time",
}

_GUARDED = (UNAUTHORIZED, FORBIDDEN, UNSUPPORTED)


def predict(launch: Launch, limits: Limits) -> Schema:
    """Describes a predict request and its answers: the row form, the column form, our additions to TF Serving's."""
    ids = {"type": "array", "items": ID, "maxItems": limits.ids}
    values: Schema = {USER: ID, HISTORY: ids, EXCLUDED: ids} | dict.fromkeys(launch.log.context, CONTEXT)
    row: Schema = {"type": "object", "additionalProperties": False, "required": [USER], "properties": values}
    other: Schema = {
        "type": "object",
        "description": "a row as another signature takes it, see /metadata",
        "properties": {ITEMS: ids},
    }
    columns = {name: {"type": "array", "items": value} for name, value in values.items()}
    body = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "signature_name": {
                "anyOf": [{"const": DEFAULT_SIGNATURE}, {"type": "string"}],
                "default": DEFAULT_SIGNATURE,
            },
            "instances": {"type": "array", "items": {"anyOf": [row, other]}, "minItems": 1, "maxItems": limits.rows},
            "inputs": {"type": "object", "properties": columns},
            **_page(launch),
            "log": LOG,
        },
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
        "example": {"instances": [{USER: "u00012"}]},
    }
    answer: Schema = {"predictions": {"type": "array"}, "outputs": {}, "model_version": {"type": "string"}}
    answer |= {name: {"type": "array", "items": {"type": "string"}} for name in ("request_ids", "policies")}
    return _describe_routes(body, {"type": "object", "properties": answer, "required": ["model_version"]}, tuple(_SAID))


def events(launch: Launch, limits: Limits) -> Schema:
    """Describes a request that reports actions, and its answer."""
    kinds: Schema = {"enum": list(launch.positive_events)} if launch.log.event else {"type": "null"}
    values: Schema = {"user_id": ID, "item_id": ID, "event": kinds, "request_id": ID, "value": {"type": "number"}}
    needed = ["user_id", "item_id", *(["event"] if launch.log.event else [])]
    event = {
        "type": "object",
        "additionalProperties": False,
        "required": needed,
        "properties": values | dict.fromkeys(launch.log.context, CONTEXT),
    }
    listed = {"type": "array", "items": event, "minItems": 1, "maxItems": limits.ids}
    body: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["events"],
        "properties": {"events": listed},
    }
    example = {"user_id": "u00012", "item_id": "i00411"} | (
        {"event": launch.positive_events[0]} if launch.log.event else {}
    )
    body["example"] = {"events": [example]}
    answer = {"type": "object", "required": ["accepted"], "properties": {"accepted": {"type": "integer"}}}
    return _describe_routes(body, answer, (BAD_REQUEST, *_GUARDED, SLOW_CALLER, TOO_LARGE, BUSY, TIMED_OUT))


def items(limits: Limits) -> tuple[Schema, Schema]:
    """Items to withhold, and to release."""
    ids = {"type": "array", "items": ID, "minItems": 1, "maxItems": limits.ids}
    until = {"type": ["string", "null"], "description": "when they come back: ISO 8601, UTC where it names no zone"}
    answer: Schema = {"type": "object", "required": ["withheld"], "properties": {"withheld": {"type": "integer"}}}
    refusals = (BAD_REQUEST, *_GUARDED, SLOW_CALLER, TOO_LARGE, BUSY, TIMED_OUT)
    bodies = [
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["item_ids"],
            "properties": properties,
            "example": {"item_ids": ["i00411"]},
        }
        for properties in ({"item_ids": ids, "until": until}, {"item_ids": ids})
    ]
    withhold, release = (_describe_routes(body, answer, refusals) for body in bodies)
    return withhold, release


def surfaces(launch: Launch, limits: Limits) -> tuple[Schema, Schema]:
    """Items like these, and the list of a rule."""
    ids = {"type": "array", "items": ID, "maxItems": limits.ids}
    context = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": dict.fromkeys(launch.log.context, CONTEXT),
    }
    values = {USER: ID, EXCLUDED: ids, "context": context, **_page(launch), "log": LOG}
    body: Schema = {"type": "object", "additionalProperties": False, "properties": values, "example": {"n": 6}}
    similar = body | {
        "required": [ITEMS],
        "properties": {ITEMS: ids | {"minItems": 1}} | values,
        "example": {ITEMS: ["i00411"], "n": 6},
    }
    texts: Schema = {name: {"type": "string"} for name in ("model_version", "request_id", "policy")}
    lists: Schema = {ITEMS: {"type": "array", "items": {"type": "string"}}, "scores": {"type": "array"}}
    answer = {"type": "object", "properties": lists | texts, "required": [*lists, *texts]}
    refusals = (BAD_REQUEST, FORBIDDEN, NOT_FOUND, SLOW_CALLER, TOO_LARGE, BUSY, TIMED_OUT)
    return _describe_routes(similar, answer, refusals), _describe_routes(body, answer, refusals)


def lookup() -> Schema:
    """Describes the status or the metadata of a model."""
    return {"responses": _answers({"type": "object"}, (BAD_REQUEST, NOT_FOUND, BUSY))}


def _page(launch: Launch) -> Schema:
    """Describes the keys of a page: how many, from which rank on, of which items."""
    catalogue = launch.catalogue
    text: Schema = {"type": ["string", "integer"]}
    texts: Schema = {"anyOf": [text, {"type": "array", "items": text, "minItems": 1, "maxItems": MOST_VALUES}]}
    ends = {"type": "object", "additionalProperties": False, "minProperties": 1}
    ends |= {"properties": {end: {"type": "number"} for end in ("from", "to")}}
    columns = dict.fromkeys((*catalogue.categories, *catalogue.texts), texts) if catalogue else {}
    numbers = catalogue.numbers if catalogue else ()
    columns = {name: {"anyOf": [ends, {"type": "number"}]} for name in numbers} | columns
    return {
        "n": {"type": ["integer", "null"], "minimum": 1, "maximum": MOST, "description": "how many items"},
        "offset": {
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": LAST_OFFSET,
            "description": "the rank of the first",
        },
        "filters": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": columns,
            "description": "catalogue column to a value, several values, or a range of numbers",
        },
    }


def _describe_routes(body: Schema, answer: Schema, refusals: tuple[int, ...]) -> Schema:
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
        "responses": _answers(answer, refusals),
    }


def _answers(answer: Schema, refusals: tuple[int, ...]) -> Schema:
    refused = {str(status): {"description": _SAID[status], "content": {JSON: {"schema": ERROR}}} for status in refusals}
    return {"200": {"description": "the answer", "content": {JSON: {"schema": answer}}}, **refused}
