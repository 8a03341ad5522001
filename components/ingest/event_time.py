"""Times of a log, in whatever unit they are declared, as microseconds since 1970 in UTC."""

import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import time_format

MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
# Nanoseconds, and the days since 30 December 1899 that spreadsheets count.
NANOSECONDS, EXCEL_DAYS = "ns", "excel"
DAY = 86_400 * MICROSECONDS["s"]
# The years 1 to 9999. A wrong unit (milliseconds declared as seconds) ends beyond them, and so does what int64 cannot
# hold.
_EARLIEST, _LATEST = -62_135_596_800 * 1_000_000, 253_402_300_800 * 1_000_000 - 1

NUMBER_TEXT = r"^\s*-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$"
_ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)$"
EXCEL_EPOCH = -25_569  # 30 December 1899, in days since 1970
_ISO = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"


def to_microseconds(values: pa.Array, unit: str, form: str | None = None) -> pa.Array:
    """Times as microseconds since the epoch, UTC; null where the value is missing or cannot be read in this unit.

    Args:
      values: [rows] timestamps (any unit word), epoch numbers or their text, or ISO 8601 text; without a zone it is
        UTC.
      unit: "s", "ms", "us", "ns", "excel" or "iso".
      form: of text, see `components.declaration.time_format`; None for ISO 8601.

    Returns:
      [rows] int64. Fractions of a microsecond are dropped in text and timestamps and rounded in epoch floats.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        times = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
    elif form is not None:
        times = _from_form(values, form) if not pa.types.is_float64(kind) else pa.nulls(len(values), pa.int64())
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
    if unit == NANOSECONDS:
        return pc.divide(values, pa.scalar(1000, values.type)).cast(pa.int64(), safe=False)
    if unit == EXCEL_DAYS:
        days = _where(pc.and_(pc.greater(values, 0), pc.less(values, 2_958_466)), values).cast(pa.float64())
        return pc.round(pc.multiply(pc.add(days, EXCEL_EPOCH), DAY)).cast(pa.int64())
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
    texts = _plain_iso(pc.utf8_trim_whitespace(values))
    texts = _where(pc.match_substring_regex(texts, _ISO), texts)
    # A date alone ends in "-31", which the pattern of a zone would take for an offset.
    zoned = pc.and_(pc.match_substring_regex(texts, _ZONE), pc.greater(pc.utf8_length(texts), 10))
    return pc.coalesce(
        _cast_or_null(_where(zoned, texts), pa.timestamp("us", "UTC")),
        _cast_or_null(_where(pc.invert(zoned), texts), pa.timestamp("us")),
    )


def _plain_iso(texts: pa.Array) -> pa.Array:
    """Without what other writers add: " UTC" and " +0100" behind a blank, a comma before the fraction, more than six digits of it."""
    texts = pc.replace_substring_regex(texts, r"(:\d{2}),(\d)", r"\1.\2")
    texts = pc.replace_substring_regex(texts, r"(\.\d{6})\d+", r"\1")
    texts = pc.replace_substring_regex(texts, r"(:\d{2}(\.\d+)?) ?(UTC|GMT)$", r"\1Z")
    return pc.replace_substring_regex(texts, r"(:\d{2}(\.\d+)?) ([+-]\d{2}:?\d{2})$", r"\1\3")


def _from_form(values: pa.Array, form: str) -> pa.Array:
    """Text (or integers, such as 20260131) in a declared form: its parts are put together as ISO 8601."""
    match = pc.extract_regex(values.cast(pa.string()), time_format.expression(form))
    parts = dict(zip([field.name for field in match.type], match.flatten(), strict=True))
    year = parts.get("year")
    if year is None:  # As strptime has it: 69 to 99 are of the last century.
        short = parts["short_year"]
        year = pc.binary_join_element_wise(pc.if_else(pc.greater_equal(short, "69"), "19", "20"), short, "")
    pieces = [year, _month(parts), pc.utf8_lpad(parts["day"], 2, "0")]
    day = pc.binary_join_element_wise(*pieces, "-")
    clock = pc.binary_join_element_wise(
        _hour(parts, day),
        *(pc.utf8_lpad(parts.get(name, _like(day, "00")), 2, "0") for name in ("minute", "second")),
        ":",
    )
    zone = pc.replace_substring_regex(parts.get("zone", _like(day, "Z")), "UTC|GMT", "Z")
    fraction = (
        pc.binary_join_element_wise(_like(day, "."), pc.utf8_rpad(parts["fraction"], 6, "0"), "")
        if "fraction" in parts
        else _like(day, "")
    )
    text = pc.binary_join_element_wise(pc.binary_join_element_wise(day, clock, "T"), fraction, zone, "")
    return _from_iso(text)


def _like(texts: pa.Array, value: str) -> pa.Array:
    """Returns the value in every row that is not null."""
    return pc.if_else(texts.is_valid(), value, pa.scalar(None, pa.string()))


def _month(parts: dict[str, pa.Array]) -> pa.Array:
    if "month" in parts:
        return pc.utf8_lpad(parts["month"], 2, "0")
    place = pc.index_in(pc.utf8_lower(parts["month_name"]), value_set=pa.array(time_format.MONTHS))
    return pc.utf8_lpad(pc.add(place, 1).cast(pa.string()), 2, "0")


def _hour(parts: dict[str, pa.Array], day: pa.Array) -> pa.Array:
    """Returns the hour from 00 to 23; times with AM or PM count from 12."""
    if "hour" not in parts:
        return _like(day, "00")
    if "half" not in parts:
        return pc.utf8_lpad(parts["hour"], 2, "0")
    hour = parts["hour"].cast(pa.int64())
    early = pc.if_else(pc.equal(hour, 12), 0, hour)
    late = pc.match_substring(pc.utf8_lower(parts["half"]), "p")
    return pc.utf8_lpad(pc.if_else(late, pc.add(early, 12), early).cast(pa.string()), 2, "0")


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
    """Returns the values where `keep` is true, null elsewhere."""
    return pc.if_else(keep, values, pa.scalar(None, values.type))
