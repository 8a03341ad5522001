"""The table of the users: what holds at an event's time, against a look at each row."""

import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.declaration import Users
from components.errors import LogError
from components.ingest.user_table import Joined, UserTable, table_mark, user_files

TIMED = Users("users.csv", "who", ("plan", "age"), time="since")
PLAIN = Users("users.csv", "who", ("plan", "age"))
SECOND = 1_000_000


def read(folder, text, declared=TIMED):
    (folder / declared.path).write_text(text)
    return UserTable(declared, user_files(declared, str(folder)))


def plans(table, events):
    """The plan of each (user, seconds); None where nothing holds."""
    users, times = zip(*events, strict=True)
    joined = table.join(pa.chunked_array([pa.array(users, pa.string())]), np.array(times) * SECOND)
    return [None if row < 0 else joined.columns["plan"][row].as_py() for row in joined.rows]


def looked_up(rows, user, moment):
    """The oracle: the newest of the user's rows that is not later than the event."""
    before = [(since, plan) for who, plan, since in rows if who == user and since <= moment]
    return max(before)[1] if before else None


@pytest.mark.parametrize("seed", range(5))
def test_an_event_gets_what_held_at_its_time(tmp_path, seed):
    random = np.random.default_rng(seed)
    moments = random.permutation(600)[:200] + 1_000
    rows = [(f"u{random.integers(30)}", f"p{at}", int(since)) for at, since in enumerate(moments)]
    lines = [f"{who},{plan},1,{since}" for who, plan, since in rows]
    table = read(tmp_path, "\n".join(["who,plan,age,since", *lines]))
    events = [(f"u{random.integers(35)}", int(random.integers(900, 1_700))) for _ in range(1_000)]
    expected = [looked_up(rows, user, moment) for user, moment in events]
    assert plans(table, events) == expected
    assert {None} < set(expected)
    assert any(plan and since == moment for _, moment in events for _, plan, since in rows), "the very moment occurs"


def test_a_row_holds_from_its_moment_on_and_not_before(tmp_path):
    table = read(tmp_path, "who,plan,age,since\nu,free,1,100\nu,pro,1,200\n")
    assert plans(table, [("u", 99), ("u", 100), ("u", 199), ("u", 200), ("v", 500)]) == [
        None,
        "free",
        "free",
        "pro",
        None,
    ]


def test_without_a_time_a_users_row_counts_for_every_event(tmp_path):
    table = read(tmp_path, "who,plan,age\nu,free,1\nv,pro,2\n", PLAIN)
    assert plans(table, [("v", 1), ("u", 0), ("w", 9)]) == ["pro", "free", None]


def test_rows_without_an_event_before_them_do_not_hide_those_of_others(tmp_path):
    table = read(tmp_path, "who,plan,age,since\na,x,1,100\nb,y,1,300\n")
    assert plans(table, [("b", 200), ("b", 300), ("a", 200)]) == [None, "y", "x"]


def test_ids_are_read_as_the_log_reads_them(tmp_path):
    pq.write_table(pa.table({"who": [7, 8], "plan": ["a", "b"], "age": [1, 2]}), tmp_path / "users.parquet")
    declared = Users("users.parquet", "who", ("plan", "age"))
    assert plans(UserTable(declared, user_files(declared, str(tmp_path))), [("8", 1), ("07", 1)]) == ["b", None]
    assert plans(read(tmp_path, "who,plan,age\n007,a,1\n", PLAIN), [("007", 1), ("7", 1)]) == ["a", None]


@pytest.mark.parametrize(
    ("declared", "text", "words"),
    [
        (
            PLAIN,
            "who,plan,age\nu,a,1\nv,b,1\nu,c,1\n",
            "1 rows repeat a user, such as 'u'.*or name launch.log.users.time",
        ),
        (TIMED, "who,plan,age,since\nu,a,1,100\nu,b,1,100\n", "repeat a user with the same 'since', such as 'u'"),
        (PLAIN, "who,plan\nu,a\n", "lacks the column 'age'; it has 'who', 'plan'"),
        (PLAIN, "id,plan,age\nu,a,1\n", "lacks the column 'who'"),
        (PLAIN, "who,plan,age\n", "has a header but no rows"),
    ],
)
def test_a_table_that_does_not_say_what_holds_is_refused(tmp_path, declared, text, words):
    with pytest.raises(LogError, match=words):
        read(tmp_path, text, declared)


