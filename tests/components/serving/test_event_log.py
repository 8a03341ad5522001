import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from components.serving import event_log, traffic_file
from components.serving.event_log import EventLog
from components.serving.traffic_file import recover, write_whole

ROOT = Path(__file__).resolve().parents[3]


def wait_for(happened, seconds=10.0):
    """Waits until the writer's thread has done something; fails where it never does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"nothing happened within {seconds} s"
        time.sleep(0.01)


def rows(folder):
    files = sorted(folder.glob("traffic-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_rows_come_back_in_order_when_it_is_closed(tmp_path):
    log = EventLog(tmp_path / "new")
    log.add([{"n": 1}, {"n": 2}])
    log.add([])
    log.add([{"n": 3}])
    log.close()
    assert rows(tmp_path / "new") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert (log.written, log.dropped) == (3, 0)
    assert [path.name for path in (tmp_path / "new").glob(".*")] == []


def test_files_rotate_by_rows_and_are_hidden_until_then(tmp_path):
    log = EventLog(tmp_path, rows_per_file=2)
    log.add([{"n": 1}])
    while log.written < 1:
        time.sleep(0.01)
    assert rows(tmp_path) == []
    log.add([{"n": 2}])
    wait_for(lambda: rows(tmp_path))
    log.add([{"n": 3}])
    log.close()
    assert [row["n"] for row in rows(tmp_path)] == [1, 2, 3]
    assert len(list(tmp_path.glob("traffic-*.jsonl"))) == 2


def test_files_rotate_by_time(tmp_path):
    log = EventLog(tmp_path, seconds_per_file=0.0)
    log.add([{"n": 1}])
    wait_for(lambda: rows(tmp_path))
    assert rows(tmp_path) == [{"n": 1}], "the file has its name before the log is closed"
    log.close()


def test_a_row_that_cannot_be_written_is_counted_and_the_next_one_is_written(tmp_path):
    log = EventLog(tmp_path)
    log.add([{"n": float("nan")}])
    wait_for(lambda: log.dropped)
    log.add([{"n": 1}])
    log.close()
    assert (rows(tmp_path), log.written, log.dropped) == ([{"n": 1}], 1, 1)


class AlmostFull(io.FileIO):
    """A file on a disk that holds ten bytes."""

    def write(self, content):
        free = 10 - self.tell()
        if not free:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content[:free])


def test_a_full_disk_leaves_no_torn_row(tmp_path):
    with AlmostFull(tmp_path / "file", "w") as file:
        write_whole(file, b"{}{}\n", 0)
        with pytest.raises(OSError, match="No space left"):
            write_whole(file, b"{1}{2}{3}\n", 5)
    assert (tmp_path / "file").read_bytes() == b"{}{}\n"


def test_a_log_without_traffic_leaves_nothing(tmp_path):
    EventLog(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("left", "kept"), [(b'{"n": 1}\n{"n": 2}\n{"n"', [1, 2]), (b'{"n": 1}\n', [1]), (b'{"n', []), (b"", [])]
)
def test_what_a_killed_server_left_is_closed_without_its_torn_row(tmp_path, left, kept):
    (tmp_path / ".open-0.jsonl").write_bytes(left)
    assert len(recover(tmp_path)) == bool(kept)
    assert [row["n"] for row in rows(tmp_path)] == kept
    assert not list(tmp_path.glob(".open-*"))


def test_a_torn_row_longer_than_a_block_is_found(tmp_path):
    (tmp_path / ".open-0.jsonl").write_bytes(b'{"n": 1}\n' + b"x" * 200_000)
    recover(tmp_path)
    assert rows(tmp_path) == [{"n": 1}]


def test_the_file_of_a_server_that_lives_is_left_alone(tmp_path):
    log = EventLog(tmp_path)
    log.add([{"n": 1}])
    while log.written < 1:
        time.sleep(0.01)
    assert recover(tmp_path) == []
    log.close()
    assert rows(tmp_path) == [{"n": 1}]


def test_a_file_lies_in_the_folder_of_its_day(tmp_path, monkeypatch):
    moment = [86_399.0]
    monkeypatch.setattr(
        time, "gmtime", lambda seconds=None, real=time.gmtime: real(moment[0] if seconds is None else seconds)
    )
    log = EventLog(tmp_path, day_folder="%Y/%m-%d")
    log.add([{"n": 1}])
    wait_for(lambda: log.written == 1)
    moment[0] = 86_400.0
    log.add([{"n": 2}])
    log.close()
    assert [rows(tmp_path / "1970" / day) for day in ("01-01", "01-02")] == [[{"n": 1}], [{"n": 2}]]


def test_what_a_killed_server_left_is_of_the_day_of_its_last_row(tmp_path):
    (tmp_path / ".open-0.jsonl").write_text('{"n": 1}\n')
    os.utime(tmp_path / ".open-0.jsonl", (86_399, 86_399))
    recover(tmp_path, "%Y-%m-%d")
    assert rows(tmp_path / "1970-01-01") == [{"n": 1}]


def settle(log, rows=None):
    """Waits until the writer has counted so many rows (all that were added), and is between two batches."""
    wait_for(lambda: log.written + log.dropped == rows)


def tracebacks(caplog):
    return sum(record.exc_info is not None for record in caplog.records)


def test_a_rotation_that_fails_loses_nothing_and_is_tried_again(tmp_path, caplog):
    day = tmp_path / time.strftime("%Y-%m-%d", time.gmtime())
    day.write_text("in the way")
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
    taken, real = [], traffic_file.fcntl.flock

    def slow(file, how):
        if not taken and how == traffic_file.fcntl.LOCK_EX:
            taken.append(file.name)
            recover(tmp_path)
        return real(file, how)

    monkeypatch.setattr(traffic_file.fcntl, "flock", slow)
    log = EventLog(tmp_path)
    log.add([{"n": 1}])
    log.close()
    assert taken and (rows(tmp_path), log.written, log.dropped) == ([{"n": 1}], 1, 0)


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
    found = [json.loads(line)["n"] for path in tmp_path.rglob("traffic-*") for line in path.read_text().splitlines()]
    assert sorted(found) == list(range(6)) and not list(tmp_path.rglob(".open-*"))


def test_what_cannot_be_recovered_waits_for_the_next_start(tmp_path):
    (tmp_path / ".open-0.jsonl").write_text('{"n": 1}\n')
    os.utime(tmp_path / ".open-0.jsonl", (86_399, 86_399))
    (tmp_path / "1970-01-01").write_text("in the way")
    assert recover(tmp_path, "%Y-%m-%d") == []
    (tmp_path / "1970-01-01").unlink()
    assert len(recover(tmp_path, "%Y-%m-%d")) == 1


WRITER = """
    import itertools, sys
    from pathlib import Path
    from components.serving.event_log import EventLog

    log = EventLog(Path(sys.argv[1]), rows_per_file=500)
    for number in itertools.count():
        log.add([{"n": number, "text": "x" * 300}])
        if number % 1_000 == 0:
            print(number, flush=True)
            while log.written < number - 1_000:
                pass
"""


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_tears_no_row_and_loses_none_that_was_written(tmp_path, seed):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in writer.stdout:
        if int(line) >= 3_000 + 1_000 * seed:
            break
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    before = rows(tmp_path)
    assert all(len(row["text"]) == 300 for row in before)
    EventLog(tmp_path).close()
    numbers = [row["n"] for row in sorted(rows(tmp_path), key=lambda row: row["n"])]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= max(len(before), 1_000)
    assert not list(tmp_path.glob(".open-*"))
    assert all(re.fullmatch(r"traffic-\d+-[0-9a-f]{8}\.jsonl", path.name) for path in tmp_path.iterdir())
