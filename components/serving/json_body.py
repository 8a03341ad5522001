"""Reads JSON as a server must: strictly, with limits, and with errors that show the invalid value."""

import json
import typing

from components.errors import first_line
from components.serving.request_errors import RequestError

SHOWN_LETTERS = 60


def read(body: bytes) -> dict[str, typing.Any]:
    """Returns the JSON object in a request's body.

    Raises:
      RequestError: if it is none.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise RequestError(f"the body needs UTF-8 text, got byte {body[error.start]:#04x} at {error.start}.") from error
    except RecursionError as error:
        raise RequestError("the body is nested too deeply.") from error
    except ValueError as error:
        raise RequestError(f"the body needs JSON: {first_line(error)}.") from error
    if not isinstance(value, dict):
        raise RequestError(f"the body needs a JSON object, got {shown(value)}.")
    return value


def shown(value: object) -> str:
    """Returns a value as an error shows it: as JSON, shortened."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN_LETTERS else text[:SHOWN_LETTERS] + "..."


def check_keys(values: typing.Mapping[str, object], allowed: typing.Collection[str], where: str) -> None:
    """Raises `RequestError` for a key that would be ignored in silence."""
    for name in values:
        if name not in allowed:
            raise RequestError(f"{where} has no {shown(name)}; it may hold {', '.join(sorted(allowed))}.")


def _refuse(name: str) -> typing.NoReturn:
    raise ValueError(f"{name} is no JSON number")
