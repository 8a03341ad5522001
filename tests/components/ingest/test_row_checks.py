import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import LogError
from components.ingest.log_layout import Layout
from components.ingest.row_checks import Quarantined, RowChecks, find_repeats

LAYOUT = Layout(
    ids=("user", "item"),
    declared=("user", "item", "time"),
    time="time",
    not_before="2000-01-01",
    value="value",
    value_min=0,
    value_max=5,
)
MICRO = 1_000_000
GOOD_TIME = 1_700_000_000 * MICRO


def as_array(values):
    return values if isinstance(values, pa.Array) else pa.array(values)


def reasons(raw, read=None, layout=LAYOUT):
    """The reason of each row; `read` replaces what the reader made of a column."""
    checks = RowChecks(layout)
    batches = [
        pa.RecordBatch.from_arrays(list(map(as_array, columns.values())), list(columns))
        for columns in (raw, raw | (read or {}))
    ]
    return [checks.reasons[code] for code in checks.codes(*batches)]


def rows(**columns):
    count = len(next(iter(columns.values())))
    return {"user": ["u"] * count, "item": ["i"] * count, "time": [GOOD_TIME] * count, "value": [1.0] * count} | columns


def test_a_row_with_everything_is_right():
    assert reasons(rows(user=["u", "ü 1"])) == ["", ""]


@pytest.mark.parametrize("name", ["user", "item"])
def test_an_id_that_is_null_empty_or_blank_is_missing_and_one_that_was_not_understood_is_unreadable(name):
    texts = reasons(rows(**{name: [None, "", " \t", "a\nb", " a"]}), {name: pa.array([None, "", " \t", None, " a"])})

    assert texts == [f"no {name}", f"no {name}", f"no {name}", f"{name} unreadable", ""]


def test_a_time_is_missing_unreadable_before_the_floor_or_in_the_future():
    floor = int(dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc).timestamp()) * MICRO
    now = int(dt.datetime.now(dt.timezone.utc).timestamp()) * MICRO
    hour = 3600 * MICRO
    times = [None, 0, floor - 1, floor, now, now + 23 * hour, now + 25 * hour]

    early = "time before 2000-01-01"
    assert reasons(rows(time=times)) == ["no time", early, early, "", "", "", "time in the future"]
    assert reasons(rows(time=["x"]), {"time": pa.array([None], pa.int64())}) == ["time unreadable"]


def test_without_a_floor_any_past_is_right():
    layout = Layout(ids=("user",), declared=(), time="time")

    assert reasons({"user": ["u"], "time": [-5]}, layout=layout) == [""]


def test_a_value_may_be_missing_but_not_out_of_its_range():
    values = [None, float("nan"), 0.0, 5.0, -0.1, 5.1, float("inf"), float("-inf")]

    wrong = "value out of range"
    assert reasons(rows(value=values)) == ["", "", "", "", wrong, wrong, wrong, wrong]
    assert reasons(rows(value=[0, 6])) == ["", wrong]
    assert reasons(rows(value=["x", None]), {"value": pa.array([None, None], pa.float64())}) == ["value unreadable", ""]


def test_a_row_gets_the_first_reason_only():
    assert reasons(rows(user=[None], item=[None], time=[0])) == ["no user"]


def test_a_column_that_the_file_lacks_is_missing_everywhere():
    raw = {"item": ["i"], "time": [GOOD_TIME]}

    assert reasons(raw, {"user": pa.nulls(1, pa.string()), "value": pa.nulls(1)}) == ["no user"]


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, None]), st.sampled_from(["", "a", None]), st.sampled_from([True, None])),
        max_size=20,
    )
)
def test_a_row_is_repeated_if_an_equal_one_came_before(drawn):
    names = ("number", "text", "flag")
    kinds = (pa.int64(), pa.string(), pa.bool_())
    table = pa.table(
        {
            name: pa.array([row[at] for row in drawn], kind)
            for at, (name, kind) in enumerate(zip(names, kinds, strict=True))
        }
    )

    assert find_repeats(table.append_column("nothing", pa.nulls(len(drawn)))).tolist() == [
        row in drawn[:at] for at, row in enumerate(drawn)
    ]


def test_lists_cannot_be_compared():
    with pytest.raises(LogError, match="column 'tags': holds lists, which cannot be compared"):
        find_repeats(pa.table({"tags": [["a"]]}))


def test_counts_read_as_a_sentence():
    quarantined = Quarantined(1400, {"no time": 9, "repeated": 5})

    assert str(quarantined) == "14 quarantined: 9 no time, 5 repeated"
    assert quarantined.share == 14 / 1400
    assert Quarantined(0, {}).share == 0
