"""A predict request in TF Serving's REST form: from the body to rows, from rows to the arrays that a signature takes.

Row form     {"signature_name": "rank", "instances": [{"user_id": "u1", "item_ids": ["a", "b"]}, ...]}
Column form  {"inputs": {"user_id": ["u1", ...], "item_ids": [["a", "b"], ...]}}

The smallest row is a user id. What else is missing is filled: context with "not known", `exclude_ids` with nothing,
`history` by whoever keeps histories (`None` here; an empty list says that there is none), `history_ages` with "not
known". Lists need not be of equal length: they are padded with "". Our additions to TF Serving's: `n`, `offset` and
`filters` of a recommendation (`page_request`), `log` (false: this is no impression that anyone sees).
"""

import base64
import binascii
import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence

import numpy as np

from components.declaration.request_names import FILTER
from components.serving import json_body, page_request, request_values
from components.serving.json_body import check_keys, shown
from components.serving.page_request import Page
from components.serving.request_errors import TOO_LARGE, RequestError
from components.serving.signature_input import Input

DEFAULT_SIGNATURE = "serving_default"
KEYS = ("signature_name", "instances", "inputs", *page_request.KEYS, "log")
HISTORY, USER, ITEMS, EXCLUDED, EXAMPLES = "history", "user_id", "item_ids", "exclude_ids", "examples"
AGES, WITH_AGES, PAGE = "history_ages", "recommend_with_ages", "recommend_page"
OPTIONAL_LISTS = (HISTORY, EXCLUDED, AGES)
UNKNOWN_AGE = -1.0
Row = dict[str, typing.Any]


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a request may hold: bytes of its body, rows, ids in each list, items to rank in all its rows together."""

    body_bytes: int = 1_000_000
    rows: int = 256
    ids: int = 1_000
    ranked: int = 20_000


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """A parsed predict request.

    Attributes:
      signature: the signature's name.
      rows: per row, input name to value: bytes, number, or list of bytes; `history` may be None (not given).
      columns: whether the answer is wanted in column form.
      page: which part of a recommendation is wanted.
      log: whether the answers are shown to someone.
    """

    signature: str
    rows: list[Row]
    columns: bool
    page: Page
    log: bool


def parse(body: bytes, signatures: Mapping[str, Sequence[Input]], limits: Limits) -> PredictRequest:
    """Reads a request.

    Raises:
      RequestError: naming the field, what was needed and what was got.
    """
    values = json_body.read(body)
    check_keys(values, KEYS, "the request")
    signature = values.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(signature, str) or signature not in signatures:
        raise RequestError(f"signature_name needs one of {', '.join(sorted(signatures))}, got {shown(signature)}.")
    inputs = {tensor.name: tensor for tensor in signatures[signature]}
    if signature == DEFAULT_SIGNATURE and WITH_AGES in signatures:  # a recommendation may give them, too
        inputs |= {tensor.name: tensor for tensor in signatures[WITH_AGES] if tensor.name == AGES}
    columns = "inputs" in values
    if columns == ("instances" in values):
        raise RequestError("the request needs either instances (rows) or inputs (columns).")
    raw = _transpose(values["inputs"], inputs, limits) if columns else _instances(values["instances"], inputs, limits)
    where = "inputs" if columns else "instances"
    rows = [_row(row, inputs, f"{where}[{place}]", limits) for place, row in enumerate(raw)]
    _check_ranked(rows, inputs, limits)
    return PredictRequest(signature, rows, columns, _page(values, signature), _flag(values.get("log", True)))


def choose_signature(request: PredictRequest, signatures: Mapping[str, Sequence[Input]]) -> str:
    """Returns the signature that answers: for a recommendation that of pages, or the one that weighs by ages, where it is needed and known."""
    if request.signature != DEFAULT_SIGNATURE:
        return request.signature
    if PAGE in signatures and "n" in request.rows[0]:
        return PAGE
    has_ages = WITH_AGES in signatures and any(row.get(AGES) for row in request.rows)
    return WITH_AGES if has_ages else DEFAULT_SIGNATURE


def arrays(rows: Sequence[Row], inputs: Sequence[Input]) -> dict[str, np.ndarray]:
    """Returns the rows as a signature takes them: [rows] or [rows, longest] per input, lists padded with b"", ages with -1.

    An input that a row lacks is not known: versions of two arms may differ in their columns.
    """
    return {
        tensor.name: _ages(rows) if tensor.name == AGES else _array([_fill(row, tensor) for row in rows], tensor)
        for tensor in inputs
    }


def _fill(row: Row, each: Input) -> typing.Any:
    if each.name in row:
        return row[each.name]
    if each.rank == 1:
        return request_values.BLANK[each.dtype]
    return [] if each.dtype == "string" else [math.nan] * 2


def _ages(rows: Sequence[Row]) -> np.ndarray:
    """Returns the ages of the histories, as wide as these: [rows, longest] float32."""
    padded = np.full((len(rows), max((len(row[HISTORY]) for row in rows), default=0)), UNKNOWN_AGE, np.float32)
    for place, row in enumerate(rows):
        ages = (row.get(AGES) or [])[: len(row[HISTORY])]
        padded[place, : len(ages)] = ages
    return padded


def _array(values: list, each: Input) -> np.ndarray:
    if each.rank == 1:
        return np.array(values, object if each.dtype == "string" else each.dtype)
    if each.dtype != "string":
        return np.array(values, each.dtype).reshape(len(values), -1)
    padded = np.full((len(values), max(map(len, values), default=0)), b"", object)
    for place, ids in enumerate(values):
        padded[place, : len(ids)] = ids
    return padded


def _instances(value: object, wanted: Mapping[str, Input], limits: Limits) -> list:
    if not isinstance(value, list):
        raise RequestError(f"instances needs a list, got {shown(value)}.")
    _check_rows(len(value), "instances", limits)
    return [_to_object(row, wanted) for row in value]


def _to_object(value: object, wanted: Mapping[str, Input]) -> object:
    """Returns a row as an object; a signature with one input takes its bare value, too."""
    return (
        {next(iter(wanted)): value} if len(wanted) == 1 and (not isinstance(value, dict) or "b64" in value) else value
    )


def _transpose(value: object, wanted: Mapping[str, Input], limits: Limits) -> list:
    """Columns to rows; the user ids or items say how many."""
    columns = {next(iter(wanted)): value} if len(wanted) == 1 and not isinstance(value, dict) else value
    if not isinstance(columns, dict):
        raise RequestError(f"inputs needs an object of columns, got {shown(value)}.")
    check_keys(columns, wanted, "inputs")
    for name, column in columns.items():
        if not isinstance(column, list):
            raise RequestError(f"inputs.{name} needs a list with a value per row, got {shown(column)}.")
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise RequestError(
            f"inputs needs columns of one length, got {', '.join(f'{name}: {size:,}' for name, size in sizes.items())}."
        )
    _check_rows(max(sizes.values(), default=0), "inputs", limits)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _check_rows(count: int, where: str, limits: Limits) -> None:
    if not count:
        raise RequestError(f"{where} needs at least one row, got none.")
    if count > limits.rows:
        raise RequestError(f"{where} needs at most {limits.rows:,} rows, got {count:,}.", TOO_LARGE)


def _check_ranked(rows: Sequence[Row], wanted: Mapping[str, Input], limits: Limits) -> None:
    """Checks the number of scores, one per objective and item: a small request could need a large answer."""
    if ITEMS in wanted and wanted[ITEMS].rank == 2:
        count = sum(len(row[ITEMS]) for row in rows)
        if count > limits.ranked:
            raise RequestError(
                f"{ITEMS} needs at most {limits.ranked:,} ids in all rows together, got {count:,}.", TOO_LARGE
            )


def _row(value: object, wanted: Mapping[str, Input], where: str, limits: Limits) -> Row:
    if not isinstance(value, dict):
        raise RequestError(f"{where} needs an object with {', '.join(sorted(wanted))}, got {shown(value)}.")
    check_keys(value, wanted, where)
    return {name: _value(value, tensor, f"{where}.{name}", limits) for name, tensor in wanted.items()}


def _value(row: Mapping[str, object], each: Input, where: str, limits: Limits) -> object:
    value = row.get(each.name)
    if each.rank == 2:
        return _list(value, each, where, limits)
    if each.name in (USER, ITEMS, EXAMPLES):
        if value is None:
            raise RequestError(f"{where} is missing.")
        if each.name == EXAMPLES:
            return _example(value, where)
        if each.name == USER and value != "":
            return request_values.to_logged_id(value, where)  # "" is nobody, whose answers are not logged
        return request_values.to_id(value, where)
    return request_values.to_scalar(value, each.dtype, where)


def _list(value: object, each: Input, where: str, limits: Limits) -> list | None:
    """Reads a list per row: ids, or the ages of the history."""
    if value is None and each.name == HISTORY:
        return None
    if value is None and each.name not in OPTIONAL_LISTS and not each.name.startswith(FILTER):
        raise RequestError(f"{where} is missing: it needs a list of ids.")
    if each.name == AGES:
        return request_values.to_numbers(value, where, limits.ids, UNKNOWN_AGE)
    if each.dtype != "string":
        return _to_range(value, where)
    return request_values.to_ids(value, where, limits.ids)


def _to_range(value: object, where: str) -> list[float]:
    """Reads the two ends of a filter by a number; null is an open end."""
    numbers = request_values.to_numbers(value, where, 2, math.nan) or [math.nan] * 2
    if len(numbers) != 2:
        raise RequestError(f"{where} needs the two ends of a range, got {shown(value)}.")
    return numbers


def _example(value: object, where: str) -> bytes:
    """Bytes in TF Serving's spelling: {"b64": "..."}."""
    if not isinstance(value, dict) or set(value) != {"b64"} or not isinstance(value["b64"], str):
        raise RequestError(f'{where} needs bytes as {{"b64": "..."}}, got {shown(value)}.')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(f"{where}.b64 needs base64, got {shown(value['b64'])}.") from error


def _page(values: Mapping[str, typing.Any], signature: str) -> Page:
    page = page_request.parse(values)
    if page != Page() and signature != DEFAULT_SIGNATURE:
        raise RequestError(f"{', '.join(page_request.KEYS)} belong to {DEFAULT_SIGNATURE}, got {shown(signature)}.")
    return page


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise RequestError(f"log needs true or false, got {shown(value)}.")
