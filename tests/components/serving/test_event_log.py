import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

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
