import dataclasses

import pyarrow as pa
import pytest
from small_server import LAUNCH

from components.declaration import Launch, Log, Objective, Split
from components.declaration.data import TIME_UNITS
from components.features.item_table import MISSING_INT
from components.ingest.event_time import to_microseconds
from components.serving.shown_answers import Shown
from components.serving.traffic_rows import TrafficRows, in_unit

SHOWN = Shown("u", "r1", ["B", "A"], [0.75, 0.25], "explore", "17", {"device": b"tv", "age": float("nan")}, 2_000_500)
FIRST = {
    "user": "u",
    "item": "B",
    "time": 2_000,
    "event": "shown",
    "request": "r1",
    "place": 0,
    "policy": "explore",
    "chance": 0.75,
    "version": "17",
    "device": "tv",
    "age": None,
}
SECOND = FIRST | {"item": "A", "place": 1, "chance": 0.25}


def test_an_impression_is_a_row_with_every_declared_column():
    logged = TrafficRows(LAUNCH).impressions(SHOWN)
    assert list(logged) == logged[:] == [FIRST, SECOND]
    assert set(logged[0]) == set(LAUNCH.log.columns())


def test_an_action_on_what_was_shown_says_where_and_by_whom():
    rows = TrafficRows(LAUNCH)
    rows.impressions(SHOWN)
    assert rows.action("u", "A", "click", 3_000_000, {"request_id": "r1"}) == SECOND | {"event": "click", "time": 3_000}


def test_an_action_on_something_else_of_the_request_has_its_context_and_no_place():
    rows = TrafficRows(LAUNCH)
    rows.impressions(SHOWN)
    logged = rows.action("u", "Z", "click", 3_000_000, {"request_id": "r1", "age": 4.0})
    assert (logged["device"], logged["age"], logged["place"], logged["policy"], logged["request"]) == (
        "tv",
        4.0,
        None,
        None,
        "r1",
    )


def test_anothers_request_tells_nothing():
    rows = TrafficRows(LAUNCH)
    rows.impressions(SHOWN)
    assert rows.action("v", "A", "click", 3_000_000, {"request_id": "r1"})["place"] is None


def test_old_answers_are_forgotten():
    rows = TrafficRows(LAUNCH, remembered_bytes=1)
    rows.impressions(SHOWN)
    rows.impressions(dataclasses.replace(SHOWN, request="r2"))
    assert rows.action("u", "A", "click", 3_000_000, {"request_id": "r1"})["place"] is None
    assert rows.action("u", "A", "click", 3_000_000, {"request_id": "r2"})["place"] == 1


def test_an_action_without_an_answer_has_the_context_of_the_users_last_one():
    rows = TrafficRows(LAUNCH)
    rows.impressions(SHOWN)
    logged = rows.action("u", "Z", "click", 3_000_000, {"request_id": "forgotten"})
    assert (logged["device"], logged["age"], logged["place"], logged["request"]) == ("tv", None, None, "forgotten")
    assert rows.action("u", "Z", "click", 3_000_000, {"device": "phone"})["device"] == "phone"
    assert rows.action("v", "Z", "click", 3_000_000, {})["device"] is None


def test_an_action_is_never_before_its_answer_even_where_the_clock_was_set_back():
    rows = TrafficRows(LAUNCH)
    rows.impressions(SHOWN)
    assert rows.action("u", "A", "click", 1_000_000, {"request_id": "r1"})["time"] == 2_000
    assert rows.action("v", "A", "click", 1_000_000, {"request_id": "r1"})["time"] == 1_000, "another user's"


def test_a_log_of_positives_alone_has_no_impressions():
    plain = Launch(
        "plain", Log("log", "user", "item", "time", value="stars"), Split(eval_share=0.1), (Objective("like"),)
    )
    rows = TrafficRows(plain)
    assert rows.impressions(SHOWN) == []
    assert rows.action("u", "A", None, 3_900_000, {"value": 4.0}) == {"user": "u", "item": "A", "time": 3, "stars": 4.0}


@pytest.mark.parametrize(
    ("unit", "written"), [("s", 1), ("ms", 1_500), ("us", 1_500_250), ("iso", "1970-01-01T00:00:01.500250Z")]
)
def test_times_in_the_declared_unit(unit, written):
    assert in_unit(1_500_250, dataclasses.replace(LAUNCH.log, time_unit=unit)) == written


MOMENT = 1_764_547_200_250_000  # 1 December 2025, 00:00:00.25 UTC


@pytest.mark.parametrize(
    ("unit", "form"),
    [*((unit, None) for unit in TIME_UNITS), ("iso", "%d.%m.%Y %H:%M:%S.%f"), ("iso", "%b %d %Y %I:%M:%S.%f %p %z")],
)
def test_a_time_is_written_as_the_reader_reads_it(unit, form):
    log = dataclasses.replace(LAUNCH.log, time_unit=unit, time_format=form)
    read = to_microseconds(pa.array([in_unit(MOMENT, log)]), unit, form)
    assert abs(read[0].as_py() - MOMENT) <= (1_000_000 if unit == "s" else 1)


def test_positions_count_as_the_log_counts():
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, first_position=1))
    rows = TrafficRows(launch)
    assert [row["place"] for row in rows.impressions(SHOWN)] == [1, 2]
    assert rows.action("u", "A", "click", 3_000_000, {"request_id": "r1"})["place"] == 2


def test_a_missing_integer_is_null():
    shown = dataclasses.replace(SHOWN, context={"device": b"", "age": MISSING_INT})
    row = TrafficRows(LAUNCH).impressions(shown)[0]
    assert (row["device"], row["age"]) == (None, None)