def test_rows_without_a_user_and_times_that_are_none_or_to_come_are_set_aside(tmp_path):
    future = int(time.time()) + 3 * 86_400
    table = read(tmp_path, f"who,plan,age,since\nu,a,1,100\n,b,1,100\nv,c,1,soon\nw,d,1,{future}\nx,e,1,\n")
    assert table.reader.quarantined.counts == {
        "no who": 1,
        "no since": 1,
        "since unreadable": 1,
        "since in the future": 1,
    }
    assert len(table) == 1


def batch(**columns):
    return pa.RecordBatch.from_pydict(columns)


def test_a_value_of_the_log_counts_before_that_of_the_table():
    joined = Joined({"plan": pa.array(["free", "pro"])}, np.array([0, 1, -1, 1]))
    rows = batch(item=["a", "b", "c", "d"], plan=["old", None, None, ""])
    assert joined.add_to(rows).to_pydict()["plan"] == ["old", "pro", None, ""]
    assert joined.add_to(batch(item=["c", "d"]), 2).to_pydict() == {"item": ["c", "d"], "plan": [None, "pro"]}


def test_types_of_log_and_table_become_one():
    joined = Joined({"age": pa.array([1, 2])}, np.array([0, 1, -1]))
    assert joined.types({"item": pa.string()}) == {"item": pa.string(), "age": pa.int64()}
    assert joined.add_to(batch(age=[0.5, None, None])).to_pydict() == {"age": [0.5, 2.0, None]}
    assert joined.add_to(batch(age=["x", None, None])).to_pydict() == {"age": ["x", "2", None]}


@pytest.mark.parametrize("events", [slice(0, 4), slice(2, 6), slice(5, 6), slice(3, 3)])
def test_a_part_of_a_join_holds_the_rows_that_it_needs(events):
    joined = Joined({"plan": pa.array(list("abcdefgh"))}, np.array([7, -1, 3, 3, 0, 7]))
    part = joined.part(events)
    column = pa.array(["-"] * len(part.rows))
    expected = [None if row < 0 else "abcdefgh"[row] for row in joined.rows[events]]
    assert part.add_to(pa.RecordBatch.from_arrays([column], ["item"])).to_pydict()["plan"] == expected
    assert len(part.columns["plan"]) == len(set(expected) - {None})


def test_what_holds_now_and_when_it_changes(tmp_path):
    table = read(tmp_path, "who,plan,age,since\nu,a,1,100\nu,b,1,200\nv,c,1,150\nw,d,1,300\n")

    def plan(moment):
        rows, until = table.newest(moment * SECOND)
        return {user: table.columns["plan"][row].as_py() for user, row in rows.items()}, until

    assert plan(99) == ({}, 100 * SECOND)
    assert plan(150) == ({b"u": "a", b"v": "c"}, 200 * SECOND)
    assert plan(400) == ({b"u": "b", b"v": "c", b"w": "d"}, None)


def test_the_mark_changes_with_the_content_and_is_empty_without_files(tmp_path):
    assert table_mark(PLAIN, str(tmp_path)) == ""
    read(tmp_path, "who,plan,age\nu,a,1\n", PLAIN)
    first = table_mark(PLAIN, str(tmp_path))
    read(tmp_path, "who,plan,age\nu,b,1\n", PLAIN)
    assert first and table_mark(PLAIN, str(tmp_path)) not in ("", first)


def test_all_formats_read_the_same(tmp_path):
    rows = [{"who": "u", "plan": "a", "age": 1, "since": 100}, {"who": "v", "plan": None, "age": None, "since": 120}]
    texts = {
        "users.csv": "who,plan,age,since\nu,a,1,100\nv,,,120\n",
        "users.jsonl": "\n".join(map(json.dumps, rows)),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "users.parquet")
    for name in (*texts, "users.parquet"):
        declared = Users(name, "who", ("plan", "age"), time="since")
        table = UserTable(declared, user_files(declared, str(tmp_path)))
        assert {key: values.to_pylist() for key, values in table.columns.items()} == {
            "plan": ["a", None],
            "age": [1, None],
        }
