import threading

import pytest
from small_server import SmallModel, push

from components.errors import DayoneError
from components.registry import versions
from components.serving.model_holder import ModelHolder
from components.serving.request_errors import RequestError

BROKEN = (3,)


@pytest.fixture
def loaded():
    return []


@pytest.fixture
def holder(tmp_path, loaded):
    def load(version):
        if version.number == 13:
            raise DayoneError("version 13 does not load")
        loaded.append(SmallModel(version.number, warms_up=version.number not in BROKEN))
        return loaded[-1]

    return ModelHolder(tmp_path, load)


def test_before_the_first_push_there_is_nothing_to_answer_with(holder):
    assert not holder.check() and not holder.ready and holder.number == 0
    with pytest.raises(RequestError, match="no version is loaded yet") as raised:
        holder.model()
    assert raised.value.status == 503


def test_the_newest_version_serves_and_the_old_one_is_retired(holder, loaded, tmp_path):
    push(tmp_path, 1)
    assert holder.check() and not holder.check()
    push(tmp_path, 2)
    assert holder.check()
    assert holder.number == 2
    assert [model.retired for model in loaded] == [True, False]


@pytest.mark.parametrize("broken", [3, 13])
def test_a_broken_version_is_refused_once_and_the_old_one_stays(holder, loaded, tmp_path, broken):
    push(tmp_path, 1)
    holder.check()
    push(tmp_path, broken)
    assert not holder.check() and not holder.check()
    assert holder.number == 1 and not loaded[0].retired
    assert len(loaded) == (2 if broken == 3 else 1), "tried once"
    newest, oldest = holder.status()
    assert (
        newest["version"] == str(broken)
        and newest["state"] == "END"
        and f"version {broken}" in newest["status"]["error_message"]
    )
    assert oldest == {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def test_a_broken_first_version_leaves_the_one_before_it(holder, tmp_path):
    push(tmp_path, 2)
    push(tmp_path, 3)
    assert holder.check()
    assert holder.number == 2


def test_a_rollback_is_followed(holder, tmp_path):
    for number in (1, 2):
        push(tmp_path, number)
    holder.check()
    versions.roll_back(tmp_path)
    assert holder.check()
    assert holder.number == 1


def test_when_all_versions_are_gone_the_loaded_one_goes_on(holder, tmp_path):
    push(tmp_path, 1)
    holder.check()
    (tmp_path / "1" / "saved_model.pb").unlink()
    assert not holder.check()
    assert holder.number == 1


def test_another_version_is_not_found(holder, tmp_path):
    push(tmp_path, 1)
    holder.check()
    assert holder.model(1).number == 1
    with pytest.raises(RequestError, match="version 7 is not loaded; 1 is") as raised:
        holder.model(7)
    assert raised.value.status == 404


def test_a_thread_follows_the_folder(tmp_path):
    changed = threading.Event()
    holder = ModelHolder(tmp_path, lambda version: SmallModel(version.number), lambda event: changed.set())
    holder.follow(0.01)
    push(tmp_path, 1)
    assert changed.wait(5)
    assert holder.number == 1
    holder.stop()


def test_a_version_that_is_copied_slowly_serves_once_its_folder_is_whole(tmp_path):
    def load(version):
        if not (version.folder / "variables" / "variables.index").exists():
            raise DayoneError("variables are missing")
        return SmallModel(version.number)

    holder = ModelHolder(tmp_path, load)
    push(tmp_path, 1)
    (tmp_path / "1" / "variables").mkdir()
    (tmp_path / "1" / "variables" / "data").write_text("half")
    assert not holder.check() and not holder.check()
    assert versions.refusals(tmp_path) == {1: "variables are missing"}
    (tmp_path / "1" / "variables" / "data").write_text("more of it")
    assert not holder.check(), "it still grows"
    (tmp_path / "1" / "variables" / "variables.index").write_text("whole")
    assert not holder.check(), "a look must find it as the one before did"
    assert holder.check() and holder.number == 1
    assert versions.refusals(tmp_path) == {}
    assert holder.status() == [
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]


def test_a_version_whose_folder_changes_while_it_is_loaded_is_loaded_again(tmp_path):
    words, states = [], []

    def load(version):
        file = version.folder / "words"
        words.append(file.read_text())
        states.append(holder.status()[0]["state"])
        if len(words) == 1:
            file.write_text("all of them")  # the rest arrives while the first half is read
        return SmallModel(version.number)

    holder = ModelHolder(tmp_path, load)
    push(tmp_path, 1)
    (tmp_path / "1" / "words").write_text("half")
    assert not holder.check() and not holder.ready
    assert "changed while it was loaded" in holder.status()[0]["status"]["error_message"]
    holder.check()
    assert holder.check() or holder.ready
    assert words == ["half", "all of them"] and states == ["LOADING", "LOADING"]
    assert holder.status()[0]["state"] == "AVAILABLE" and versions.refusals(tmp_path) == {}


def test_a_version_that_serves_is_loaded_again_once_its_folder_has_changed_and_rests(holder, loaded, tmp_path):
    push(tmp_path, 1)
    assert holder.check()
    (tmp_path / "1" / "words").write_text("half of them")
    assert not holder.check(), "it may still grow"
    assert holder.check() and holder.number == 1
    assert [model.retired for model in loaded] == [True, False]
    assert not holder.check() and not holder.check() and len(loaded) == 2


def test_a_version_that_serves_stays_as_it_was_loaded_if_its_folder_is_damaged(tmp_path):
    def load(version):
        if (version.folder / "damage").exists():
            raise DayoneError("damaged")
        return SmallModel(version.number)

    holder = ModelHolder(tmp_path, load)
    for number in (1, 2):
        push(tmp_path, number)
    holder.check()
    (tmp_path / "2" / "damage").write_text("")
    assert not any(holder.check() for _ in range(4))
    assert holder.number == 2 and holder.status()[0]["state"] == "AVAILABLE"


def test_a_folder_that_changes_and_stays_broken_is_tried_once_per_change(holder, loaded, tmp_path):
    push(tmp_path, 3)
    for _ in range(3):
        holder.check()
    (tmp_path / "3" / "notes").write_text("changed")
    for _ in range(4):
        holder.check()
    assert [model.number for model in loaded] == [3, 3]


def test_a_rollback_after_a_refused_push_changes_what_is_served(holder, tmp_path):
    for number in (1, 2):
        push(tmp_path, number)
        holder.check()
    push(tmp_path, 3)
    holder.check()
    assert holder.number == 2
    withdrawn, now = versions.roll_back(tmp_path)
    holder.check()
    assert (withdrawn, now.number, holder.number) == ([2, 3], 1, 1)
