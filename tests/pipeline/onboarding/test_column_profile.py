import pyarrow as pa
import pytest

from pipeline.onboarding.column_profile import Column, varies_within

T0 = 1_760_000_000  # October 2025


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("user_id:token", ("user", "id")),
        ("userId", ("user", "id")),
        ("USERID", ("user", "id")),
        ("movieid", ("movie", "id")),
        ("paid", ("paid",)),
        ("user-item_affinity_0", ("user", "item", "affinity", "0")),
        ("HTTPStatus", ("http", "status")),
    ],
)
def test_a_name_falls_into_words(name, words):
    assert Column(name, pa.array([1])).words == words


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (pa.array([T0, T0 + 1]), "s"),
        (pa.array([T0 + 0.5]), "s"),
        (pa.array([T0 * 1000]), "ms"),
        (pa.array([T0 * 10**6]), "us"),
        (pa.array([str(T0)]), "s"),
        (pa.array(["2025-10-09T08:53:20Z", None]), "iso"),
        (pa.array([T0 * 10**6], pa.timestamp("us")), "iso"),
        (pa.array([1, 2, 3]), ""),
        (pa.array(["red", "blue"]), ""),
        (pa.array([None], pa.string()), ""),
        (pa.array([[T0]]), ""),
    ],
)
def test_the_unit_of_times_is_told_by_their_size(values, unit):
    assert Column("x", values).time_unit == unit


def test_one_value_in_a_hundred_may_be_no_time():
    assert Column("x", pa.array([T0] * 99 + [0])).time_unit == "s"
    assert Column("x", pa.array([T0] * 98 + [0, 0])).time_unit == ""


def test_values_are_listed_most_frequent_first_if_they_are_few():
    assert Column("x", pa.array(["b", "a", "a", None])).top_values == ("a", "b")
    assert Column("x", pa.array(range(61))).top_values == ()
    assert Column("x", pa.array([[1]])).top_values == ()


def test_whole_floats_are_whole():
    assert Column("x", pa.array([1.0, None, 3.0])).is_whole
    assert not Column("x", pa.array([1.5])).is_whole


def test_what_varies_within_an_owner_is_not_the_owners_own():
    owners = pa.array(["u", "u", "v", "v", "w"])
    # u has two values, v one, and w, who has one row, says nothing: 1 of 2
    assert varies_within(pa.array(["a", "b", "c", "c", "d"]), owners) == 1 / 2
    assert varies_within(pa.array(["a", None, "c", "c", "d"]), owners) == 0


def test_texts_that_are_nearly_all_numbers_are_numbers():
    assert Column("x", pa.array(["1", " 2.5"] * 10 + ["many"])).as_number.values.to_pylist() == [1.0, 2.5] * 10 + [None]
    for values in (pa.array(["1", "many"]), pa.array([1, 2]), pa.array([None], pa.string())):
        column = Column("x", values)
        assert column.as_number is column
