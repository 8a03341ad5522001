"""Declarations and views as JSON text and back: keys sorted, so that equal declarations give equal text and one cache key."""

import dataclasses
import json
import typing
from collections.abc import Mapping

from components.errors import DeclarationError


def to_json(record: typing.Any) -> str:
    """Returns a declaration or view as JSON; equal records give equal text."""
    return json.dumps(_to_plain(type(record), record), sort_keys=True)


def from_json(kind: typing.Any, text: str, prefix: str) -> typing.Any:
    """Builds a declaration or view from the text of `to_json`.

    Args:
      kind: its class.
      text: JSON.
      prefix: what messages call it, such as "launch".

    Raises:
      DeclarationError: for a field that the class does not have, or a wrong value.
    """
    return _build(kind, json.loads(text), prefix)


def _build(kind: typing.Any, values: dict[str, typing.Any], prefix: str) -> typing.Any:
    hints = typing.get_type_hints(kind)
    for name, value in values.items():
        if name not in hints:
            raise DeclarationError(f"{prefix}.{name}", value, f"to be one of the fields {', '.join(hints)}")
    return kind(**{name: _from_plain(hints[name], value, f"{prefix}.{name}") for name, value in values.items()})


def _from_plain(hint: typing.Any, value: typing.Any, prefix: str) -> typing.Any:
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    if typing.get_origin(hint) is tuple:
        return tuple(_from_plain(options[0], part, prefix) for part in value)
    if value is None:
        return None
    kinds = [kind for kind in options or [hint] if dataclasses.is_dataclass(kind)]
    if not kinds or not isinstance(value, dict):
        return value
    fitting = [kind for kind in kinds if set(value) <= set(typing.get_type_hints(kind))]
    return _build((fitting or kinds)[0], value, prefix)


def _to_plain(hint: typing.Any, value: typing.Any) -> typing.Any:
    """Returns plain JSON values; a weight of 1 and one of 1.0 are equal, so they become the same text."""
    if dataclasses.is_dataclass(value):
        hints = typing.get_type_hints(type(value))
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _to_plain(hints[name], getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return dict(value)
    if typing.get_origin(hint) is tuple:
        return [_to_plain(typing.get_args(hint)[0], part) for part in value]
    return float(value) if value is not None and float in (hint, *typing.get_args(hint)) else value
