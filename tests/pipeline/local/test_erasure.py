import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from components.declaration import Log
from components.safe_parquet import parquet
from pipeline.cli import main
from pipeline.local import erasure

LOG = Log("events/", "user_id", "item_id", "timestamp", user_fallbacks=("visitor",))
ROWS = [
    {"user_id": "u1", "item_id": "i1"},
    {"user_id": "u12", "item_id": "u1"},  # an item of the same name is no user
    {"user_id": None, "visitor": "u1", "item_id": "i2"},
    {"user_id": 7, "item_id": "i3"},
]
TORN = '{"user_id": "u9", "it'


@pytest.fixture
def places(tmp_path):
    traffic = tmp_path / "events" / "2026-01-31"
    traffic.mkdir(parents=True)
    (traffic / "traffic-1-ab.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS) + TORN)
    home = tmp_path / "runs/shop"
    (home / "artifacts/ExampleGen/examples/1/Split-train").mkdir(parents=True)
    (home / "logs").mkdir()
    return erasure.Places(home, (tmp_path / "events",), ())


def users_of(places):
    (file,) = places.traffic[0].rglob("traffic-*.jsonl")
    return [json.loads(line).get("user_id") for line in file.read_text().splitlines() if line != TORN]


@pytest.mark.parametrize(
    ("users", "left", "rows"),
    [
        (["u1"], ["u12", 7], 2),
        (["7"], ["u1", "u12", None], 1),
        (["u12", "u1"], [7], 3),
        (["u"], ["u1", "u12", None, 7], 0),
    ],
)
def test_the_rows_of_a_user_go_and_no_others(places, users, left, rows):
    assert erasure.erase(users, LOG, places).rows == rows
    assert users_of(places) == left
    assert not list(places.traffic[0].rglob(".*.half"))


def test_a_torn_row_of_the_user_goes_too(places):
    assert erasure.erase(["u9"], LOG, places) == (1, (), (), ())
    (file,) = places.traffic[0].rglob("traffic-*.jsonl")
    assert len(file.read_text().splitlines()) == len(ROWS)


def test_a_file_without_the_user_is_not_written(places):
    (file,) = places.traffic[0].rglob("traffic-*.jsonl")
    before = file.stat().st_mtime_ns, file.stat().st_ino
    erasure.erase(["u3"], LOG, places)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_reports_name_the_user_no_longer(places):
    summary = places.home / "summary.json"
    summary.write_text(json.dumps({"user": "u1", "other": "u12", "items": ["u1x", "x-u1"]}))
    erased = erasure.erase(["u1"], LOG, places)
    assert json.loads(summary.read_text()) == {
        "user": "(forgotten)",
        "other": "u12",
        "items": ["u1x", "x-(forgotten)"],
    }
    assert erased.texts == (summary,) and summary not in erased.left


def write_gzip(path, content):
    path.write_bytes(gzip.compress(content))


def write_parquet(path, content):
    parquet.write_table(pa.table({"n": [1], "user": [content.decode("latin-1")]}), path)


@pytest.mark.parametrize("write", [Path.write_bytes, write_gzip, write_parquet])
@pytest.mark.parametrize(
    ("content", "held"), [(b"\x0a\x02u1\x12", True), (b"\x0a\x03u12\x12", False), (b"x" * (1 << 22) + b" u1 ", True)]
)
def test_what_is_packed_is_searched_and_told(places, write, content, held):
    path = (
        places.home / "artifacts/ExampleGen/examples/1/Split-train" / ("a.parquet" if write is write_parquet else "a")
    )
    write(path, content)
    before = path.read_bytes()
    artifacts = [path for path in erasure.erase(["u1"], LOG, places).left if places.home in path.parents]
    assert artifacts == [path] * held
    assert path.read_bytes() == before


def test_an_id_across_two_blocks_is_seen(places):
    path = places.home / "artifacts/a"
    path.write_bytes(b" " * ((1 << 22) - 1) + b"u1")
    assert erasure.search(["u1"], places).left == (path, places.traffic[0] / "2026-01-31/traffic-1-ab.jsonl")


def test_a_file_that_a_server_writes_to_is_told_and_left(places):
    path = places.traffic[0] / ".open-cd.jsonl"
    path.write_text('{"user_id": "u1"}\n')
    erased = erasure.erase(["u1"], LOG, places)
    assert erased.open == (path,) and path not in erased.left
    assert path.read_text() == '{"user_id": "u1"}\n'


@pytest.mark.parametrize("user", ["jane+1@example.org", "ö|.*", 'a"b\\c', "-1"])
def test_an_id_of_any_letters_is_found_as_it_is(places, user):
    text = places.home / "report.txt"
    text.write_text(f"For example, user {user}, and b.")
    row = places.traffic[0] / "traffic-2-ef.jsonl"
    row.write_text(json.dumps({"user_id": user}) + "\n")
    assert erasure.search([user], places).left == (text, row)
    erased = erasure.erase([user], LOG, places)
    assert (erased.rows, row.read_text()) == (1, "")
    assert text.read_text() == "For example, user (forgotten), and b."


def forget(tmp_path, *options):
    command = ["forget", "--launch", "shop", "--workspace", str(tmp_path / "runs"), "--log", str(tmp_path / "log")]
    return main.main([*command, *options])


def test_the_command_removes_checks_and_names_what_is_left(tmp_path, capsys):
    traffic = tmp_path / "runs/shop/traffic"
    traffic.mkdir(parents=True)
    (traffic / "traffic-1-ab.jsonl").write_text('{"user_id": "u1"}\n{"user_id": "u2"}\n')
    (tmp_path / "log").mkdir()
    parquet.write_table(pa.table({"user_id": ["u1"], "item_id": ["i"]}), tmp_path / "log/events.parquet")
    assert forget(tmp_path, "--user", "u1", "--check") == 1
    assert forget(tmp_path, "--user", "u1") == 0
    printed = capsys.readouterr().out
    assert "removed 1 rows of the traffic log" in printed
    assert f"{tmp_path}/log/events.parquet  (your own log" in printed
    (tmp_path / "log/events.parquet").unlink()
    assert forget(tmp_path, "--user", "u1", "--check") == 0
    assert forget(tmp_path, "--user", "u2", "--check") == 1


def test_a_blank_id_is_refused(tmp_path, capsys):
    (tmp_path / "log").mkdir()
    assert forget(tmp_path, "--user", " ") == 1
    assert "--user" in capsys.readouterr().err
