import dataclasses
import gzip
import html
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from components.declaration import Log, Users
from components.safe_parquet import parquet
from pipeline import launches
from pipeline.cli import main
from pipeline.local import erasure

LOG = Log("events/", "user_id", "item_id", "timestamp", user_fallbacks=("visitor",))
ROWS = [
    {"user_id": "u1", "item_id": "i1"},
    {"user_id": "u12", "item_id": "u1"},  # an item of the same name is no user
    {"user_id": None, "visitor": "u1", "item_id": "i2"},
    {"user_id": 7, "item_id": "i3"},
]
REPORTS = "artifacts/Verdict/summary/21"
TORN = '{"user_id": "u9", "it'


@pytest.fixture
def locations(tmp_path):
    traffic = tmp_path / "events" / "2026-01-31"
    traffic.mkdir(parents=True)
    (traffic / "traffic-1-ab.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS) + TORN)
    home = tmp_path / "runs/shop"
    (home / "artifacts/ExampleGen/examples/1/Split-train").mkdir(parents=True)
    (home / "logs").mkdir()
    (home / REPORTS).mkdir(parents=True)
    return erasure.Locations(home, (tmp_path / "events",), ())


def users_of(locations):
    (file,) = locations.traffic[0].rglob("traffic-*.jsonl")
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
def test_the_rows_of_a_user_go_and_no_others(locations, users, left, rows):
    assert erasure.erase(users, LOG, locations).rows == rows
    assert users_of(locations) == left
    assert not list(locations.traffic[0].rglob(".*.half"))


def test_a_torn_row_of_the_user_goes_too(locations):
    assert erasure.erase(["u9"], LOG, locations) == (1, (), (), ())
    (file,) = locations.traffic[0].rglob("traffic-*.jsonl")
    assert len(file.read_text().splitlines()) == len(ROWS)


def test_a_file_without_the_user_is_not_written(locations):
    (file,) = locations.traffic[0].rglob("traffic-*.jsonl")
    before = file.stat().st_mtime_ns, file.stat().st_ino
    erasure.erase(["u3"], LOG, locations)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_reports_name_the_user_no_longer(locations):
    summary = locations.home / REPORTS / "summary.json"
    summary.write_text(json.dumps({"user": "u1", "other": "u12", "items": ["u1x", "x-u1"]}))
    os.utime(summary, (1e9, 1e9))
    erased = erasure.erase(["u1"], LOG, locations)
    assert summary.stat().st_mtime == 1e9, "the date of a verdict in `history`"
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
def test_what_is_packed_is_searched_and_told(locations, write, content, held):
    path = (
        locations.home
        / "artifacts/ExampleGen/examples/1/Split-train"
        / ("a.parquet" if write is write_parquet else "a")
    )
    write(path, content)
    before = path.read_bytes()
    artifacts = [path for path in erasure.erase(["u1"], LOG, locations).left if locations.home in path.parents]
    assert artifacts == [path] * held
    assert path.read_bytes() == before


def test_an_id_across_two_blocks_is_seen(locations):
    path = locations.home / "artifacts/a"
    path.write_bytes(b" " * ((1 << 22) - 1) + b"u1")
    assert erasure.search(["u1"], locations).left == (path, locations.traffic[0] / "2026-01-31/traffic-1-ab.jsonl")


def test_a_file_that_a_server_writes_to_is_told_and_left(locations):
    path = locations.traffic[0] / ".open-cd.jsonl"
    path.write_text('{"user_id": "u1"}\n')
    erased = erasure.erase(["u1"], LOG, locations)
    assert erased.open == (path,) and path not in erased.left
    assert path.read_text() == '{"user_id": "u1"}\n'


@pytest.mark.parametrize("user", ["jane+1@example.org", "ö|.*", 'a"b\\c', "-1"])
def test_an_id_of_any_letters_is_found_as_it_is(locations, user):
    text = locations.home / REPORTS / "report.txt"
    text.write_text(f"For example, user {user}, and b.")
    row = locations.traffic[0] / "traffic-2-ef.jsonl"
    row.write_text(json.dumps({"user_id": user}) + "\n")
    assert set(erasure.search([user], locations).left) == {text, row}
    erased = erasure.erase([user], LOG, locations)
    assert (erased.rows, row.exists()) == (1, False)  # no run could read a file without a row
    assert text.read_text() == "For example, user (forgotten), and b."


SUMMARY = {
    "launch": "shop",
    "written_at": "2026-11-29T04:40:07",
    "figures": {"recall": 0.7, "queries": 10, "click": -1, "0.7": 1e5},
    "notes": ["the 10 clicks of click, 0.7"],
    "example": {"user": None, "history": ["The n\nth", "caf\u00e9"]},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "user", ["10", "0.7", "-1", "the", "click", "recall", "n", "u00e9", "user", "2026", "1e5", '"', "h1"]
)
def test_a_report_stays_what_it_was_but_for_the_user(locations, user, indent):
    """Ids that are numbers, keys, words and parts of escapes in the report."""
    summary = locations.home / REPORTS / "summary.json"
    text = locations.home / REPORTS / "summary.txt"
    example = SUMMARY["example"] | {"user": user}
    summary.write_text(json.dumps(SUMMARY | {"example": example}, indent=indent))
    text.write_text(f"recall@10 0.7\nFor example, user {user}\n")
    page = locations.home / REPORTS / "report.html"
    page.write_text(f"<h1>recall@10</h1>\nh1 {{ content: 'u' }}\n<h2>For example, user {html.escape(user)}</h2>")
    erasure.erase([user], LOG, locations)
    assert json.loads(summary.read_text()) == SUMMARY | {"example": example | {"user": "(forgotten)"}}
    assert text.read_text() == "recall@10 0.7\nFor example, user (forgotten)\n"
    shown = "<h1>recall@10</h1>\nh1 { content: 'u' }\n<h2>For example, user (forgotten)</h2>"
    assert page.read_text() == shown


@pytest.mark.parametrize(
    "written", ["caf\u00e9 1", "cafe\u0301 1", "caf\\u00e9 1", "caf\\u00E9 1", "cafe\\u0301 1"], ids=ascii
)
def test_every_spelling_of_an_accent_is_the_same_user(locations, written):
    row, summary = locations.traffic[0] / "traffic-2-ef.jsonl", locations.home / REPORTS / "summary.json"
    row.write_text(f'{{"user_id": "{written}"}}\r\n{{"user_id": "caf\u00e9"}}\r\n')
    summary.write_text(f'{{"user": "{written}", "other": "\u00e9caf\u00e9 1"}}')
    assert erasure.erase(["caf\u00e9 1"], LOG, locations).rows == 1
    assert row.read_bytes() == '{"user_id": "caf\u00e9"}\r\n'.encode()
    assert json.loads(summary.read_text()) == {"user": "(forgotten)", "other": "\u00e9caf\u00e9 1"}


def test_versions_artifacts_and_metadata_are_never_edited(locations):
    names = (
        "serving/shop/1/assets.extra/dayone.json",
        "serving/shop/1/assets/titles.txt",
        "artifacts/Trainer/model/17/Format-Serving/assets/context.txt",
        "artifacts/Evaluator/evaluation/20/eval_config.json",
        "metadata.sqlite",
        "last_run.json",
    )
    for name in names:
        (locations.home / name).parent.mkdir(parents=True, exist_ok=True)
        (locations.home / name).write_text('"u1 x"')
    erased = erasure.erase(["u1 x"], LOG, locations)
    assert {str(path.relative_to(locations.home)) for path in erased.left} == set(names) and erased.texts == ()
    assert {(locations.home / name).read_text() for name in names} == {'"u1 x"'}


def test_a_user_who_is_called_none_is_not_every_row_without_a_user(locations):
    assert erasure.erase(["None"], LOG, locations).rows == 0


@pytest.mark.parametrize("name", ["traffic-sources.jsonl", "traffic-2026-01-31.jsonl", "traffic-1-ab.json"])
def test_a_log_of_the_team_that_is_called_traffic_is_not_edited(locations, name):
    path = locations.traffic[0] / name
    path.write_text('{"user_id": "u1"}\n')
    assert path in erasure.erase(["u1"], LOG, locations).left
    assert path.read_text() == '{"user_id": "u1"}\n'


def test_what_lies_behind_a_link_is_edited_there_and_keeps_its_mode(locations, tmp_path):
    (tmp_path / "big").mkdir()
    target = tmp_path / "big/traffic-3-ab.jsonl"
    target.write_text('{"user_id": "u1"}\n{"user_id": "u2"}\n')
    target.chmod(0o640)
    (locations.traffic[0] / "day").symlink_to(tmp_path / "big")
    (tmp_path / "big/circle").symlink_to(locations.traffic[0])
    (locations.home / "artifacts/far").symlink_to(tmp_path / "far")
    (tmp_path / "far").mkdir()
    (tmp_path / "far/a").write_text("u1")
    assert erasure.erase(["u1"], LOG, locations).left == (
        locations.home / "artifacts/far/a",
        locations.traffic[0] / "2026-01-31/traffic-1-ab.jsonl",  # as an item
    )
    assert (target.read_text(), target.stat().st_mode & 0o777) == ('{"user_id": "u2"}\n', 0o640)


def test_memory_is_bounded(locations):
    import tracemalloc

    path = locations.traffic[0] / "traffic-9-ab.jsonl"
    path.write_text('{"user_id": "u2"}\n' * 100_000 + '{"user_id": "u1"}\n')
    tracemalloc.start()
    assert erasure._drop_rows(path, frozenset(["u1"]), LOG) == 1
    assert tracemalloc.get_traced_memory()[1] < 500_000
    tracemalloc.stop()


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
    assert f"{tmp_path}/log/events.parquet  (your own log or table" in printed
    (tmp_path / "log/events.parquet").unlink()
    assert forget(tmp_path, "--user", "u1", "--check") == 0
    assert forget(tmp_path, "--user", "u2", "--check") == 1


def test_what_lies_beside_a_log_of_one_file_is_left_alone(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log/events.parquet").write_text("")
    other = tmp_path / "log/another/traffic/traffic-1-ab.jsonl"
    other.parent.mkdir(parents=True)
    other.write_text('{"user_id": "u1"}\n')
    assert forget(tmp_path, "--user", "u1") == 0
    assert other.read_text() == '{"user_id": "u1"}\n'


@pytest.mark.parametrize("user", ["\udcff", "u" * 100_000, "a\nb", "(forgotten)", "[", "\\", "\x00"], ids=ascii)
def test_an_id_of_any_bytes_is_no_traceback(tmp_path, user):
    traffic = tmp_path / "runs/shop/traffic"
    traffic.mkdir(parents=True)
    (tmp_path / "log").mkdir()
    (traffic / "traffic-1-ab.jsonl").write_text(json.dumps({"user_id": user}) + "\n")
    assert forget(tmp_path, "--user", user) == 0
    assert not list(traffic.iterdir())


def test_a_mistyped_folder_is_told_and_not_searched_in_vain(tmp_path, capsys):
    (tmp_path / "log").mkdir()
    assert forget(tmp_path, "--user", "u1", "--traffic", str(tmp_path / "trafic")) == 1
    assert "--traffic" in capsys.readouterr().err
    assert forget(tmp_path, "--user", "u1", "--check") == 0
    assert f"no run of launch 'shop' is in {tmp_path}/runs" in capsys.readouterr().out


def test_a_blank_id_is_refused(tmp_path, capsys):
    (tmp_path / "log").mkdir()
    assert forget(tmp_path, "--user", " ") == 1
    assert "--user" in capsys.readouterr().err


def test_the_table_of_the_users_is_searched_and_named(tmp_path, monkeypatch, capsys):
    shop = launches.load("shop")
    joined = dataclasses.replace(shop, log=dataclasses.replace(shop.log, users=Users("users.csv", "id", ("plan",))))
    monkeypatch.setattr(launches, "load", lambda name: joined)
    (tmp_path / "log").mkdir()
    (tmp_path / "log/users.csv").write_text("id,plan\nu1,free\n")
    assert forget(tmp_path, "--user", "u1", "--check") == 1
    assert f"{tmp_path}/log/users.csv  (your own log or table: remove the rows there" in capsys.readouterr().out
    assert forget(tmp_path, "--user", "u2", "--check") == 0
