import dataclasses

import pytest
from small_server import LAUNCH

from components.errors import LogError
from components.serving import demo_users

HEAD = "user,item,time,event,device,age\n"
ROWS = "u,A,1,click,tv,3\nv,B,2,click,tv,4\nu,C,4,click,phone,\nw,C,5,shown,tv,\nu,B,3,click,tv,1\n"
FLOOR = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, not_before=None, path="log/"))
SHORT = dataclasses.replace(
    FLOOR,
    log=dataclasses.replace(FLOOR.log, request=None, position=None, policy=None, propensity=None, model_version=None),
)


def test_users_of_the_newest_file_with_their_positive_events_and_the_words_of_the_context(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.csv").write_text(HEAD + ROWS)
    users = demo_users.read(SHORT, str(tmp_path))
    assert list(users.histories.items()) == [("u", ["A", "B", "C"]), ("v", ["B"])], (
        "who acted last comes first, an impression is no history"
    )
    assert users.words == {"device": ["tv", "phone"]}


def test_no_log_is_an_error_that_names_it(tmp_path):
    with pytest.raises(LogError, match="log"):
        demo_users.read(SHORT, str(tmp_path))


def test_a_file_that_takes_too_long_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_users, "MOST_BYTES", 10)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.csv").write_text(HEAD + ROWS)
    assert demo_users.read(SHORT, str(tmp_path)) == demo_users.NOBODY
