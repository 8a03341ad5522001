"""Checks that any field of a declaration may need: its type, a share, a moment, a positive number."""

import collections.abc
import dataclasses
import datetime as dt
import math
import typing

from components.errors import DeclarationError


def check_types(record: typing.Any, prefix: str) -> None:
    """Checks that each field holds the type it declares, and goes into nested declarations."""
    hints = typing.get_type_hints(type(record))
    for name in (field.name for field in dataclasses.fields(record)):
        _check_type(getattr(record, name), hints[name], f"{prefix}.{name}")


def _check_type(value: typing.Any, hint: typing.Any, field: str) -> None:
    if typing.get_origin(hint) is collections.abc.Mapping:
        _check_mapping(value, field)
        return
    allowed = typing.get_args(hint) if typing.get_origin(hint) is not tuple else ()
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            raise DeclarationError(field, value, "a tuple", "A tuple of one ends in a comma: ('click',).")
        for index, part in enumerate(value):
            _check_type(part, typing.get_args(hint)[0], f"{field}[{index}]")
        return
    kinds = tuple(kind for kind in allowed or (hint,))
    if float in kinds:
        kinds += (int,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        needed = " or ".join(
            "nothing" if kind is type(None) else _with_article(kind.__name__) for kind in allowed or (hint,)
        )
        raise DeclarationError(field, value, needed)
    if isinstance(value, float) and not math.isfinite(value):
        raise DeclarationError(field, value, "a finite number")
    if dataclasses.is_dataclass(value):
        check_types(value, field)


def _check_mapping(value: typing.Any, field: str) -> None:
    """Checks that JSON keeps the values unchanged: they travel to the steps as JSON."""
    if not isinstance(value, collections.abc.Mapping):
        raise DeclarationError(field, value, "a dictionary")
    for name, part in value.items():
        if not isinstance(name, str) or not isinstance(part, str | int | float | bool | None):
            needed = "text, a number, true or false, or None under a name"
            raise DeclarationError(f"{field}[{name!r}]", part, needed)


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"


def check_share(field: str, share: float) -> None:
    """Raises `DeclarationError` unless the value lies in [0, 1]."""
    if not 0 <= share <= 1:
        raise DeclarationError(field, share, "a number from 0 to 1")


def check_moment(field: str, moment: str) -> None:
    """Raises `DeclarationError` unless the text is ISO 8601."""
    try:
        dt.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    except ValueError as error:
        raise DeclarationError(field, moment, "ISO 8601, like 2026-01-31T00:00:00Z") from error


def check_not_empty(record: typing.Any, prefix: str) -> None:
    """Rejects an empty name: it would mean "not declared" in one check and a column in another."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value == "" or (isinstance(value, tuple) and "" in value and field.name != "missing_ids"):
            raise DeclarationError(
                f"{prefix}.{field.name}", value, "names that are not empty" if value else "a name that is not empty"
            )


def check_positive(field: str, value: float) -> None:
    """Raises `DeclarationError` unless the value is above 0."""
    if value <= 0:
        raise DeclarationError(field, value, "a number above 0")


def check_at_least(field: str, value: float, least: float) -> None:
    """Raises `DeclarationError` unless the value reaches the least allowed one."""
    if value < least:
        raise DeclarationError(field, value, f"a number of at least {least:g}")
