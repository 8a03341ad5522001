"""A local run as a person meets it: in processes of its own, on the small pipeline."""

import functools
import json
import signal
import subprocess
import sys
import time

import pytest
from small_run import TESTS, small_environment

from pipeline.local import child_process

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, str(TESTS / "small_run.py")]


def run(folder, mood, **options):
    return subprocess.run(
        [*COMMAND, str(folder), mood], capture_output=True, text=True, env=small_environment(), **options
    )


def latest(folder, ending):
    return max((folder / "shop" / "logs").glob(f"*.{ending}"))


def record(folder):
    return json.loads(latest(folder, "json").read_text())


def names_and_states(folder):
    return [(step["step"], step["state"]) for step in record(folder)["steps"]]


def test_a_run_tells_steps_verdict_and_paths_and_a_second_one_is_cached(tmp_path):
    served = tmp_path / "shop" / "serving" / "shop" / "7"
    served.mkdir(parents=True)
    (served / "saved_model.pb").touch()

    answer = run(tmp_path, "fine")

    lines = answer.stdout.splitlines()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert lines[0].startswith("starting TFX")
    assert [line.split()[:2] for line in lines[1:4]] == [["ok", "Numbers"], ["ok", "Sum"], ["ok", "Verdict"]]
    assert lines[1].endswith("2 rows by FnApiRunner")
    assert lines[4:7] == ["", "The model wins: café.", ""]
    assert lines[7] == f"serving  {served}  (still served)"
    assert lines[9] == f"log      {latest(tmp_path, 'log')}"
    assert "Sum says hello" in latest(tmp_path, "log").read_text()
    run_record = record(tmp_path)
    assert run_record["state"] == "done"
    assert (
        run_record["total"]["cpu"] >= run_record["setup"]["cpu"] + sum(step["cpu"] for step in run_record["steps"]) > 1
    )

    assert run(tmp_path, "fine").returncode == 0
    assert names_and_states(tmp_path) == [("Numbers", "cached"), ("Sum", "cached"), ("Verdict", "cached")]


def test_failures_are_one_message_and_the_next_run_goes_on(tmp_path):
    expected = run(tmp_path, "expected")
    assert expected.returncode == 1
    assert expected.stdout.endswith("error: column price: 3 values are missing.\ncolumn color: is new.\n")
    assert record(tmp_path)["state"] == "failed"

    bug = run(tmp_path, "bug")
    assert bug.returncode == 1
    assert (
        f"error: step Sum failed: ValueError: really wrong\n       full log: {latest(tmp_path, 'log')}\n" in bug.stdout
    )
    assert "Traceback" not in bug.stdout + bug.stderr
    assert "Traceback" in latest(tmp_path, "log").read_text()

    killed = run(tmp_path, "killed")
    assert killed.returncode == 1
    message = "the pipeline's process was killed in step Sum by somebody else (signal 9); the next run continues from the cache"
    assert f"error: {message}" in killed.stdout
    assert names_and_states(tmp_path) == [("Numbers", "cached")]


def test_a_step_whose_engine_job_was_ended_leaves_no_temporary_folder_and_the_next_run_begins_it_anew(tmp_path):
    ended = run(tmp_path, "ended")
    assert ended.returncode == 1
    assert "error: the pipeline's process was ended by signal 15 in step Sum" in ended.stdout
    (half,) = (tmp_path / "shop" / "artifacts" / "Sum").rglob("half_written")
    assert not list((tmp_path / "shop" / "artifacts").rglob("beam-temp*"))
    assert names_and_states(tmp_path) == [("Numbers", "done")]

    assert run(tmp_path, "fine").returncode == 0
    assert {path.parent for path in half.parents[1].rglob("half_written")} > {half.parent}


def started_and_slow(folder):
    """A run that is in the middle of its second step."""
    # A shell ignores SIGINT for its jobs in the background, and what ignores it hands that on.
    restore = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [*COMMAND, str(folder), "slow"],
        stdout=subprocess.PIPE,
        text=True,
        env=small_environment(),
        preexec_fn=restore,  # noqa: PLW1509 (no other thread)
    )
    for line in process.stdout:
        if "Numbers" in line:
            break
    until = time.monotonic() + 20
    while "adding: " not in latest(folder, "log").read_text() and time.monotonic() < until:
        time.sleep(0.1)
    return process


def seconds_until_free(folder):
    """How long the run's process, which holds the lock, stays alive."""
    began = time.monotonic()
    while is_busy(folder) and time.monotonic() - began < 20:
        time.sleep(0.1)
    return time.monotonic() - began


def is_busy(folder):
    try:
        with child_process.lock(folder):
            return False
    except child_process.BusyError:
        return True


def test_a_stopped_and_a_killed_run_leave_a_state_from_which_the_next_one_works(tmp_path):
    stopped = started_and_slow(tmp_path)
    assert is_busy(tmp_path / "shop")
    stopped.send_signal(signal.SIGINT)
    output = stopped.communicate(timeout=30)[0]
    assert (stopped.returncode, output) == (130, "stopped; the next run continues from the cache\n")
    assert seconds_until_free(tmp_path / "shop") < 1
    assert record(tmp_path)["state"] == "stopped"

    killed = started_and_slow(tmp_path)
    killed.kill()
    killed.communicate()
    assert seconds_until_free(tmp_path / "shop") < 10

    assert run(tmp_path, "fine").returncode == 0
    assert names_and_states(tmp_path) == [("Numbers", "cached"), ("Sum", "done"), ("Verdict", "done")]
