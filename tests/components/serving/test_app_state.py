"""What the server tells of itself over HTTP, and the items that it withholds."""

import logging
import re
import time

import pytest
from small_server import push, service, serving
from test_app import BEST, GOOD, check_refused

from components.serving.guarded_history import Breaker, GuardedHistories
from components.serving.predict_request import Limits


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving")
    push(folder, 5)
    with serving(service(folder, limits=Limits(body_bytes=200_000))) as client:
        yield client


def test_the_description_for_people_loads_nothing_from_elsewhere(client):
    status, text, headers = client.page("/docs")
    assert status == 200 and "default-src 'none'" in headers["content-security-policy"]
    assert "<script" not in text and not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    for path in client.ask("GET", "/openapi.json")[1]["paths"]:
        assert path in text
    assert "curl -H &#39;Content-Type: application/json&#39; -d &#39;{&#34;events&#34;: [" in text
    assert f"http://127.0.0.1:{client.port}/v1/events" in text
    assert client.ask("GET", "/redoc")[0] == 404


def test_a_withheld_item_is_shown_by_no_server_of_the_folder_and_the_answer_is_full(tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path)
    with serving(answering) as one, serving(service(tmp_path)) as other:
        assert one.ask("POST", "/v1/items/withhold", {"item_ids": ["A"]}) == (200, {"withheld": 1})
        assert one.predict(GOOD)[1]["predictions"][0]["item_ids"] == ["B", "C"], (
            "at once in the server that got the request"
        )
        end = time.monotonic() + 2
        while "A" in other.predict(GOOD)[1]["predictions"][0]["item_ids"]:
            assert time.monotonic() < end
        assert other.predict(GOOD)[1]["predictions"][0]["item_ids"] == ["B", "C"]
        push(tmp_path, 2)
        answering.holder.check()
        assert one.predict(GOOD)[1]["model_version"] == "2"
        assert one.predict(GOOD)[1]["predictions"][0]["item_ids"] == ["B", "C"], "of a later version, too"
        assert "dayone_withheld_items 1.0" in one.ask("GET", "/metrics")[1]
        assert one.ask("GET", "/v1/items/withheld") == (200, {"items": {"A": None}})
        assert other.ask("POST", "/v1/items/release", {"item_ids": ["A"]}) == (200, {"withheld": 0})
        assert other.predict(GOOD)[1]["predictions"] == BEST


class Gone(Exception):
    """What the client of a store raises; it names whom it connected as."""


class Failing:
    """A store that can be shut down and started."""

    down = False

    def get(self, users):
        if self.down:
            raise Gone("postgres://feast:secret@db refused")
        return [[b"A"] for _ in users]

    def add(self, user, item):
        pass


def test_a_store_that_is_down_costs_no_answer_and_is_told_until_it_is_back(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    push(tmp_path, 1)
    store = Failing()
    guarded = GuardedHistories(lambda: store, Breaker(deadline=5.0, failures=2, pause=0.05, longest_pause=0.1))
    with serving(service(tmp_path, histories=guarded)) as server:

        def told():
            status, state = server.ask("GET", "/readyz")
            down = re.search(r'dayone_store_down\{store="history"\} (\S+)', server.ask("GET", "/metrics")[1])
            return status, state, down and down[1]

        def first():
            return server.predict({"instances": [{"user_id": "u"}]})[1]["predictions"][0]["item_ids"][0]

        assert first() == "B" and told() == (200, {"status": "ready", "version": 1}, "0.0")
        store.down = True
        assert [first(), first(), first()] == ["A"] * 3
        assert told() == (200, {"status": "ready", "version": 1, "history": "failing: Gone"}, "1.0")
        store.down, end = False, time.monotonic() + 5
        while told()[2] == "1.0":
            assert time.monotonic() < end
        assert first() == "B" and "history" not in told()[1]


TIMES = [{"item_ids": ["A"], "until": 5}, {"item_ids": ["A"], "until": "1999-01-01"}]
WRONG_ITEMS = [{}, {"item_ids": []}, {"item_ids": "A"}, {"item_ids": [" "]}, *TIMES]


@pytest.mark.parametrize("body", WRONG_ITEMS)
def test_wrong_items_are_refused_with_a_text(client, body):
    check_refused(client, *client.ask("POST", "/v1/items/withhold", body))
    assert client.ask("GET", "/v1/items/withheld") == (200, {"items": {}})
