import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import threading

import pytest

from components.registry import experiment_state as states
from components.registry.experiment_state import FILE, Look, State, encode_state, read_state, write_state

STATE = State(
    id="shop-1", launch="shop", treatment=20, control=10, others=10, ramp=(0.02, 0.1, 1.0), stage=1, began=(100, 200),
    days=14, planned_variance=0.001, holdout=0.02, looks=(Look(10.0, 0.1), Look(20.0, 0.2)),
)  # fmt: skip


@pytest.mark.parametrize(
    "state",
    [STATE, dataclasses.replace(STATE, planned_variance=math.inf, looks=(), phase="holdout", began=(100, 200, 300))],
)
def test_a_state_survives_its_file(tmp_path, state):
    write_state(tmp_path, state)

    assert read_state(tmp_path) == states.Found(state)
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE]
    assert json.loads((tmp_path / FILE).read_text())["format"] == states.FORMAT


def test_no_file_is_no_experiment(tmp_path):
    assert read_state(tmp_path) == read_state(tmp_path / "missing") == states.Found(None)
    assert not states.finish_state(tmp_path, "stopped")


def test_a_finished_experiment_is_kept_under_its_id_and_ending(tmp_path):
    for number, kind in ((20, "harm"), (21, "ended")):
        write_state(tmp_path, dataclasses.replace(STATE, id=f"shop-{number}", treatment=number))
        assert states.finish_state(tmp_path, kind)

    assert read_state(tmp_path) == states.Found(None)
    assert states.list_finished(tmp_path) == [("shop-20", "harm"), ("shop-21", "ended")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encode_state(STATE)[:60], "torn"),
        ("", "torn"),
        ("[]", "format"),
        ('{"format": "other"}', "format"),
        ('{"format": "dayone-experiment-1"}', "lacks"),
        (encode_state(STATE).replace('"stage": 1', '"stage": 7'), "stage of the ramp"),
        (encode_state(STATE).replace('"stage": 1', '"stage": null'), "lacks or misstates"),
        (encode_state(STATE).replace("200", "50"), "rising"),
        (encode_state(STATE).replace('"ramp"\n', '"other"\n').replace('"phase": "ramp"', '"phase": "later"'), "phase"),
        (encode_state(STATE).replace('"stage"', '"more": 1, "stage"'), "more"),
        (encode_state(STATE).replace('"id": "shop-1"', '"id": "a/b"'), "id"),
        (encode_state(STATE).replace('"others": 10', '"others": 11'), "others"),
        (encode_state(STATE).replace('"treatment": 20', '"treatment": 10'), "two versions"),
    ],
)
def test_a_torn_or_foreign_file_is_a_stated_outcome(tmp_path, content, reason):
    (tmp_path / FILE).write_text(content)
    stored = read_state(tmp_path)

    assert stored.state is None
    assert str(tmp_path / FILE) in stored.problem and reason in stored.problem and "pipeline stop" in stored.problem
    assert states.finish_state(tmp_path, "stopped") and not (tmp_path / FILE).exists()
    assert states.list_finished(tmp_path) == [("unreadable", "stopped")]


def test_a_file_that_is_no_text_is_a_stated_outcome(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")

    assert "experiment.json" in read_state(tmp_path).problem


def test_a_reader_never_sees_a_half(tmp_path):
    write_state(tmp_path, STATE)
    problems = []
    done = threading.Event()

    def watch():
        while not done.is_set():
            problems.append(read_state(tmp_path).problem)

    reader = threading.Thread(target=watch)
    reader.start()
    for index in range(200):
        write_state(tmp_path, dataclasses.replace(STATE, id=f"shop-{index}"))
    done.set()
    reader.join()

    assert set(problems) == {""}


def test_a_writer_that_is_killed_leaves_a_whole_state(tmp_path):
    script = (
        "import sys; from pathlib import Path; from components.registry import experiment_state as s\n"
        "state = s.read_state(Path(sys.argv[1])).state\n"
        "print('ready', flush=True)\n"
        "while True: s.write_state(Path(sys.argv[1]), state)"
    )
    write_state(tmp_path, STATE)
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()

        assert read_state(tmp_path) == states.Found(STATE)


def test_the_control_lies_beside_the_launch(tmp_path):
    assert states.find_control(tmp_path / "shop") == tmp_path / "shop_control"
