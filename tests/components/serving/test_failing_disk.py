"""The traffic log when the disk fails, files vanish, servers share a folder and clocks jump: what is written, and what is counted."""

import errno
import json
import os
import shutil
import time

import pytest
from test_event_log import rows, wait_for

from components.serving import event_log, traffic_file
from components.serving.event_log import EventLog
from components.serving.traffic_file import recover


def settle(log, rows=None):
    """Waits until the writer has counted `rows` rows (all that were added), and is between two batches."""
    wait_for(lambda: log.written + log.dropped == rows)


def tracebacks(caplog):
    return sum(record.exc_info is not None for record in caplog.records)


def test_a_rotation_that_fails_loses_nothing_and_is_tried_again(tmp_path, caplog):
    day = tmp_path / time.strftime("%Y-%m-%d", time.gmtime())
    day.write_text("a file")
    log = EventLog(tmp_path, rows_per_file=10, day_folder="%Y-%m-%d")
    for n in range(30):
        log.add([{"n": n}])
        time.sleep(0.02)
    wait_for(lambda: log.problem)
    settle(log, 30)
    assert (log.written, log.dropped) == (30, 0) and "File exists" in log.problem
    day.unlink()
    wait_for(lambda: not log.problem)
    log.add([{"n": 30}])
    log.close()
    assert [row["n"] for row in rows(day)] == list(range(31))
    assert (log.written, log.dropped, tracebacks(caplog)) == (31, 0, 1)


def test_a_folder_that_is_removed_is_made_again_and_its_open_rows_count_as_dropped(tmp_path, caplog):
    folder = tmp_path / "traffic"
    log = EventLog(folder)
    log.add([{"n": 1}, {"n": 2}])
    settle(log, 2)
    shutil.rmtree(folder)
    wait_for(lambda: log.dropped == 2)
    log.add([{"n": 3}])
    log.close()
    assert rows(folder) == [{"n": 3}]
    assert (log.written, log.dropped, tracebacks(caplog)) == (1, 2, 0)
    assert "2 rows are lost" in caplog.text


def test_a_full_disk_drops_what_does_not_fit_and_recovers_with_one_traceback(tmp_path, caplog, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    log = EventLog(tmp_path)
    log.add([{"n": 0}])
    settle(log, 1)
    with monkeypatch.context() as disk:
        disk.setattr(traffic_file, "write_whole", lambda file, content, start: full(file, content))
        for n in range(1, 6):
            log.add([{"n": n}])
            settle(log, n + 1)
        assert "No space left" in log.problem
    log.add([{"n": 6}])
    log.close()
    assert [row["n"] for row in rows(tmp_path)] == [0, 6]
    assert (log.written, log.dropped, log.problem, tracebacks(caplog)) == (2, 5, "", 1)
    assert "rows dropped meanwhile: 5" in caplog.text or "rows dropped meanwhile: 4" in caplog.text


def test_a_file_that_never_works_again_is_left_and_published_later(tmp_path):
    log = EventLog(tmp_path)
    log.add([{"n": 1}])
    settle(log, 1)
    os.close(log._file._file.fileno())  # as a network disk whose handle went stale
    log.add([{"n": 2}])
    settle(log, 2)
    log.add([{"n": 3}])
    log.close()
    assert sorted(row["n"] for row in rows(tmp_path)) in ([1, 3], [1, 2, 3])
    assert log.written + log.dropped == 3


def test_one_bad_row_does_not_cost_its_batch(tmp_path):
    log = EventLog(tmp_path)
    log.add([{"n": 1}, {"n": float("nan")}, {"n": object()}, {"n": 2}])
    log.close()
    assert (rows(tmp_path), log.written, log.dropped) == ([{"n": 1}, {"n": 2}], 2, 2)


def test_what_waits_is_bounded_in_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(event_log, "WAITING_ROWS", 100)
    log = EventLog(tmp_path)
    log.add([{"n": n} for n in range(101)])
    assert log.dropped == 101
    log.add([{"n": 0}] * 100)
    log.close()
    assert (log.written, log.dropped) == (100, 101)


def test_servers_share_a_folder_while_others_start(tmp_path):
    logs = [EventLog(tmp_path, rows_per_file=7) for _ in range(4)]
    for n in range(400):
        logs[n % 4].add([{"n": n}])
        if n % 20 == 0:
            recover(tmp_path)
    for log in logs:
        log.close()
    assert sorted(row["n"] for row in rows(tmp_path)) == list(range(400))
    assert [log.dropped for log in logs] == [0] * 4


def test_a_file_that_a_starting_server_takes_for_an_empty_one_is_made_again(tmp_path, monkeypatch):
    locked, real = [], traffic_file.fcntl.flock

    def slow(file, how):
        if not locked and how == traffic_file.fcntl.LOCK_EX:
            locked.append(file.name)
            recover(tmp_path)
        return real(file, how)

    monkeypatch.setattr(traffic_file.fcntl, "flock", slow)
    log = EventLog(tmp_path)
    log.add([{"n": 1}])
    log.close()
    assert locked and (rows(tmp_path), log.written, log.dropped) == ([{"n": 1}], 1, 0)


@pytest.mark.parametrize("jump", [-3_600, 3_600, 90_000])
def test_a_clock_that_jumps_loses_nothing(tmp_path, monkeypatch, jump):
    shift = [0]
    monkeypatch.setattr(time, "time", lambda real=time.time: real() + shift[0])
    monkeypatch.setattr(
        time, "gmtime", lambda seconds=None, real=time.gmtime: real(time.time() if seconds is None else seconds)
    )
    log = EventLog(tmp_path, rows_per_file=2, day_folder="%Y-%m-%d")
    for n in range(6):
        log.add([{"n": n}])
        settle(log, n + 1)
        shift[0] = jump * (n % 2)
    log.close()
    numbers = [json.loads(line)["n"] for path in tmp_path.rglob("traffic-*") for line in path.read_text().splitlines()]
    assert sorted(numbers) == list(range(6)) and not list(tmp_path.rglob(".open-*"))


def test_what_cannot_be_recovered_waits_for_the_next_start(tmp_path):
    (tmp_path / ".open-0.jsonl").write_text('{"n": 1}\n')
    os.utime(tmp_path / ".open-0.jsonl", (86_399, 86_399))
    (tmp_path / "1970-01-01").write_text("a file")
    assert recover(tmp_path, "%Y-%m-%d") == []
    (tmp_path / "1970-01-01").unlink()
    assert len(recover(tmp_path, "%Y-%m-%d")) == 1
