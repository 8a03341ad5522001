import dataclasses
import datetime as dt

import numpy as np
import pytest

from components.declaration import Catalogue, Launch, Log, Objective, Split
from components.features import histories
from components.features.id_codes import codes, hashes
from components.features.item_table import MISSING_INT
from components.integrations import offline_tables

LAUNCH = Launch(
    name="toy",
    log=Log("log", "who", "what", "when", event="event", impression="shown"),
    catalogue=Catalogue(
        "items", "what", title="name", categories=("kind",), numbers=("price", "stock"), active="active"
    ),
    objectives=(Objective("click", event="click"), Objective("buy", event="buy")),
    split=Split(eval_share=0.1),
)
PLAIN = dataclasses.replace(
    LAUNCH, log=Log("log", "who", "what", "when"), objectives=(Objective("like"),), catalogue=None
)


def log(*rows):
    """Returns the columns of rows given as (user, item, time, event)."""
    who, what, when, event = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    text = {"who": who, "what": what, "event": event}
    return {name: np.array([*column, None], object)[:-1] for name, column in text.items()} | {
        "when": np.array(when, np.int64)
    }


def test_histories_of_two_users():
    columns = log(
        (b"u", b"C", 30, b"buy"), (b"u", b"A", 10, b"click"), (b"u", b"B", 20, b"shown"), (b"v", b"X", 9, b"click"), (b"w", b"A", 1, b"shown"),
        (b"", b"A", 5, b"click"), (b"v", b"", 50, b"click"),
    )  # fmt: skip
    rows = offline_tables.user_history(LAUNCH, columns, 5).to_pylist()

    assert [(row["user_id"], row["history"], row["as_of"]) for row in rows] == [("u", ["A", "C"], 30), ("v", ["X"], 9)]
    assert rows[0]["event_timestamp"] == dt.datetime(1970, 1, 1, microsecond=30, tzinfo=dt.timezone.utc)


def test_the_last_items_are_kept():
    columns = log(*((b"u", b"%d" % step, step, b"click") for step in range(7)))

    assert offline_tables.user_history(LAUNCH, columns, 3)["history"].to_pylist() == [["4", "5", "6"]]


def test_without_events_every_row_counts():
    assert offline_tables.user_history(PLAIN, log((b"u", b"A", 1, b"shown")), 3).num_rows == 1


def test_events_without_a_user_are_dropped():
    made = offline_tables.user_history(LAUNCH, log(), 3)

    assert made.num_rows == 0 and made.column_names == ["user_id", "history", "as_of", "event_timestamp"]


@pytest.mark.parametrize("seed", range(10))
def test_the_histories_equal_those_of_the_evaluation(seed):
    rng = np.random.default_rng(seed)
    count, length = 400, int(rng.integers(1, 9))
    columns = {
        "who": np.array([b"u%d" % user for user in rng.integers(30, size=count)], object),
        "what": np.array([b"i%d" % item for item in rng.integers(20, size=count)], object),
        "when": rng.integers(50, size=count),  # many ties
        "event": np.array([b"click", b"shown", b"buy"], object)[rng.integers(3, size=count)],
    }
    (user, users), (item, items) = codes(columns["who"]), codes(columns["what"])
    positive = columns["event"] != b"shown"
    tie = hashes(columns["who"], columns["what"])
    frozen = histories.frozen_histories(
        user, item, columns["when"], positive, np.arange(len(users)), 10**9, length, LAUNCH.seed, tie
    )
    expected = {
        users[row].decode(): [items[code].decode() for code in line if code >= 0] for row, line in enumerate(frozen)
    }

    made = offline_tables.user_history(LAUNCH, columns, length).to_pylist()

    assert {row["user_id"]: row["history"] for row in made} == {user: line for user, line in expected.items() if line}
    newest = {
        who.decode(): columns["when"][positive & (columns["who"] == who)].max()
        for who in users
        if (positive & (columns["who"] == who)).any()
    }
    assert {row["user_id"]: row["as_of"] for row in made} == newest


def test_items_as_of_the_logs_last_event_in_types_that_feast_takes():
    catalogue = {
        "what": np.array([b"A", b"B"], object),
        "name": np.array([b"Mug", b"Hat"], object),
        "kind": np.array([b"mug", b""], object),
        "price": np.array([1.5, np.nan], np.float32),
        "stock": np.array([3, MISSING_INT]),
        "active": np.array([1, 0]),
    }
    made = offline_tables.items(LAUNCH, log((b"u", b"X", 7_000_000, b"click"), (b"u", b"A", 2, b"click")), catalogue)

    moment = dt.datetime(1970, 1, 1, second=7, tzinfo=dt.timezone.utc)
    assert made.to_pylist() == [
        {
            "item_id": "A",
            "title": "Mug",
            "active": True,
            "kind": "mug",
            "price": 1.5,
            "stock": 3.0,
            "event_timestamp": moment,
        },
        {
            "item_id": "B",
            "title": "Hat",
            "active": False,
            "kind": None,
            "price": None,
            "stock": None,
            "event_timestamp": moment,
        },
        {
            "item_id": "X",
            "title": "X",
            "active": False,
            "kind": None,
            "price": None,
            "stock": None,
            "event_timestamp": moment,
        },
    ]
    assert [str(made.schema.field(name).type) for name in ("price", "stock")] == ["double", "double"]


def test_without_a_catalogue_the_logged_items():
    assert offline_tables.items(PLAIN, log((b"u", b"X", 7, b"")), {})["item_id"].to_pylist() == ["X"]
