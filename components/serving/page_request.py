"""Which page of a ranking a request asks for: `n`, `offset` and `filters`, of recommendations, similar items and lists.

    {"n": 24, "offset": 48, "filters": {"category": ["shoes", "hats"], "brand": "lark", "price": {"from": 10, "to": 50}}}

`n` is how many items (1 to 100), `offset` at which rank they begin. A filter is a value or a list of values of a column
of the catalogue, or a range of numbers with one end open or none. The inputs of the served signatures are in
`components.registry.request_filters`.
"""

import dataclasses
import difflib
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from components.declaration import Launch
from components.declaration.request_names import filter_inputs
from components.serving.json_body import check_keys, shown
from components.serving.request_errors import NOT_FOUND, RequestError
from components.serving.request_values import to_scalar
from components.serving.signature_input import Input

KEYS = ("n", "offset", "filters")
MOST, LAST_OFFSET, MOST_VALUES = 100, 2**31 - 1, 100
NAMED = 10
Choices = Mapping[str, Sequence[Any]]


class Chooses(Protocol):
    """What a loaded version says of its filters."""

    number: int
    inputs: dict[str, tuple[Input, ...]]

    def choices(self) -> Choices:
        """Input of a filter to its values, or to its least and greatest number; `rules` to the lists."""


@dataclasses.dataclass(frozen=True)
class Page:
    """The wanted part of a ranking.

    Attributes:
      n: how many items; None for as many as an answer holds by default.
      offset: the rank of the first one, from 0.
      filters: catalogue column to what the request wants there, as JSON has it.
    """

    n: int | None = None
    offset: int = 0
    filters: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def fits(self, default: int) -> bool:
        """Returns whether the default answer, of `default` items, holds the page."""
        return not self.offset and not self.filters and (self.n or 0) <= default


def parse(values: Mapping[str, Any]) -> Page:
    """Reads the keys of a page from a request's object.

    Raises:
      RequestError: naming the field, what was needed and what was got.
    """
    n, offset, filters = values.get("n"), values.get("offset"), values.get("filters")
    if n is not None and not (_is_whole(n) and 1 <= n <= MOST):
        raise RequestError(f"n needs an integer from 1 to {MOST}, got {shown(n)}.")
    if offset is not None and not (_is_whole(offset) and 0 <= offset <= LAST_OFFSET):
        raise RequestError(f"offset needs an integer from 0 to {LAST_OFFSET}, got {shown(offset)}.")
    if filters is not None and not isinstance(filters, dict):
        raise RequestError(f"filters needs an object of catalogue columns, got {shown(filters)}.")
    return Page(n, offset or 0, filters or {})


def to_inputs(page: Page, signature: str, model: Chooses, launch: Launch) -> dict[str, Any]:
    """Returns the inputs of a page's signature, for one row: `n`, `offset`, and each filter's.

    Args:
      page: the wanted one. More than it are asked for where the default answer is larger, so that there is something to
        explore.
      signature: the one that answers.
      model: that answers.
      launch: the declaration.

    Raises:
      RequestError: if the version is older than its signature, or for what is wrong with a filter.
    """
    check_signature(signature, model)
    inputs = {tensor.name: tensor for tensor in model.inputs[signature]}
    names = {column: name for column, name in name_inputs(launch).items() if name in inputs}
    check_keys(page.filters, names, "filters")
    choices = model.choices() if page.filters else {}
    values: dict[str, Any] = {name: [] if inputs[name].dtype == "string" else [math.nan] * 2 for name in names.values()}
    for column, condition in page.filters.items():
        name, where = names[column], f"filters.{column}"
        values[name] = (
            _to_values(condition, where, choices[name], model.number)
            if inputs[name].dtype == "string"
            else _to_range(condition, where)
        )
    return values | {"n": max(page.n or 0, launch.model.top_k), "offset": page.offset}


def check_signature(signature: str, model: Chooses) -> None:
    """Raises `RequestError` if a version is older than a signature of pages."""
    if signature not in model.inputs:
        problem = (
            f"version {model.number} has no signature {signature}: it was pushed before there were pages and filters."
        )
        raise RequestError(f"{problem} Run the pipeline.", NOT_FOUND)


def describe_choices(model: Chooses, launch: Launch) -> dict[str, Any]:
    """Returns what the version's lists and filters are: names, values (the first `MOST_VALUES`), least and greatest number."""
    choices = model.choices()
    filters = {column: choices[name] for column, name in name_inputs(launch).items() if name in choices}
    values = {
        column: list(itertools.islice(values, MOST_VALUES))
        if isinstance(values, dict)
        else dict(zip(("from", "to"), (None if math.isnan(end) else end for end in values), strict=True))
        for column, values in filters.items()
    }
    return {"lists": list(choices.get("rules", ())), "filters": values}


def name_inputs(launch: Launch) -> dict[str, str]:
    """Returns the input of each column of the catalogue that the declaration lets requests filter by."""
    return filter_inputs(launch.catalogue.filterable if launch.catalogue else (), launch.log.context)


def _to_values(wanted: object, where: str, choices: Collection[str], version: int) -> list[bytes]:
    """Returns the values of a filter by text; each of them must be one that some item has."""
    listed = wanted if isinstance(wanted, list) else [wanted]
    if not 1 <= len(listed) <= MOST_VALUES:
        raise RequestError(f"{where} needs 1 to {MOST_VALUES} values, got {len(listed)}.")
    values = []
    for value in listed:
        text = str(value) if _is_whole(value) else value
        if not isinstance(text, str):
            raise RequestError(f"{where} needs a text or a list of texts, got {shown(value)}.")
        if text not in choices:
            raise RequestError(f"{where} needs a value that an item of version {version} has, {_near(text, choices)}.")
        values.append(text.encode())
    return values


def _near(text: str, choices: Collection[str]) -> str:
    """Returns what there is, in a few words: all values, or those that look like the text."""
    if len(choices) <= NAMED:
        return f"one of {', '.join(sorted(choices)) or 'none'}; got {shown(text)}"
    close = difflib.get_close_matches(text, sorted(choices)[:5_000], n=3)
    return f"such as {', '.join(close or sorted(choices)[:3])}; got {shown(text)}"


def _to_range(value: object, where: str) -> list[float]:
    """Returns the ends of a range, NaN for an open one; a number alone is a range of one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = {"from": value, "to": value}
    if not isinstance(value, dict) or not value or not set(value) <= {"from", "to"}:
        raise RequestError(f'{where} needs {{"from": NUMBER, "to": NUMBER}} or one of them, got {shown(value)}.')
    least, greatest = (to_scalar(value.get(end), "float32", f"{where}.{end}") for end in ("from", "to"))
    if math.isnan(least) and math.isnan(greatest):
        raise RequestError(f"{where} needs a number, got {shown(value)}.")
    if least > greatest:
        raise RequestError(f"{where} needs from <= to, got {shown(value)}.")
    return [least, greatest]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
