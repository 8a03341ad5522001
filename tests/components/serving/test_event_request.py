import dataclasses
import json

import pytest
from small_server import LAUNCH

from components.declaration import Launch, Log, Objective, Split
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.serving import event_request
from components.serving.event_request import Action
from components.serving.predict_request import Limits
from components.serving.request_errors import RequestError

PLAIN = Launch("plain", Log("log", "user", "item", "time"), Split(eval_share=0.1), (Objective("like"),))
CLICK = {"user_id": "u", "item_id": "A", "event": "click"}


def parse(body, launch=LAUNCH):
    return event_request.parse(json.dumps(body).encode(), launch, Limits(ids=2))


def test_actions_are_read():
    actions = parse(
        {"events": [CLICK, {**CLICK, "user_id": 7, "request_id": "r", "value": 2, "device": "tv", "age": 40}]}
    )
    fields = {"request_id": "r", "value": 2.0, "device": "tv", "age": 40}
    assert actions == [Action("u", "A", "click", {}, True), Action("7", "A", "click", fields, True)]


def test_where_the_log_has_no_event_column_every_action_counts():
    assert parse({"events": [{"user_id": "u", "item_id": "A"}]}, PLAIN) == [Action("u", "A", None, {}, True)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "events needs a list with at least one event, got null"),
        ({"events": []}, "at least one event"),
        ({"events": [CLICK] * 3}, "events needs at most 2 events, got 3"),
        ({"events": [CLICK], "x": 1}, 'the request has no "x"; it may hold events'),
        ({"events": ["click"]}, 'events[0] needs an object with user_id and item_id, got "click"'),
        ({"events": [CLICK, {"user_id": "u", "event": "click"}]}, "events[1].item_id is missing"),
        ({"events": [{**CLICK, "user_id": ""}]}, "events[0].user_id is missing"),
        ({"events": [{**CLICK, "event": "teleport"}]}, 'events[0].event needs one of click, got "teleport"'),
        ({"events": [{**CLICK, "event": ["click"]}]}, 'got ["click"]'),
        ({"events": [{**CLICK, "value": "4"}]}, 'events[0].value needs a number, got "4"'),
        ({"events": [{**CLICK, "device": {}}]}, "events[0].device needs a number, got {}"),
        ({"events": [{**CLICK, "colour": "red"}]}, 'events[0] has no "colour"'),
    ],
)
def test_what_is_wrong_is_named(body, said):
    with pytest.raises(RequestError) as raised:
        parse(body)
    assert said in str(raised.value)


def test_an_event_for_a_log_without_events_is_a_mistake():
    with pytest.raises(RequestError, match="the declared log has no column for it"):
        parse({"events": [CLICK]}, PLAIN)


DTYPES = {"device": "string", "age": "float32"}


@pytest.mark.parametrize("wrong", [{"device": 5}, {"age": "old"}, {"age": True}, {"device": "a\x1bb"}, {"age": 1e39}])
def test_context_has_the_type_that_the_served_version_knows(wrong):
    with pytest.raises(RequestError, match=r"events\[0\]\.(device|age) needs"):
        event_request.parse(json.dumps({"events": [CLICK | wrong]}).encode(), LAUNCH, Limits(), DTYPES)


def test_numbers_of_the_context_are_those_of_its_column():
    def given(dtype):
        (action,) = event_request.parse(
            json.dumps({"events": [CLICK | {"age": 40}]}).encode(), LAUNCH, Limits(), {"age": dtype}
        )
        return action.fields["age"]

    assert (given("float32"), type(given("float32"))) == (40.0, float)
    assert (given("int64"), type(given("int64"))) == (40, int)


IDS = (
    "\x00",
    "a\x00b",
    " ",
    "\t",
    "\xa0",
    "a\nb",
    "\u2028",
    "\x1b[31m",
    "\x85",
    " u1",
    "u1 ",
    "\ufeff",
    "\u200b",
    "😀",
)
IDS += ("\x7f", "None", "NA", "007", '"', ",", "\\")


def test_an_id_that_is_accepted_is_read_back_and_one_that_would_not_be_is_refused(tmp_path):
    """Each id goes through the request, a line of the log and the reader: accepted is read back, and no readable id is refused."""
    for number, text in enumerate(IDS):
        for field in ("user_id", "item_id"):
            file = tmp_path / f"traffic-{number}-{field}.jsonl"
            columns = {"user_id": "user", "item_id": "item"}
            row = dict.fromkeys(LAUNCH.log.columns()) | {
                "user": "u",
                "item": "A",
                "time": 1_700_000_000_000,
                "event": "click",
                columns[field]: text,
            }
            file.write_text(json.dumps(row) + "\n")
            reader = LogReader((str(file),), Layout.of_log(LAUNCH.log))
            read = reader.settle(("user", "item"))[columns[field]].to_pylist()
            try:
                (action,) = parse({"events": [CLICK | {field: text}]})
            except RequestError:
                assert read == [], f"{text!r} is refused, but could be read"
            else:
                assert read == [{"user_id": action.user, "item_id": action.item}[field]], repr(text)


def test_a_value_out_of_the_declared_range_is_refused():
    launch = dataclasses.replace(PLAIN, log=dataclasses.replace(PLAIN.log, value="stars", value_min=0.5, value_max=5.0))
    rated = {"user_id": "u", "item_id": "A"}
    assert parse({"events": [rated | {"value": 5}]}, launch)[0].fields == {"value": 5.0}
    with pytest.raises(
        RequestError, match=r"events\[0\].value needs a number from 0.5 to 5.0, as the log declares, got 6.0"
    ):
        parse({"events": [rated | {"value": 6}]}, launch)
