"""`python -m pipeline serve` in a process of its own, with real SavedModels."""

import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
from server_process import ServerProcess, Storm, ask

from components.ingest.log_files import find_files
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from pipeline import launches
from pipeline.cli import main


def test_a_port_that_is_taken_is_one_message(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert main.main(["serve", "--launch", "shop", "--port", port, "--workspace", str(tmp_path), "--no-log"]) == 1
    assert "in use" in capsys.readouterr().err


def test_a_host_that_is_not_there_is_one_message(tmp_path, capsys):
    assert (
        main.main(
            ["serve", "--launch", "shop", "--host", "no.such.host.invalid", "--workspace", str(tmp_path), "--no-log"]
        )
        == 1
    )
    assert capsys.readouterr().err.startswith("error: ")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A complete version for the shop's declaration."""
    tf = pytest.importorskip("tensorflow")
    from small_recommenders import LAUNCH, next_item, save_table

    folder = tmp_path_factory.mktemp("model") / "whole"
    return Path(
        save_table(folder, next_item(noise=0.1, count=10), LAUNCH, context={"device": tf.string, "country": tf.string})
    )


@pytest.fixture
def workspace(tmp_path, model):
    push(tmp_path, model, 1)
    return tmp_path


def push(workspace, model, number):
    serving = workspace / "shop" / "serving" / "shop"
    shutil.copytree(model, serving / ".pushing-test")
    (serving / ".pushing-test").rename(serving / str(number))
    return serving / str(number)


@pytest.mark.slow
def test_versions_change_under_load_and_a_broken_one_is_refused(workspace, model):
    server = ServerProcess(workspace)
    server.wait_ready(1)
    storm = Storm(server.client, clients=4)
    for number in (2, 3):
        push(workspace, model, number)
        server.wait_ready(number)
    (push(workspace, model, 4) / "variables" / "variables.index").write_bytes(b"garbage")
    end = time.monotonic() + 120
    while "END" not in (status := server.client.ask("GET", "/v1/models/shop")[1]["model_version_status"][0])["state"]:
        assert time.monotonic() < end, status
        time.sleep(0.05)
    push(workspace, model, 5)
    server.wait_ready(5)
    answer = ask(server.client, "u")[1]
    storm.end()
    assert server.end() == 0
    assert storm.failed == [] and storm.answered > 100
    assert {"1", "2", "3"} <= storm.versions <= {"1", "2", "3", "5"}
    assert answer["model_version"] == "5"
    errors = (workspace / "stderr.txt").read_text()
    assert "Traceback" not in errors and "Warning" not in errors


@pytest.mark.slow
def test_after_kill_9_in_a_storm_and_in_a_push_the_next_start_serves_the_last_whole_version_and_no_row_is_torn(
    workspace,
):
    server = ServerProcess(workspace, "--explore", "0.5")
    server.wait_ready()
    storm = Storm(server.client, clients=4)
    storm.wait_answered(300)
    server.end(signal.SIGKILL)
    storm.end()
    # What a push leaves that was killed, ours and one that copies file by file into the numbered folder.
    for half in (".pushing-4711", "9"):
        (workspace / "shop" / "serving" / "shop" / half / "variables").mkdir(parents=True)
    (workspace / "shop" / "serving" / "shop" / ".pushing-4711" / "saved_model.pb").write_bytes(b"half")
    again = ServerProcess(workspace)
    assert again.wait_ready() == 1, "the last complete version"
    shown = ask(again.client, "u1")[1]
    item, request = shown["predictions"][0]["item_ids"][0], shown["request_ids"][0]
    click = {"user_id": "u1", "item_id": item, "event": "click", "request_id": request}
    assert again.client.ask("POST", "/v1/events", {"events": [click]}) == (200, {"accepted": 1})
    assert again.end() == 0
    log = launches.load("shop").log
    reader = LogReader(find_files(str(workspace / "shop" / "traffic"), "*"), Layout.of_log(log))
    rows = reader.settle(log.columns()).to_pylist()
    # What was answered in the last fraction of a second may not have reached the disk; all else did, in complete rows.
    assert len(rows) > 200 * 5
    assert {row["event"] for row in rows} == {"impression", "click"} and {row["policy"] for row in rows} == {
        "model",
        "explore",
    }
    assert all(row["item_id"].isdecimal() and row["country"] == "NL" for row in rows)
    assert [row["request_id"] for row in rows if row["event"] == "click"] == [request]
