"""The server's connections: slow heads, idle ones, too many, and the end of the kept ones when it stops."""

import contextlib
import dataclasses
import http.client
import json
import resource
import socket
import threading
import time

import pytest
from small_server import BOUNDS, SmallModel, push, service, serving

from components.serving import connections
from components.serving.connections import allow_open_files

ASK = json.dumps({"instances": [{"user_id": "u"}]})
PATH = "/v1/models/toy:predict"
HALF = b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: localhost\r\nX-a: "


def impatient(**more):
    return dataclasses.replace(BOUNDS, head_seconds=0.4, **more)


def is_closed(sock, seconds=5.0):
    """Whether the server closes the connection within the time."""
    sock.settimeout(seconds)
    try:
        while sock.recv(4_096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.fixture
def folder(tmp_path):
    push(tmp_path, 1)
    return tmp_path


@pytest.mark.parametrize("sent", [b"", HALF])
def test_a_head_that_does_not_come_is_given_up(folder, sent):
    with (
        serving(service(folder), bounds=impatient()) as client,
        socket.create_connection(("127.0.0.1", client.port)) as slow,
    ):
        slow.sendall(sent)
        began = time.monotonic()
        assert is_closed(slow)
        assert 0.3 < time.monotonic() - began < 3


def test_a_head_that_drips_is_given_up(folder):
    with (
        serving(service(folder), bounds=impatient()) as client,
        socket.create_connection(("127.0.0.1", client.port)) as slow,
    ):
        slow.sendall(HALF)
        sent = 0
        with contextlib.suppress(OSError):
            for sent in range(50):  # noqa: B007 counted
                slow.sendall(b"b")
                time.sleep(0.1)
        assert sent < 40


def test_the_head_of_a_second_request_is_timed_too(folder):
    with serving(service(folder), bounds=impatient()) as client:
        kept = http.client.HTTPConnection("127.0.0.1", client.port)
        kept.request("POST", PATH, ASK)
        assert kept.getresponse().read()
        time.sleep(0.6)
        kept.request("POST", PATH, ASK)
        assert kept.getresponse().read(), "an idle connection is kept longer than a slow head"
        kept.sock.sendall(HALF)
        assert is_closed(kept.sock)
        kept.close()


def test_a_head_that_begins_while_the_request_before_it_is_answered_is_timed_too(folder):
    asked, gate = threading.Event(), threading.Event()

    def delay():
        asked.set()
        gate.wait(10)

    answering = service(folder, make=lambda version: SmallModel(version.number, delay=delay))
    with serving(answering, bounds=impatient()) as client:
        kept = http.client.HTTPConnection("127.0.0.1", client.port)
        kept.request("POST", PATH, ASK)
        assert asked.wait(10)
        kept.sock.sendall(HALF)
        time.sleep(0.1)
        gate.set()
        assert kept.getresponse().read()
        assert is_closed(kept.sock)
        kept.close()


def test_a_body_in_pieces_is_no_head_of_the_next_request(folder):
    with serving(service(folder), bounds=impatient()) as client:
        kept = http.client.HTTPConnection("127.0.0.1", client.port)
        for _ in range(2):
            kept.putrequest("POST", PATH)
            kept.putheader("Content-Length", str(len(ASK)))
            kept.endheaders(ASK[:5].encode())
            time.sleep(0.1)
            kept.send(ASK[5:].encode())
            assert kept.getresponse().read()
            time.sleep(1.0)
        kept.close()


def test_an_endless_head_is_not_kept(folder):
    with serving(service(folder)) as client, socket.create_connection(("127.0.0.1", client.port)) as greedy:
        with contextlib.suppress(OSError):
            greedy.sendall(HALF + b"x" * 10_000_000)
        assert is_closed(greedy)
        assert client.predict({"instances": [{"user_id": "u"}]})[0] == 200


def test_slow_callers_lock_nobody_out(folder):
    """Twice as many slow connections as there may be: every request between them is answered at once."""
    with (
        serving(service(folder), bounds=dataclasses.replace(BOUNDS, connections=20)) as client,
        contextlib.ExitStack() as stack,
    ):
        for number in range(40):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", client.port)))
            slow.sendall(HALF)
            if number % 5 == 0:
                began = time.monotonic()
                assert client.predict({"instances": [{"user_id": "u"}]})[0] == 200
                assert time.monotonic() - began < 2


def test_where_all_connections_work_a_new_one_is_told_so(folder):
    gate, answers = threading.Event(), []
    answering = service(folder, make=lambda version: SmallModel(version.number, delay=lambda: gate.wait(10)))
    with serving(answering, bounds=dataclasses.replace(BOUNDS, connections=2)) as client:
        askers = [
            threading.Thread(target=lambda: answers.append(client.predict({"instances": [{"user_id": "u"}]})[0]))
            for _ in range(2)
        ]
        for asker in askers:
            asker.start()
        while answering.holder.model().users < 2:
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", client.port)) as third:
            assert third.recv(100).startswith(b"HTTP/1.1 503 ")
        gate.set()
        for asker in askers:
            asker.join()
    assert answers == [200, 200]


def ask_until_closed(port, counts):
    """Requests on one kept connection, as a browser or a pool does: a new connection only when the server said that it closes this one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while True:
        try:
            connection.request("POST", PATH, ASK)
            answer = connection.getresponse()
            answer.read()
        except (http.client.HTTPException, OSError) as error:
            counts.append(repr(error))
            return
        counts.append(answer.status)
        if answer.headers["connection"] == "close":
            connection.close()
            return
        time.sleep(0.02)


def test_kept_connections_lose_no_request_when_the_server_stops(folder):
    counts = [[] for _ in range(6)]
    with serving(service(folder), bounds=dataclasses.replace(BOUNDS, drain_seconds=2.0)) as client:
        askers = [threading.Thread(target=ask_until_closed, args=(client.port, mine)) for mine in counts]
        for asker in askers:
            asker.start()
        while min(map(len, counts)) < 3:
            time.sleep(0.01)
    for asker in askers:
        asker.join()
    assert {status for mine in counts for status in mine} == {200}


def test_an_idle_connection_does_not_hold_the_end_up(folder):
    with serving(service(folder)) as client:
        idle = socket.create_connection(("127.0.0.1", client.port))
        client.predict({"instances": [{"user_id": "u"}]})
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert is_closed(idle)
    idle.close()


def test_the_limit_of_open_files_is_raised_or_the_connections_are_fewer(monkeypatch):
    spare = connections.BACKLOG + connections.SPARE_FILES
    limit = {}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limit["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, wanted: limit.update(now=wanted))
    limit["now"] = (1_024, 4_096)
    assert (allow_open_files(1_000), limit["now"]) == (1_000, (1_000 + spare, 4_096))
    limit["now"] = (1_024, 1_024)
    assert allow_open_files(1_000) == 1_024 - spare
