"""The demo page of a launch that starts empty: what it shows is an impression, a click on it an event."""

import json
import re
from urllib.parse import urlencode

import pytest
from small_server import LAUNCH, push, service, serving

from components.serving.demo import FIRST_USER, Demo
from components.serving.event_log import EventLog
from components.serving.request_errors import RequestError

FORM = {"content-type": "application/x-www-form-urlencoded"}


def hidden(text, name):
    """The values of a hidden field, in the order of the items."""
    return re.findall(rf'<input type="hidden" name="{name}" value="(.*?)">', text)


@pytest.fixture
def logged(tmp_path):
    push(tmp_path / "serving", 5)
    log = EventLog(tmp_path / "log")
    answering = service(tmp_path / "serving", log)
    with serving(answering, close=log.close, demo=Demo(answering, records=True)) as client:
        yield client, answering, log, tmp_path / "log"


def rows(log, folder):
    log.close()
    return [json.loads(line) for file in folder.glob("traffic-*") for line in file.read_text().splitlines()]


def test_what_is_shown_and_clicked_is_logged_and_joined_by_the_request(logged):
    client, answering, log, folder = logged
    status, text, _ = client.page("/demo")
    items = hidden(text, "item")
    assert status == 200 and len(items) > 1 and set(hidden(text, "user_id")) == {FIRST_USER}
    form = {"user_id": FIRST_USER, "item": items[1], "event": "click", "request": hidden(text, "request")[0]}
    status, _, headers = client.whole("POST", "/demo", urlencode(form).encode(), FORM)
    assert (status, headers["location"]) == (303, f"/demo?user={FIRST_USER}")
    assert answering.read_histories([FIRST_USER.encode()]) == [[items[1].encode()]]
    _, after, _ = client.page(headers["location"])
    assert items[1] not in hidden(after, "item"), "what was clicked is not recommended again"
    written = rows(log, folder)
    log = LAUNCH.log
    clicks = [row for row in written if row[log.event] == "click"]
    shown = [row for row in written if row[log.event] == log.impression and row[log.request] == clicks[0][log.request]]
    assert len(clicks) == 1 and [row[log.item] for row in shown] == items
    assert clicks[0][log.position] == 1


@pytest.mark.parametrize(
    "form", [{}, {"user_id": "u1", "item": "A", "event": "smile"}, {"user_id": "", "item": "A", "event": "click"}]
)
def test_a_form_that_is_not_the_pages_is_refused_and_leaves_nothing(logged, form):
    client, _, log, folder = logged
    assert client.whole("POST", "/demo", urlencode(form).encode(), FORM)[0] == 400
    assert rows(log, folder) == []


def test_a_page_of_another_site_clicks_nothing(logged):
    client, _, log, folder = logged
    form = urlencode({"user_id": "u1", "item": "A", "event": "click"}).encode()
    assert client.whole("POST", "/demo", form, FORM | {"origin": "https://evil.example"})[0] == 403
    assert rows(log, folder) == []


def test_a_page_that_is_not_logged_takes_no_click(tmp_path):
    push(tmp_path / "serving", 5)
    with pytest.raises(RequestError):
        Demo(service(tmp_path / "serving")).act([("user_id", "u1"), ("item", "A"), ("event", "click")])


def test_similar_items_are_impressions_of_their_own_and_can_be_acted_on(logged):
    client, _, log, folder = logged
    _, text, _ = client.page(f"/demo?user={FIRST_USER}&like=C")
    shown, like = text.split("<h2>Similar to")
    form = {
        "user_id": FIRST_USER,
        "item": hidden(like, "item")[0],
        "event": "click",
        "request": hidden(like, "request")[0],
    }
    assert hidden(shown, "request")[0] != form["request"]
    assert client.whole("POST", "/demo", urlencode(form).encode(), FORM)[0] == 303
    (click,) = [row for row in rows(log, folder) if row["event"] == "click"]
    assert (click["policy"], click["place"], click["item"]) == ("similar:model", 0, form["item"])
