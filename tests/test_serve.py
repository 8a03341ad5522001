"""`python -m pipeline serve` in a process of its own, with real SavedModels."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from small_server import Client

from components.errors import SettingsError
from components.ingest.log_files import find_files
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from pipeline import commands, launches, serve

ROOT = Path(__file__).resolve().parents[1]


def options(**changed):
    values = {"host": "127.0.0.1", "port": 0, "threads": 2, "waiting": 4, "timeout": 5.0, "explore": 0.0, "traffic": None}
    return serve.Options(**values | changed)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("explore", 1.5, "setting --explore needs a number from 0 to 1, got 1.5"),
        ("threads", 0, "setting --threads needs a number from 1 to 1024, got 0"),
        ("timeout", 0.0, "setting --timeout needs a number from 0.001 to 3600, got 0.0"),
        ("port", 70_000, "setting --port needs"),
        ("waiting", -1, "setting --waiting needs"),
    ],
)
def test_a_wrong_option_is_one_message(name, value, said):
    with pytest.raises(SettingsError, match=said):
        options(**{name: value})


def test_a_port_that_is_taken_is_one_message(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert commands.main(["serve", "--launch", "shop", "--port", port, "--workspace", str(tmp_path), "--no-log"]) == 1
    assert "in use" in capsys.readouterr().err


def test_the_socket_is_one_on_which_asyncio_does_not_wait():
    with serve.listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_host_that_is_not_there_is_one_message(tmp_path, capsys):
    assert commands.main(["serve", "--launch", "shop", "--host", "no.such.host.invalid", "--workspace", str(tmp_path), "--no-log"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


class Server:
    """A server process on a workspace; `client` asks it."""

    def __init__(self, workspace, *more):
        command = [sys.executable, "-m", "pipeline", "serve", "--launch", "shop", "--workspace", str(workspace), "--port", "0", *more]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
        self.errors = (workspace / "stderr.txt").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.said = self.process.stdout.readline()
        self.client = Client(int(self.said.split("127.0.0.1:")[1].split("/")[0]))

    def wait_ready(self, version=None, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.client.ask("GET", "/readyz")[1]["version"]
            if answer and version in (None, answer):
                return answer
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.client.ask('GET', '/v1/models/shop')}")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(30)
        self.process.stdout.close()
        self.errors.close()
        return status


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A whole version for the shop's declaration."""
    tf = pytest.importorskip("tensorflow")
    from small_recommenders import LAUNCH, next_item, save_table

    folder = tmp_path_factory.mktemp("model") / "whole"
    return Path(save_table(folder, next_item(noise=0.1, count=10), LAUNCH, context={"device": tf.string, "country": tf.string}))


@pytest.fixture
def workspace(tmp_path, model):
    push(tmp_path, model, 1)
    return tmp_path


def push(workspace, model, number):
    serving = workspace / "shop" / "serving" / "shop"
    shutil.copytree(model, serving / ".pushing-test")
    (serving / ".pushing-test").rename(serving / str(number))
    return serving / str(number)


def ask(client, user):
    return client.predict({"instances": [{"user_id": user, "device": "mobile", "country": "NL"}]}, "shop")


class Storm:
    """Clients that ask until it ends; counts answers, failures and versions."""

    def __init__(self, client, clients):
        self.answered, self.failed, self.versions, self._stop = 0, [], set(), threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client, f"u{number}")) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, client, user):
        while not self._stop.is_set():
            try:
                status, answer = ask(client, user)
            except (OSError, http.client.HTTPException) as error:  # killed before or within its answer
                status, answer = 0, error
            if status == 200:
                self.answered += 1
                self.versions.add(answer["model_version"])
            else:
                self.failed.append((status, answer))

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
def test_versions_change_under_load_and_a_broken_one_is_refused(workspace, model):
    server = Server(workspace)
    server.wait_ready(1)
    storm = Storm(server.client, clients=4)
    for number in (2, 3):
        push(workspace, model, number)
        server.wait_ready(number)
    (push(workspace, model, 4) / "variables" / "variables.index").write_bytes(b"garbage")
    while "END" not in server.client.ask("GET", "/v1/models/shop")[1]["model_version_status"][0]["state"]:
        time.sleep(0.05)
    push(workspace, model, 5)
    server.wait_ready(5)
    answer = ask(server.client, "u")[1]
    storm.end()
    assert server.end() == 0
    assert storm.failed == [] and storm.answered > 100
    assert {"1", "2", "3"} <= storm.versions <= {"1", "2", "3", "5"}
    assert answer["model_version"] == "5"
    assert "Traceback" not in (workspace / "stderr.txt").read_text()


@pytest.mark.slow
def test_after_kill_9_in_a_storm_the_next_start_serves_and_no_row_is_torn(workspace):
    server = Server(workspace, "--explore", "0.5")
    server.wait_ready()
    storm = Storm(server.client, clients=4)
    while storm.answered < 300:
        time.sleep(0.01)
    server.end(signal.SIGKILL)
    storm.end()
    again = Server(workspace)
    again.wait_ready(1)
    shown = ask(again.client, "u1")[1]
    item, request = shown["predictions"][0]["item_ids"][0], shown["request_ids"][0]
    click = {"user_id": "u1", "item_id": item, "event": "click", "request_id": request}
    assert again.client.ask("POST", "/v1/events", {"events": [click]}) == (200, {"accepted": 1})
    assert again.end() == 0
    log = launches.load("shop").log
    reader = LogReader(find_files(str(workspace / "shop" / "traffic"), "*"), Layout.of_log(log))
    rows = reader.settle(log.columns()).to_pylist()
    # What was answered in the last fraction of a second may not have reached the disk; all else did, in whole rows.
    assert len(rows) > 200 * 5
    assert {row["event"] for row in rows} == {"impression", "click"} and {row["policy"] for row in rows} == {"model", "explore"}
    assert all(row["item_id"].isdecimal() and row["country"] == "NL" for row in rows)
    assert [row["request_id"] for row in rows if row["event"] == "click"] == [request]
