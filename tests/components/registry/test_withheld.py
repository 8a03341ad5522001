import json
import multiprocessing
import time

import pytest

from components.registry import withheld
from components.registry.withheld import WithheldError, WithheldItems


def test_items_are_withheld_and_released(tmp_path):
    assert withheld.read(tmp_path) == {}
    assert withheld.withhold(tmp_path / "new", ["B", "A"]) == {"A": None, "B": None}
    assert withheld.release(tmp_path / "new", ["A", "never"]) == withheld.read(tmp_path / "new") == {"B": None}


def test_an_item_with_a_time_comes_back_by_itself(tmp_path, monkeypatch):
    now = time.time()
    withheld.withhold(tmp_path, ["A"], now + 60)
    withheld.withhold(tmp_path, ["B"])
    items = WithheldItems(tmp_path)
    assert set(items.current()) == {b"A", b"B"}
    monkeypatch.setattr(time, "time", lambda: now + 61)
    items.look_now()
    assert items.current() == (b"B",) and withheld.read(tmp_path) == {"B": None}


def test_a_change_is_seen_within_two_seconds(tmp_path):
    items = WithheldItems(tmp_path)
    assert items.current() == ()
    withheld.withhold(tmp_path, ["A"])
    began = time.monotonic()
    while not items.current():
        time.sleep(0.02)
    assert time.monotonic() - began < 2
    withheld.release(tmp_path, ["A"])
    while items.current():
        time.sleep(0.02)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"items": ["A"]}', '{"items": {"A": 5}}', '{"items": {"A": "soon"}}', "{}"]
)
def test_a_file_that_cannot_be_understood_is_said_and_changes_nothing(tmp_path, content):
    withheld.withhold(tmp_path, ["A"])
    items = WithheldItems(tmp_path)
    items.current()
    (tmp_path / withheld.FILE).write_text(content)
    items.look_now()
    assert items.current() == (b"A",) and "Mend or remove it" in items.problem
    with pytest.raises(WithheldError, match="Mend or remove it"):
        withheld.release(tmp_path, ["A"])


@pytest.mark.parametrize(
    ("text", "fault"), [("soon", "needs a time such as"), ("2001-01-31T00:00", "a time to come"), ("", "needs a time")]
)
def test_a_time_that_is_none_or_past_is_refused(text, fault):
    with pytest.raises(WithheldError, match=fault):
        withheld.to_moment(text)


def test_times_are_utc_unless_they_name_a_zone():
    assert (
        withheld.to_moment("2999-01-31T12:00")
        == withheld.to_moment("2999-01-31T13:00+01:00")
        == withheld.to_moment("2999-01-31T12:00Z")
    )


def test_too_many_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(withheld, "MOST", 2)
    with pytest.raises(WithheldError, match="at most 2 items can be withheld, got 3"):
        withheld.withhold(tmp_path, ["A", "B", "C"])


def add(folder, number):
    for item in range(20):
        withheld.withhold(folder, [f"{number}-{item}"])


def test_changes_of_many_processes_are_all_kept(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(json.loads((tmp_path / withheld.FILE).read_text())["items"]) == 80
