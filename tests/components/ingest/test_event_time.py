import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.ingest.event_time import to_microseconds

MOMENT = dt.datetime(2026, 1, 31, 12, 30, 15, 123456, dt.timezone.utc)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
EXACT = (MOMENT - EPOCH) // dt.timedelta(microseconds=1)
moments = st.datetimes(timezones=st.just(dt.timezone.utc))


def times(values, unit, kind=None):
    return to_microseconds(pa.array(values, kind), unit).to_pylist()


@pytest.mark.parametrize(("unit", "factor"), [("s", 1_000_000), ("ms", 1_000), ("us", 1)])
def test_whole_epoch_numbers_and_their_text_are_exact(unit, factor):
    assert times([0, 3, None, -3], unit) == [0, 3 * factor, None, -3 * factor]
    assert times(["0", " 3 ", None, "-3"], unit) == [0, 3 * factor, None, -3 * factor]


def test_epoch_floats_round_to_the_microsecond():
    assert times([1.5, 0.000001, None], "s") == [1_500_000, 1, None]
    assert times(["1.5", "1e3"], "ms") == [1_500, 1_000_000]


@given(st.lists(moments, min_size=1, max_size=5), st.sampled_from([-330, 0, 60, 840]))
def test_iso_text_with_any_zone_and_without_one_is_the_same_moment(drawn, minutes):
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    inside = [moment for moment in drawn if 1 < moment.year < 9999]
    expected = [(moment - EPOCH) // dt.timedelta(microseconds=1) for moment in inside]

    assert times([moment.astimezone(zone).isoformat() for moment in inside], "iso", pa.string()) == expected
    assert times([moment.replace(tzinfo=None).isoformat(" ") for moment in inside], "iso", pa.string()) == expected


def test_iso_forms():
    day = (dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc) - EPOCH) // dt.timedelta(microseconds=1)

    assert (
        times(["2026-01-31", "2026-01-31T00:00Z", "2026-01-31 01:00:00+0100", "2026-01-31T00:00:00.000000789Z"], "iso")
        == [day] * 4
    )


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("resolution", ["us", "ns"])
def test_timestamps_need_no_unit(resolution, zone):
    stamps = (
        pa.array([EXACT, None])
        .cast(pa.timestamp("us"))
        .cast(pa.timestamp(resolution))
        .cast(pa.int64())
        .cast(pa.timestamp(resolution, zone))
    )

    assert to_microseconds(stamps, "s").to_pylist() == [EXACT, None]


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (["", "yesterday", "2026-02-30", "2026-13-01", "2026-01-31T25:00", "20260131", "1769862615"], "iso"),
        (["", "x", "1,5", "2026-01-31", "1e400", "99999999999999999999"], "s"),
        ([float("nan"), float("inf"), 1e300], "s"),
        ([2**63 - 1, -(2**63), 1_769_862_615_000], "s"),
        ([True], "s"),
        ([1_769_862_615], "iso"),
    ],
)
def test_what_cannot_be_a_time_becomes_null_and_never_another_time(values, unit):
    assert times(values, unit) == [None] * len(values)


def test_one_impossible_date_leaves_its_neighbours_alone():
    assert times(["2026-01-31T12:30:15.123456Z", "2026-02-30T00:00:00Z", None], "iso") == [EXACT, None, None]
