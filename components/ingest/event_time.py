"""Times of a log, in whatever unit they are declared, as microseconds since 1970 in UTC."""

import pyarrow as pa
import pyarrow.compute as pc

MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
DAY = 86_400 * MICROSECONDS["s"]
# The years 1 to 9999. A wrong unit (milliseconds declared as seconds) ends beyond them, and so does what int64 cannot
# hold.
_EARLIEST, _LATEST = -62_135_596_800 * 1_000_000, 253_402_300_800 * 1_000_000 - 1

NUMBER_TEXT = r"^\s*-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$"
_ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)$"
_ISO = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"


def to_microseconds(values: pa.Array, unit: str) -> pa.Array:
    """Times as microseconds since the epoch, UTC; null where the value is missing or cannot be read in this unit.

    Args:
      values: [rows] timestamps (any unit word), epoch numbers or their text, or ISO 8601 text; without a zone it is
        UTC.
      unit: "s", "ms", "us" or "iso".

    Returns:
      [rows] int64. Fractions of a microsecond are dropped in text and timestamps and rounded in epoch floats.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        times = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
    elif unit == "iso":
        times = _from_iso(values) if pa.types.is_string(kind) else pa.nulls(len(values), pa.int64())
    elif pa.types.is_string(kind):
        times = _from_number_text(values, unit)
    elif pa.types.is_int64(kind) or pa.types.is_float64(kind):
        times = _from_numbers(values, unit)
    else:
        times = pa.nulls(len(values), pa.int64())
    return _where(pc.and_(pc.greater_equal(times, _EARLIEST), pc.less_equal(times, _LATEST)), times)


def _from_numbers(values: pa.Array, unit: str) -> pa.Array:
    factor = MICROSECONDS[unit]
    number = float if pa.types.is_float64(values.type) else int
    fits = pc.and_(
        pc.greater_equal(values, pa.scalar(number(_EARLIEST // factor))),
        pc.less_equal(values, pa.scalar(number(_LATEST // factor))),
    )
    scaled = pc.multiply(_where(fits, values), factor)
    return pc.round(scaled).cast(pa.int64()) if pa.types.is_float64(values.type) else scaled


def _from_number_text(values: pa.Array, unit: str) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    whole = pc.match_substring_regex(trimmed, r"^-?\d{1,18}$")
    other = pc.and_(pc.invert(whole), pc.match_substring_regex(trimmed, NUMBER_TEXT))
    exact = _from_numbers(_where(whole, trimmed).cast(pa.int64()), unit)
    return pc.coalesce(exact, _from_numbers(_where(other, trimmed).cast(pa.float64()), unit))


def _from_iso(values: pa.Array) -> pa.Array:
    texts = pc.replace_substring_regex(pc.utf8_trim_whitespace(values), r"(\.\d{6})\d+", r"\1")
    texts = _where(pc.match_substring_regex(texts, _ISO), texts)
    # A date alone ends in "-31", which the pattern of a zone would take for an offset.
    zoned = pc.and_(pc.match_substring_regex(texts, _ZONE), pc.greater(pc.utf8_length(texts), 10))
    return pc.coalesce(
        _cast_or_null(_where(zoned, texts), pa.timestamp("us", "UTC")),
        _cast_or_null(_where(pc.invert(zoned), texts), pa.timestamp("us")),
    )


def _cast_or_null(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Casts all at once; where one date is impossible (30 February) value by value, to find it."""
    try:
        return texts.cast(kind).cast(pa.int64())
    except pa.ArrowInvalid:
        return pa.concat_arrays([_cast_one(texts.slice(at, 1), kind) for at in range(len(texts))])


def _cast_one(text: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return text.cast(kind).cast(pa.int64())
    except pa.ArrowInvalid:
        return pa.nulls(1, pa.int64())


def _where(keep: pa.Array, values: pa.Array) -> pa.Array:
    """The values where `keep` is true, null elsewhere."""
    return pc.if_else(keep, values, pa.scalar(None, values.type))
