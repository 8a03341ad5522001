import pytest
from small_server import push, service, serving

from components.serving.access import Access, host_name, of_server
from components.serving.event_log import EventLog

PREDICT, EVENTS = "/v1/models/toy:predict", "/v1/events"
CLICK = {"events": [{"user_id": "u", "item_id": "A", "event": "click"}]}
ASK = {"instances": [{"user_id": "u"}]}
EVIL = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"LocalHost:8501", "localhost"),
        (b"127.0.0.1", "127.0.0.1"),
        (b"[::1]:8501", "::1"),
        (b"::1", "::1"),
        (b"", ""),
        (b"a:b:c", "a:b:c"),
    ],
)
def test_the_name_in_a_host_header(header, name):
    assert host_name(header) == name


def test_a_server_of_this_machine_knows_its_names_and_others_do_not():
    assert of_server("127.0.0.1").hosts == {"127.0.0.1", "localhost", "::1"}
    assert of_server("0.0.0.0").hosts is None


def test_the_token_is_in_no_text():
    assert "secret" not in repr(Access(token="secret"))


def refusal(method="POST", path=EVENTS, access=None, **headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    refused = (access or Access()).refuse(method, path, pairs)
    return refused and refused.status


def test_origins():
    headers = {"host": "shop.example", "content_type": "application/json"}
    assert refusal(**headers) is None
    assert refusal(origin="http://shop.example", **headers) is None
    assert refusal(origin="https://shop.example.evil", **headers) == refusal(origin="null", **headers) == 403
    assert refusal(origin="https://a.example", access=Access(origins=("https://a.example",)), **headers) is None
    assert refusal(origin="https://a.example", access=Access(origins=("*",)), **headers) is None
    assert refusal("GET", origin="https://a.example", host="x") is None, "what reads is protected by the browser"
    assert refusal(origin="http://", content_type="application/json") == 403, "no host at all is no match"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_writes_need_json(kind):
    assert refusal(content_type=kind) == 415
    assert refusal(path=PREDICT, content_type=kind) is None, "as TF Serving"
    assert refusal(content_type="Application/JSON; charset=utf-8") is None


def test_writes_need_the_token_where_there_is_one():
    access = Access(token="secret")
    assert refusal(access=access, content_type="application/json") == 401
    assert refusal(access=access, content_type="application/json", authorization="Bearer other") == 401
    assert refusal(access=access, content_type="application/json", authorization="Bearer secret") is None
    assert refusal(path=PREDICT, access=access) is None
    assert refusal(path="/v1/items/withhold", access=access, content_type="application/json") == 401


@pytest.fixture
def log(tmp_path):
    log = EventLog(tmp_path / "log")
    yield log
    log.close()


def test_a_page_of_another_site_writes_nothing_and_sees_nothing(tmp_path, log):
    push(tmp_path / "serving", 1)
    answering = service(tmp_path / "serving", log)
    with serving(answering) as client:
        assert client.ask("POST", EVENTS, CLICK, {"Content-Type": "text/plain", **EVIL})[0] == 403
        assert client.ask("POST", EVENTS, CLICK, {"Content-Type": "text/plain"})[0] == 415
        assert client.ask("POST", PREDICT, ASK, EVIL)[0] == 403, "an answer is logged as impressions"
        for path in ("/demo", "/readyz", "/docs"):
            status, answer = client.ask("GET", path, None, {"Host": "evil.example"})
            assert status == 403 and "evil.example" in answer["error"]
        assert client.ask("OPTIONS", EVENTS, None, {**EVIL, "Access-Control-Request-Method": "POST"})[0] == 405
        assert 'dayone_requests_total{route="refused",status="403"} 5.0' in client.ask("GET", "/metrics")[1]
        assert client.ask("POST", EVENTS, CLICK, {"Host": f"localhost:{client.port}"}) == (200, {"accepted": 1})
    assert answering.histories.get([b"u"]) == [[b"A"]]


def test_pages_of_an_allowed_site_may_ask(tmp_path):
    push(tmp_path, 1)
    shop = "https://shop.example"
    with serving(service(tmp_path), access=of_server("127.0.0.1", (shop,))) as client:
        preflight = {
            "Origin": shop,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        assert client.ask("OPTIONS", EVENTS, None, preflight)[0] == 200
        assert client.ask("OPTIONS", PREDICT, None, preflight | {"Origin": "https://evil.example"})[0] == 400
        status, _, headers = client.whole("POST", PREDICT, ASK, {"Origin": shop})
        assert (status, headers["access-control-allow-origin"]) == (200, shop)
        status, _, headers = client.whole("POST", EVENTS, {"events": []}, {"Origin": shop})
        assert (status, headers["access-control-allow-origin"]) == (400, shop), "the page may read what was wrong"
        assert client.ask("POST", PREDICT, ASK, EVIL)[0] == 403
