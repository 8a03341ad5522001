"""The server over HTTP: a real one on a free port of this machine."""

import contextlib
import http.client
import json
import socket
import threading

import pytest
from small_server import LAUNCH, SmallModel, push, service, serving

from components.serving.event_log import EventLog
from components.serving.predict_request import Limits

GOOD = {"instances": [{"user_id": "u"}], "n": 2}
BEST = [{"item_ids": ["A", "B"], "scores": [10.0, 9.0]}]
U = {"user_id": "u"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving")
    push(folder, 5)
    with serving(service(folder, limits=Limits(body_bytes=200_000))) as client:
        yield client


def test_predict_by_model_and_by_version(client):
    for path in ("/v1/models/toy:predict", "/v1/models/toy/versions/5:predict"):
        status, answer = client.ask("POST", path, GOOD)
        assert (status, answer["predictions"], answer["model_version"]) == (200, BEST, "5")


def test_status_metadata_and_operations(client):
    assert client.ask("GET", "/v1/models/toy")[1]["model_version_status"][0]["version"] == "5"
    assert client.ask("GET", "/v1/models/toy/versions/5")[0] == 200
    assert client.ask("GET", "/v1/models/toy/metadata")[1]["model_spec"]["version"] == "5"
    assert client.ask("GET", "/healthz") == (200, {"status": "ok"})
    assert client.ask("GET", "/readyz") == (200, {"status": "ready", "version": 5})


def test_metrics_count_what_was_asked(client):
    client.predict(GOOD)
    client.predict(b"no")
    status, text = client.ask("GET", "/metrics")
    assert status == 200
    for line in (
        'dayone_requests_total{route="predict",status="200"}',
        'dayone_requests_total{route="predict",status="400"}',
        "dayone_model_version 5.0",
    ):
        assert line in text


def test_openapi_describes_every_route(client):
    paths = client.ask("GET", "/openapi.json")[1]["paths"]
    assert {
        "/v1/models/{name}:predict",
        "/v1/models/{name}/versions/{version}:predict",
        "/v1/events",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= set(paths)


def test_events_change_the_next_answer(client):
    assert client.ask("POST", "/v1/events", {"events": [{"user_id": "w", "item_id": "A", "event": "click"}]}) == (
        200,
        {"accepted": 1},
    )
    assert client.predict({"instances": [{"user_id": "w"}], "n": 1})[1]["predictions"][0]["item_ids"] == ["B"]


def deep(levels):
    return b'{"instances": ' + b"[" * levels + b"]" * levels + b"}"


PREDICT, EVENTS = "/v1/models/toy:predict", "/v1/events"
BAD_BODIES = [
    b"",
    b"not json",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b'{"instances": [{"user_id": "u"}]} trailing',
    b'{"instances": NaN}',
    b'{"instances": [{"user_id": "u", "age": NaN}]}',
    b'{"instances": [{"user_id": "u", "age": Infinity}]}',
    b'{"instances": [{"user_id": "u", "age": 1e999}]}',
    b'{"instances": [{"user_id": "\\ud800"}]}',
    b'{"instances": [{"user_id": ' + b"9" * 5_000 + b"}]}",
    deep(1_000),
    deep(90_000),
    {},
    {"instances": None},
    {"instances": []},
    {"instances": [None]},
    {"instances": [[U]]},
    {"instances": [{}]},
    {"instances": [{"user_id": {"b64": "AAAA"}}]},
    {"instances": [{"user_id": ["u"]}]},
    {"instances": [U | {"history": "ABC"}]},
    {"instances": [U | {"history": {"0": "A"}}]},
    {"instances": [U | {"history": [None]}]},
    {"instances": [U | {"history": ["A"] * 1_001}]},
    {"instances": [U | {"exclude_ids": ["x"] * 40_000}]},
    {"instances": [U | {"exclude_ids": [1.5]}]},
    {"instances": [U | {"device": ["tv"]}]},
    {"instances": [U | {"age": True}]},
    {"instances": [U | {"__proto__": 1}]},
    {"instances": [{"user_id": "\u0000" * 600}]},
    {"instances": [U] * 257},
    {"instances": [U], "inputs": {}},
    {"instances": [U], "n": -1},
    {"instances": [U], "n": 10**30 * 1.5},
    {"instances": [U], "signature_name": "../../etc/passwd"},
    {"instances": [U], "signature_name": None},
    {"inputs": []},
    {"inputs": {"user_id": []}},
    {"inputs": {"user_id": ["u", "v"], "history": [["A"]]}},
    {"signature_name": "rank", "instances": [U | {"item_ids": None}]},
    {"signature_name": "embed_items", "instances": [None]},
    b'{"instances": [{"user_id": "' + b"u" * 250_000 + b'"}]}',
]
BAD_PATHS = [
    ("POST", "/v1/models/other:predict", 404),
    ("POST", "/v1/models/toy/versions/6:predict", 404),
    ("POST", "/v1/models/toy/versions/abc:predict", 400),
    ("POST", "/v1/models/toy/versions/-5:predict", 400),
    ("POST", "/v1/models/toy/versions/" + "9" * 400 + ":predict", 400),
    ("POST", "/v1/models/..%2f..%2fetc%2fpasswd:predict", 404),
    ("POST", "/v1/models/../../etc/passwd", 404),
    ("POST", "/v1/models/%00:predict", 404),
    ("POST", "/v1/models/toy:classify", 405),
    ("GET", PREDICT, 404),
    ("DELETE", "/v1/models/toy", 405),
    ("GET", "/v1/models/other", 404),
    ("GET", "/v1/models/toy/versions/6", 404),
    ("GET", "/v1/models/toy/versions/x/metadata", 400),
    ("GET", "/v2", 404),
]


def check_refused(client, status, answer, path=PREDICT):
    assert 400 <= status < 500, (status, answer)
    assert isinstance(answer["error"], str) and 5 < len(answer["error"]) < 600
    assert "Traceback" not in answer["error"]
    assert client.predict(GOOD)[1]["predictions"] == BEST, "the next good request is answered"


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body)[:40])
def test_a_bad_body_is_refused_with_a_text(client, body):
    check_refused(client, *client.predict(body))


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        {},
        {"events": {}},
        {"events": [U]},
        {"events": [U | {"item_id": "A", "event": "shown"}]},
        {"events": [1] * 2_000},
    ],
)
def test_bad_events_are_refused_with_a_text(client, body):
    check_refused(client, *client.ask("POST", EVENTS, body))


