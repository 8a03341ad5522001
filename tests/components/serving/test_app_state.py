"""What the server tells of itself over HTTP, and the items that it withholds."""

import re
import time

import pytest
from small_server import push, service, serving
from test_app import BEST, GOOD, check_refused

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


TIMES = [{"item_ids": ["A"], "until": 5}, {"item_ids": ["A"], "until": "1999-01-01"}]
WRONG_ITEMS = [{}, {"item_ids": []}, {"item_ids": "A"}, {"item_ids": [" "]}, *TIMES]


@pytest.mark.parametrize("body", WRONG_ITEMS)
def test_wrong_items_are_refused_with_a_text(client, body):
    check_refused(client, *client.ask("POST", "/v1/items/withhold", body))
    assert client.ask("GET", "/v1/items/withheld") == (200, {"items": {}})
