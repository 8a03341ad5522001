import json

import pytest
from small_server import LAUNCH

from components.declaration import Launch, Log, Objective, Split
from components.serving import event_request
from components.serving.event_request import Action
from components.serving.predict_request import Limits
from components.serving.request_errors import RequestError

PLAIN = Launch("plain", Log("log", "user", "item", "time"), Split(eval_share=0.1), (Objective("like"),))
CLICK = {"user_id": "u", "item_id": "A", "event": "click"}


def parse(body, launch=LAUNCH):
    return event_request.parse(json.dumps(body).encode(), launch, Limits(ids=2))


def test_actions_are_read():
    found = parse(
        {"events": [CLICK, {**CLICK, "user_id": 7, "request_id": "r", "value": 2, "device": "tv", "age": 40}]}
    )
    given = {"request_id": "r", "value": 2.0, "device": "tv", "age": 40}
    assert found == [Action("u", "A", "click", {}, True), Action("7", "A", "click", given, True)]


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