@pytest.mark.parametrize(("method", "path", "expected"), BAD_PATHS)
def test_a_bad_path_is_refused_with_a_text(client, method, path, expected):
    status, answer = client.ask(method, path, GOOD if method == "POST" else None)
    assert status == expected
    check_refused(client, status, answer)


def test_a_body_that_claims_to_be_large_is_not_read(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    connection.putrequest("POST", PREDICT)
    connection.putheader("content-length", str(10**9))
    connection.endheaders()
    answer = connection.getresponse()
    check_refused(client, answer.status, json.loads(answer.read()))
    connection.close()


def test_a_chunked_body_is_read_no_further_than_allowed(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    # The server may have answered and closed before the last chunk is sent.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request(
            "POST", PREDICT, iter([b"[" * 50_000] * 10), {"transfer-encoding": "chunked"}, encode_chunked=True
        )
    answer = connection.getresponse()
    assert answer.status == 413
    check_refused(client, answer.status, json.loads(answer.read()))
    connection.close()


def test_a_caller_who_hangs_up_is_no_failure(client):
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(b"POST /v1/models/toy:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    assert client.predict(GOOD)[0] == 200


def test_a_body_that_does_not_come_is_given_up(tmp_path):
    push(tmp_path, 1)
    with serving(service(tmp_path), seconds=0.2) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        connection.putrequest("POST", PREDICT)
        connection.putheader("content-length", "100")
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (408, {"error": "the body did not arrive within 0.2 s."})
        connection.close()


def test_without_a_version_the_server_lives_and_is_not_ready(tmp_path):
    with serving(service(tmp_path)) as client:
        assert client.ask("GET", "/healthz")[0] == 200
        assert client.ask("GET", "/readyz")[0] == 503
        assert client.predict(GOOD) == (503, {"error": "no version is loaded yet: run the pipeline, or wait."})


def test_a_full_queue_says_so_at_once(tmp_path):
    push(tmp_path, 1)
    gate = threading.Event()
    answering = service(tmp_path, make=lambda version: SmallModel(version.number, delay=lambda: gate.wait(10)))
    with serving(answering, threads=1, waiting=1) as client:
        answers = []
        askers = [threading.Thread(target=lambda: answers.append(client.predict(GOOD)[0])) for _ in range(6)]
        for asker in askers:
            asker.start()
        while len(answers) < 4:
            pass
        assert answers == [503] * 4
        gate.set()
        for asker in askers:
            asker.join()
        assert sorted(answers) == [200, 200, 503, 503, 503, 503]


def test_a_model_that_takes_too_long_is_given_up(tmp_path):
    push(tmp_path, 1)
    gate = threading.Event()
    answering = service(tmp_path, make=lambda version: SmallModel(version.number, delay=lambda: gate.wait(10)))
    with serving(answering, seconds=0.1) as client:
        assert client.predict(GOOD) == (504, {"error": "no answer within 0.1 s."})
        gate.set()
        assert client.predict(GOOD)[0] == 200


def test_a_failure_of_ours_is_no_traceback(tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path, make=lambda version: SmallModel(version.number, delay=lambda: 1 / 0))
    with serving(answering) as client:
        assert client.predict(GOOD) == (500, {"error": "the server failed; its log says why."})


def test_when_it_stops_the_log_is_closed(tmp_path):
    push(tmp_path, 1)
    log = EventLog(tmp_path / "log")
    with serving(service(tmp_path, log), close=log.close) as client:
        client.predict(GOOD)
    (file,) = (tmp_path / "log").iterdir()
    assert [json.loads(line)["item"] for line in file.read_text().splitlines()] == ["A", "B"]
    assert set(json.loads(file.read_text().splitlines()[0])) == set(LAUNCH.log.columns())


def test_a_log_that_fails_is_told_and_the_server_stays_ready(tmp_path):
    push(tmp_path, 1)
    log = EventLog(tmp_path / "log", seconds_per_file=0.0)
    log.problem = "OSError: No space left on device"
    with serving(service(tmp_path, log), close=log.close) as client:
        assert client.ask("GET", "/readyz") == (
            200,
            {"status": "ready", "version": 1, "log": "failing: OSError: No space left on device"},
        )
        assert "dayone_log_failing 1.0" in client.ask("GET", "/metrics")[1]
        client.predict(GOOD)
        while "dayone_log_failing 1.0" in client.ask("GET", "/metrics")[1]:
            pass
        assert client.ask("GET", "/readyz") == (200, {"status": "ready", "version": 1})
