"""Proposes the time column and how it is written; where two readings fit, it asks."""

import pyarrow.compute as pc

from pipeline.onboarding import role_words, time_readings
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.time_readings import Reading

TIMES = "epoch seconds to nanoseconds, ISO 8601 text such as 2026-01-31 12:00:00, or a form that --time-format says"

_MANY_LATER = 0.05


def choose(columns: list[Column]) -> tuple[Column, str] | None:
    """Returns the time column among those without a role, and why; None if there is none."""
    times = [
        column
        for column in columns
        if column.time_readings and (not column.time_readings[0].by_name or column.has(role_words.TIMES))
    ]
    named = [column for column in times if column.has(role_words.TIMES)]
    # Days alone say less than moments: date=20260131 next to time_ms; a time that is often missing says less, too.
    named.sort(key=lambda column: (column.time_readings[0].by_name, column.values.null_count))
    typed = [column for column in times if column.time_unit == "iso"]
    best = (named or typed or (times if len(times) == 1 else []))[:1]
    return (best[0], "the name says time" if named else "its values are times") if best else None


def reading_of(column: Column, form: str | None) -> tuple[Reading | None, str]:
    """Returns how the times of a column are written.

    Args:
      column: the time column.
      form: as a person gave it; None to find it.

    Returns:
      The reading and the reason; None and what is wrong.
    """
    if form is not None:
        reading = Reading("iso", form)
        share = time_readings.share_of(column.present, reading)
        return (
            (reading, "you said so")
            if share > 0
            else (None, f"no value of {column.name} has the form {form!r}: {column.describe()}")
        )
    readings = column.time_readings
    if not readings:
        return None, f"needs {TIMES}, got {column.describe()}{shares_text(column)}"
    if len(readings) > 1 and (unlike := _read_unlike(column, readings)):
        return None, unlike
    return readings[0], _reason(column, readings[0])


def _read_unlike(column: Column, readings: tuple[Reading, ...]) -> str:
    """Returns a value that two readings take for different moments, with both options; "" if they agree on every value."""
    one, other = (reading.times(column.present) for reading in readings[:2])
    differing = pc.indices_nonzero(pc.fill_null(pc.not_equal(one, other), True))
    if not len(differing):
        return ""
    at = differing[0].as_py()
    moments = " or ".join(
        f"{reading} ({times.slice(at, 1).cast('timestamp[us]')[0]})"
        for reading, times in zip(readings[:2], (one, other), strict=True)
    )
    return f"{column.present[at].as_py()!r} can be read in {len(readings)} ways. Say which: {moments}"


def _reason(column: Column, reading: Reading) -> str:
    if reading.form:
        return "the only form that fits all values"
    if reading.unit == "iso":
        return "times of the file's own type" if not column.is_text else "dates written out"
    return f"numbers like {column.example()} are a moment of our time in this unit"


def shares_text(column: Column) -> str:
    """Which share of a column's values each unit takes for a time: " (60% fit ms, 38% fit s, 2% are 0)"."""
    shares = time_readings.parts(column.present)
    unit, later = time_readings.future_share(column.present)
    if later >= _MANY_LATER:
        return f" (read as {unit}, {later:.0%} of them lie after 2040, in the future)"
    if span := time_readings.dates_outside(column.present):
        return f" (dates from {span[0]} to {span[1]}: a time lies between 1985 and 2040)"
    if not any(unit != "0" for unit, _ in shares):
        least, most = column.bounds
        relative = column.is_number and most > least
        return (
            f" (from {least:g} to {most:g}: no moments since 1985 in any unit, perhaps seconds since a start)"
            if relative
            else ""
        )
    texts = [f"{share:.0%} are 0" if unit == "0" else f"{share:.0%} fit {unit}" for unit, share in shares]
    return f" ({', '.join(texts)}: a run needs one unit)"
