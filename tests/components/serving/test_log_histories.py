import dataclasses
import json
import logging
import time

import pytest
from small_server import LAUNCH

from components.declaration import Catalogue, Rules
from components.errors import LogError
from components.serving import log_histories
from components.serving.event_log import EventLog
from components.serving.history_store import MemoryHistories

EVENTS = [
    ("u", "A", 1, "click"),
    ("v", "B", 2, "click"),
    ("u", "C", 3, "click"),
    ("w", "D", 4, "shown"),
    ("u", "E", 0, "click"),
]


def write(folder, events, name="old.jsonl"):
    folder.mkdir(parents=True, exist_ok=True)
    rows = [dict(zip(("user", "item", "time", "event"), event, strict=True)) for event in events]
    rows = [dict.fromkeys(LAUNCH.log.columns()) | row | {"time": 1_700_000_000_000 + row["time"]} for row in rows]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_histories_are_the_positive_items_in_the_order_of_time(tmp_path):
    write(tmp_path / "log", EVENTS)
    histories = log_histories.read(LAUNCH, str(tmp_path))
    assert list(histories.items()) == [(b"u", [b"E", b"A", b"C"]), (b"v", [b"B"])]


def test_the_servers_own_rows_count_where_they_lie_elsewhere_and_not_twice(tmp_path):
    write(tmp_path / "log", EVENTS)
    write(tmp_path / "traffic" / "2026-01-31", [("v", "F", 9, "click")], "traffic-1-0.jsonl")
    assert log_histories.read(LAUNCH, str(tmp_path), tmp_path / "traffic")[b"v"] == [b"B", b"F"]
    write(tmp_path / "log", [("v", "G", 9, "click")], "traffic-1-0.jsonl")
    assert log_histories.read(LAUNCH, str(tmp_path), tmp_path / "log")[b"v"] == [b"B", b"G"]
    assert log_histories.read(LAUNCH, str(tmp_path / "no log"), tmp_path / "traffic") == {b"v": [b"F"]}


def test_without_a_log_nothing_is_known_and_the_server_starts(tmp_path, caplog):
    with pytest.raises(LogError):
        log_histories.read(LAUNCH, str(tmp_path))
    caplog.set_level(logging.INFO)
    store = MemoryHistories()
    log_histories.seed_later(store, LAUNCH, str(tmp_path), None).join()
    assert len(store) == 0 and "no histories from the log" in caplog.text


def test_a_log_that_starts_empty_is_no_problem(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    catalogue, rules = Catalogue(path="items.csv", item="item"), Rules(names=("catalogue_order",))
    log = dataclasses.replace(LAUNCH.log, starts_empty=True)
    empty = dataclasses.replace(LAUNCH, log=log, catalogue=catalogue, rules=rules)
    (tmp_path / "log").mkdir()
    assert log_histories.read(empty, str(tmp_path)) == {}
    log_histories.seed_later(MemoryHistories(), empty, str(tmp_path), None).join()
    assert "nothing is logged yet" in caplog.text and "needs" not in caplog.text


def test_what_a_server_was_told_is_known_to_the_next_one(tmp_path):
    log = EventLog(tmp_path / "traffic")
    log.add(
        [dict.fromkeys(LAUNCH.log.columns()) | {"user": "u", "item": "A", "time": 1_700_000_000_000, "event": "click"}]
    )
    log.close()
    store = MemoryHistories()
    log_histories.seed_later(store, LAUNCH, str(tmp_path), tmp_path / "traffic").join()
    assert store.get([b"u"]) == [[b"A"]]
    assert store.idle([b"u", b"v"]) == [pytest.approx(time.time() - 1_700_000_000, abs=60), -1.0]
