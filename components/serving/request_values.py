"""Single values of a request: JSON to what a signature's input takes, or an error that names the field."""

import math
import typing

from components.features.item_table import MISSING_INT
from components.serving.json_body import shown
from components.serving.request_errors import TOO_LARGE, RequestError

MAX_ID_BYTES = 512
# What stands for a missing value, by dtype: the served graph takes it as nothing known.
BLANK: dict[str, typing.Any] = {
    "string": b"",
    "int64": MISSING_INT,
    "int32": 0,
    "float32": math.nan,
    "float64": math.nan,
    "bool": False,
}
_INTEGERS = {"int64": 64, "int32": 32}


def to_id(value: object, where: str) -> bytes:
    """Returns an id: text, or an integer as its decimal text, as in the log."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise RequestError(f"{where} needs an id (text or an integer), got {shown(value)}.")
    return _check_size(_encode(value, where), where)


def to_logged_id(value: object, where: str) -> bytes:
    """Returns an id that the next run can read back from the traffic log: not blank, no control characters."""
    encoded = to_id(value, where)
    text = encoded.decode()
    if not text.strip():
        raise RequestError(f"{where} needs an id that is not blank, got {shown(text)}.")
    _check_controls(text, where)
    return encoded


def _check_controls(text: str, where: str) -> None:
    """Checks for control characters: a log line with an escaped one is not read back."""
    if not text.isprintable() and any(letter < " " for letter in text):
        raise RequestError(f"{where} needs text without control characters, got {shown(text)}.")


def to_ids(value: object, where: str, most: int) -> list[bytes]:
    """Returns a list of ids; null counts as an empty list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RequestError(f"{where} needs a list of ids, got {shown(value)}.")
    if len(value) > most:
        raise RequestError(f"{where} needs at most {most:,} ids, got {len(value):,}.", TOO_LARGE)
    return [to_id(element, f"{where}[{place}]") for place, element in enumerate(value)]


def to_numbers(value: object, where: str, most: int, blank: float) -> list[float]:
    """Parses a list of numbers; null is an empty list, and `blank` inside a list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RequestError(f"{where} needs a list of numbers, got {shown(value)}.")
    if len(value) > most:
        raise RequestError(f"{where} needs at most {most:,} numbers, got {len(value):,}.", TOO_LARGE)
    numbers = [to_scalar(element, "float32", f"{where}[{place}]") for place, element in enumerate(value)]
    return [blank if math.isnan(number) else number for number in numbers]


def to_scalar(value: object, dtype: str, where: str) -> typing.Any:
    """Returns a context value of the input's dtype; null counts as missing."""
    if value is None:
        return BLANK[dtype]
    if dtype == "string":
        if not isinstance(value, str):
            raise RequestError(f"{where} needs text, got {shown(value)}.")
        _check_controls(value, where)
        return _check_size(_encode(value, where), where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestError(f"{where} needs a number, got {shown(value)}.")
    return _whole(value, _INTEGERS[dtype], where) if dtype in _INTEGERS else _real(value, where)


def _whole(value: int | float, bits: int, where: str) -> int:
    if isinstance(value, float) or not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise RequestError(f"{where} needs an integer of {bits} bits, got {shown(value)}.")
    return value


def _real(value: float, where: str) -> float:
    if abs(value) > 3.4e38:  # float32's largest; an integer may not even be a float
        raise RequestError(f"{where} needs a number that a float32 holds, got {shown(value)}.")
    return float(value)


def _encode(text: str, where: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(f"{where} needs valid Unicode text, got half a surrogate pair: {shown(text)}.") from error


def _check_size(encoded: bytes, where: str) -> bytes:
    if len(encoded) > MAX_ID_BYTES:
        raise RequestError(f"{where} needs at most {MAX_ID_BYTES} bytes, got {len(encoded):,}.", TOO_LARGE)
    return encoded
