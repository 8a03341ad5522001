"""The users' columns of requests that do not send them."""

import dataclasses
import json
import logging
import math
import threading
import time

import pytest
from small_server import LAUNCH, SmallModel, push, service

from components.declaration import Users
from components.serving.event_log import EventLog
from components.serving.user_columns import TableUsers
from pipeline.local import users_choice

USERS = Users("users.csv", "id", ("device", "age"), time="since")
JOINED = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, users=USERS))


class Listening(SmallModel):
    """Remembers what it was asked."""

    def __init__(self, number):
        super().__init__(number)
        self.asked = []

    def __call__(self, signature, inputs):
        self.asked.append({name: list(values) for name, values in inputs.items()})
        return super().__call__(signature, inputs)


class Store:
    """A store of a team's own."""

    def __init__(self, values):
        self.values = values

    def get(self, users):
        return [self.values[user] for user in users]


@pytest.fixture
def folder(tmp_path):
    push(tmp_path / "serving", 5)
    return tmp_path / "serving"


def ask(folder, users, rows, log=None, signature="serving_default"):
    """What the model was asked, and the service."""
    model = Listening(5)
    answering = service(folder, log, launch=JOINED, make=lambda version: model, users=users)
    answering.predict(json.dumps({"signature_name": signature, "instances": rows}).encode())
    return model.asked[-1], answering


def failures(answering):
    return answering.metrics.user_failures._value.get()


def test_the_request_counts_before_the_store(folder):
    store = Store({b"u": {"device": "tv", "age": 30}, b"v": {"device": None}})
    rows = [{"user_id": "u"}, {"user_id": "u", "device": "phone"}, {"user_id": "u", "age": 7.5}, {"user_id": "v"}]
    inputs, answering = ask(folder, store, rows)
    assert inputs["device"] == [b"tv", b"phone", b"tv", b""]
    assert inputs["age"][:3] == [30.0, 30.0, 7.5]
    assert math.isnan(inputs["age"][3])
    assert failures(answering) == 0


def test_the_ranking_head_gets_them_too(folder):
    inputs, _ = ask(
        folder, Store({b"u": {"device": "tv", "age": 3}}), [{"user_id": "u", "item_ids": ["A"]}], signature="rank"
    )
    assert (inputs["device"], inputs["age"]) == ([b"tv"], [3.0])


def test_what_was_answered_with_is_logged(folder, tmp_path):
    log = EventLog(tmp_path / "log")
    ask(folder, Store({b"u": {"device": "tv", "age": 30}}), [{"user_id": "u"}], log)
    log.close()
    (file,) = (tmp_path / "log").glob("*.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {(row["device"], row["age"]) for row in rows} == {("tv", 30.0)}


@pytest.mark.parametrize("values", [{}, {b"u": None}, {b"u": 5}])
def test_a_store_that_fails_costs_no_answer(folder, values, caplog):
    caplog.set_level(logging.CRITICAL)
    inputs, answering = ask(folder, Store(values), [{"user_id": "u"}])
    assert inputs["device"] == [b""]
    assert failures(answering) == 1


@pytest.mark.parametrize(
    ("given", "device"),
    [("tv", b"tv"), (b"tv", b"tv"), (7, b"7"), ("a\x00b", b""), (["tv"], b""), ("x" * 9_999, b"")],
)
def test_a_value_that_does_not_fit_counts_as_missing(folder, given, device):
    inputs, answering = ask(folder, Store({b"u": {"device": given, "age": True}}), [{"user_id": "u"}])
    assert (inputs["device"], inputs["age"]) == ([device], [1.0])
    assert failures(answering) == (device == b"")


def test_without_a_table_nothing_is_asked(folder):
    inputs, _ = ask(folder, None, [{"user_id": "u"}])
    assert inputs["device"] == [b""]


def write(folder, text):
    (folder / "users.csv").write_text("id,device,age,since\n" + text)


def test_the_table_is_read_again_when_it_changes(tmp_path, caplog):
    write(tmp_path, "u,tv,30,100\nv,tv,40,100\n")
    users = TableUsers(USERS, str(tmp_path))
    assert users.get([b"u"]) == [{}]
    assert users.look()
    assert users.get([b"u", b"w"]) == [{"device": "tv", "age": 30}, {}]
    assert not users.look()
    write(tmp_path, "v,phone,40,100\n")
    assert users.look()
    assert users.get([b"u", b"v"]) == [{}, {"device": "phone", "age": 40}]  # u was removed from the table
    (tmp_path / "users.csv").write_text("nothing,of,it\n1,2,3\n")
    assert not users.look()
    assert users.get([b"v"]) == [{"device": "phone", "age": 40}]
    assert "cannot be read" in caplog.text
    write(tmp_path, "v,tv,40,100\n")
    assert users.look()
    assert users.get([b"v"])[0]["device"] == "tv"


def test_a_row_begins_to_hold_at_its_time(tmp_path, monkeypatch):
    soon = int(time.time()) + 3_600
    write(tmp_path, f"u,tv,30,100\nu,phone,30,{soon}\n")
    users = TableUsers(USERS, str(tmp_path))
    users.look()
    assert users.get([b"u"])[0]["device"] == "tv"
    monkeypatch.setattr("components.serving.user_columns.time.time_ns", lambda: (soon + 1) * 1_000_000_000)
    assert users.look()
    assert users.get([b"u"])[0]["device"] == "phone"


def test_a_table_that_is_not_there_yet_is_read_when_it_comes(tmp_path):
    users = TableUsers(USERS, str(tmp_path))
    assert not users.look()
    write(tmp_path, "u,tv,30,100\n")
    assert users.look()


def hanging(launch, home):
    class Hanging:
        def get(self, users):
            threading.Event().wait(2)

    return Hanging()


def test_a_store_of_the_team_stands_behind_a_deadline(folder, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setattr("pipeline.local.own_functions.load_function", lambda option, path: hanging)
    users = users_choice.make("pipeline.launches.shop.stores.hanging", JOINED, tmp_path, tmp_path)
    began = time.monotonic()
    inputs, answering = ask(folder, users, [{"user_id": "u"}])
    assert time.monotonic() - began < 1.5
    assert (inputs["device"], failures(answering)) == ([b""], 1)


def test_the_table_is_the_default_where_one_is_declared(tmp_path):
    assert isinstance(users_choice.make("table", JOINED, tmp_path, tmp_path), TableUsers)
    assert users_choice.make("table", LAUNCH, tmp_path, tmp_path) is None
    with pytest.raises(Exception, match=r"--users needs launch.log.users to be declared"):
        users_choice.make("pipeline.launches.shop.stores.own", LAUNCH, tmp_path, tmp_path)
