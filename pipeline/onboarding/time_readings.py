"""In which ways the values of a column are times: the unit of numbers, the form of texts."""

import dataclasses
import functools
import re

import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import time_format
from components.ingest.event_time import EXCEL_DAYS, MICROSECONDS, NANOSECONDS, to_microseconds

# The years 1985 to 2040: epoch numbers outside of it have another unit, or are no times.
_FIRST, _LAST, _END = 473_385_600_000_000, 2_208_988_800_000_000, 4_102_444_800_000_000  # the last: 2100
_ENOUGH = 0.99
_FEW = 100
_DATES = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%Y%m%d",
)
_WORDED = ("%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d/%b/%Y")
_CLOCKS = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S.%f",
    " %H:%M:%S,%f",
    " %I:%M %p",
    " %I:%M:%S %p",
    ", %H:%M",
    ", %H:%M:%S",
    " %H:%M:%S %z",
    ":%H:%M:%S %z",
)
_WHOLE = (
    "%a %b %d %H:%M:%S %z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y%m%d%H%M%S",
    "%b %d, %Y, %I:%M:%S %p",
)
FORMS = tuple(date + clock for date in (*_DATES, *_WORDED) for clock in _CLOCKS) + _WHOLE
_NUMBER_FORMS = ("%Y%m%d", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
# 2025110123 is a moment of 2034 in seconds, too; of many such numbers hardly one in a hundred is also a date and an hour.
_HOURS = "%Y%m%d%H"


@dataclasses.dataclass(frozen=True)
class Reading:
    """A way to read times.

    Attributes:
      unit: as `launch.log.time_unit` has it.
      form: as `launch.log.time_format` has it; None for what the unit says.
      by_name: whether it takes a column that is called a time: 20260131 and 46053 may be any number.
    """

    unit: str
    form: str | None = None
    by_name: bool = False

    def times(self, values: pa.Array) -> pa.Array:
        """[rows] int64 microseconds; null where a value is no time of 1985 to 2040."""
        times = to_microseconds(values, self.unit, self.form)
        return pc.if_else(
            pc.and_(pc.greater_equal(times, _FIRST), pc.less(times, _LAST)), times, pa.scalar(None, pa.int64())
        )

    def __str__(self) -> str:
        """As an option of `new`."""
        return f'--time-format "{self.form}"' if self.form else f"time_unit={self.unit!r}"


def find(values: pa.Array) -> tuple[Reading, ...]:
    """Returns the readings that fit nearly all non-null values; of texts all forms that do, else the first."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        return (Reading("iso"),)
    if not len(values) or not (pa.types.is_string(kind) or pa.types.is_int64(kind) or pa.types.is_float64(kind)):
        return ()
    hours = _of_form(_HOURS)
    if pa.types.is_int64(kind) and len(values) >= _FEW and _fits(values, hours):
        return (hours,)
    fitting = tuple(reading for reading in _plain(kind) if _fits(values, reading))
    if fitting or not pa.types.is_string(kind):
        return fitting[:1]
    first = values.slice(0, _FEW).to_pylist()
    # Arrow's regular expressions take milliseconds each to build: Python's pick the few that may fit.
    possible = [form for form in FORMS if any(map(_expression(form).match, first))]
    return tuple(reading for reading in map(_of_form, possible) if _fits(values, reading))


def parts(values: pa.Array) -> list[tuple[str, float]]:
    """Which share of the values each unit takes for a time, the largest first; and the share of zeros."""
    shares = [(reading.unit, share_of(values, reading)) for reading in _plain(values.type)[: len(MICROSECONDS) + 2]]
    if pa.types.is_int64(values.type) or pa.types.is_float64(values.type):
        shares.append(("0", float(pc.mean(pc.equal(values, 0).cast(pa.float64())).as_py() or 0.0)))
    return sorted((pair for pair in shares if pair[1] > 0), key=lambda pair: -pair[1])


def share_of(values: pa.Array, reading: Reading) -> float:
    """Returns the share of values that a reading takes for times."""
    return 1 - reading.times(values).null_count / len(values) if len(values) else 0.0


def future_share(values: pa.Array) -> tuple[str, float]:
    """Returns the unit in which the most numbers lie in the years 2040 to 2100, and their share; "" and 0 if none does."""
    if not (pa.types.is_int64(values.type) or pa.types.is_float64(values.type)) or not len(values):
        return "", 0.0
    shares = {}
    for unit in (*MICROSECONDS, NANOSECONDS):
        times = to_microseconds(values, unit, None)
        later = pc.and_(pc.greater_equal(times, _LAST), pc.less(times, _END))
        shares[unit] = float(pc.mean(pc.fill_null(later, False).cast(pa.float64())).as_py() or 0.0)
    best = max(shares, key=lambda unit: shares[unit])
    return (best, shares[best]) if shares[best] else ("", 0.0)


def dates_outside(values: pa.Array) -> tuple[str, str] | None:
    """Returns the first and the last date of a column of ISO 8601 texts, nearly all before 1985 or after 2040; else None."""
    if not pa.types.is_string(values.type) or not len(values):
        return None
    times = to_microseconds(values, "iso", None)
    outside = pc.or_(pc.less(times, _FIRST), pc.greater_equal(times, _LAST))
    if pc.sum(pc.fill_null(outside, False)).as_py() < _ENOUGH * len(values):
        return None
    bounds = pc.min_max(times).as_py()
    return tuple(str(pa.scalar(bounds[end], pa.int64()).cast(pa.timestamp("us")))[:10] for end in ("min", "max"))  # type: ignore[return-value]


@functools.cache
def _expression(form: str) -> re.Pattern[str]:
    return re.compile(time_format.expression(form))


@functools.cache
def _of_form(form: str) -> Reading:
    assert not time_format.problem_of(form)
    return Reading("iso", form, by_name=form in (*_NUMBER_FORMS, _HOURS))


def _plain(kind: pa.DataType) -> tuple[Reading, ...]:
    epochs = tuple(Reading(unit) for unit in (*MICROSECONDS, NANOSECONDS))
    if pa.types.is_string(kind):
        return (Reading("iso"), *epochs)
    if not (pa.types.is_int64(kind) or pa.types.is_float64(kind)):
        return ()
    forms = tuple(map(_of_form, _NUMBER_FORMS)) if pa.types.is_int64(kind) else ()
    return (*epochs, *forms, Reading(EXCEL_DAYS, by_name=True))


def _fits(values: pa.Array, reading: Reading) -> bool:
    return share_of(values, reading) >= _ENOUGH
