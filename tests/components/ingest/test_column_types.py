import datetime as dt
import decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import LogError
from components.ingest.column_types import TIMESTAMP, cast_column, id_texts, plain_type, unify

PLAIN = (pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.binary(), TIMESTAMP)


@pytest.mark.parametrize(
    ("values", "kind", "plain", "expected"),
    [
        ([0, None, 200], pa.uint8(), pa.int64(), [0, None, 200]),
        ([0.0, None, 1.5], pa.float32(), pa.float64(), [0.0, None, 1.5]),
        ([decimal.Decimal("1.25")], pa.decimal128(5, 2), pa.float64(), [1.25]),
        ([False, None, True], pa.bool_(), pa.bool_(), [False, None, True]),
        (["", None, "é"], pa.large_string(), pa.string(), ["", None, "é"]),
        ([b"\xff", None], pa.large_binary(), pa.binary(), [b"\xff", None]),
        ([2, None], pa.time32("s"), pa.int64(), [2, None]),
        ([["a"], [], None], pa.large_list(pa.large_string()), pa.list_(pa.string()), [["a"], [], None]),
    ],
)
def test_every_value_survives_in_its_plain_type(values, kind, plain, expected):
    assert plain_type(kind, "c", "f") == plain
    assert cast_column(pa.array(values, kind), plain).to_pylist() == expected


def test_a_dictionary_is_its_values():
    values = pa.array(["a", None, "a"]).dictionary_encode()

    assert cast_column(values, plain_type(values.type, "c", "f")).to_pylist() == ["a", None, "a"]


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ns", "Asia/Tokyo"), pa.date32(), pa.date64()])
def test_moments_become_microseconds_of_utc(kind):
    third_of_january = pa.array([dt.date(1970, 1, 3)]).cast(pa.timestamp("s")).cast(kind)

    assert cast_column(third_of_january, TIMESTAMP).cast(pa.int64()).to_pylist() == [2 * 86400 * 1_000_000]


def test_what_an_example_cannot_hold_is_refused_by_name():
    with pytest.raises(LogError, match=r"f.parquet: column 'c' holds struct<x: int64>, needs numbers"):
        plain_type(pa.struct([("x", pa.int64())]), "c", "f.parquet")


@given(st.sampled_from(PLAIN), st.sampled_from(PLAIN))
def test_unify_is_symmetric_and_keeps_equals(one, other):
    assert unify(one, other, "c", "f") == unify(other, one, "c", "f")
    assert unify(one, one, "c", "f") == one
    assert unify(one, pa.null(), "c", "f") == one


def test_numbers_widen_to_float_and_the_rest_to_text():
    assert unify(pa.int64(), pa.float64(), "c", "f") == pa.float64()
    assert unify(pa.int64(), pa.bool_(), "c", "f") == pa.string()
    assert unify(pa.string(), pa.float64(), "c", "f") == pa.string()
    with pytest.raises(LogError, match="column 'c' is a list here and a single value elsewhere"):
        unify(pa.list_(pa.int64()), pa.int64(), "c", "f")


def test_ids_become_text_without_losing_what_tells_them_apart():
    assert id_texts(pa.array([12, None, -1, 2**62]), "c", "f").to_pylist() == ["12", None, "-1", str(2**62)]
    assert id_texts(pa.array([12.0, None, -0.0]), "c", "f").to_pylist() == ["12", None, "0"]
    assert id_texts(pa.array(["12.0", "007", "", "é"]), "c", "f").to_pylist() == ["12.0", "007", "", "é"]
    assert id_texts(pa.array(["12.0", "7."]), "c", "f", was_float=True).to_pylist() == ["12", "7"]


@pytest.mark.parametrize("values", [[True], [[1]], [dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc)]])
def test_a_type_that_is_no_id_is_refused(values):
    with pytest.raises(LogError, match="id column 'user' needs text or integers, got"):
        id_texts(pa.array(values), "user", "f")


@pytest.mark.parametrize("wrong", [1.5, float(2**53), float("nan"), b"\xff", "a\nb", "a\0"])
def test_a_value_that_is_no_id_is_null_and_its_neighbours_stay(wrong):
    good = {float: 12.0, bytes: "é".encode(), str: "é"}[type(wrong)]

    assert id_texts(pa.array([good, wrong, None, good]), "user", "f").to_pylist() == [
        "12" if good == 12.0 else "é",
        None,
        None,
        "é" if good != 12.0 else "12",
    ]


def test_text_of_a_parquet_file_that_is_not_utf8_is_null():
    text = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xff"]).buffers())

    assert id_texts(text, "user", "f").to_pylist() == ["a", None]
