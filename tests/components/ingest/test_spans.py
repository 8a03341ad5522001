import datetime as dt
import glob

import pytest

from components.declaration import Launch, Log, Objective, Split
from components.errors import DeclarationError, LogError
from components.ingest.spans import any_span, day_folder, input_files, is_dated, newest, span_of, takes

DATED = "{YYYY}-{MM}-{DD}/*.csv"


def days(folder, *names):
    """A folder per day with one file in it."""
    for name in names:
        (folder / name).mkdir()
        (folder / name / "log.csv").write_text("user,item,time\n")
    return sorted(glob.glob(str(folder / "*/*.csv")))


def days_of(files):
    return [file.split("/")[-2] for file in files]


@pytest.mark.parametrize("path", [DATED, "{SPAN}/log.csv", "span-{SPAN:4}.parquet", "{YYYY}/{MM}/{DD}.jsonl"])
def test_a_path_with_spans_is_known(path):
    assert is_dated(path)


@pytest.mark.parametrize(
    "path", ["log/", "{YYYY}/log.csv", "{YYYY}-{MM}-{DD}/{SPAN}.csv", "{SPAN}/{SPAN}.csv", "{VERSION}.csv"]
)
def test_a_path_without_a_whole_span_is_not(path):
    assert not is_dated(path)


def test_the_pattern_of_every_span_matches_digits_only(tmp_path):
    files = days(tmp_path, "2026-01-30", "2026-01-31", "latest-is-best", "2026-1-1")

    assert days_of(sorted(glob.glob(str(tmp_path / any_span(DATED))))) == ["2026-01-30", "2026-01-31"]
    assert any_span("{SPAN:3}/{SPAN}.csv") == "[0-9][0-9][0-9]/[0-9]*.csv"
    assert days_of(newest(files, str(tmp_path), DATED, 9)) == ["2026-01-30", "2026-01-31"]


@pytest.mark.parametrize("spans", [1, 2, 3, 5, 40])
def test_the_window_is_that_many_days_back_from_the_newest(tmp_path, spans):
    names = ["2025-12-31", "2026-01-01", "2026-01-02", "2026-01-04"]

    files = newest(days(tmp_path, *names), str(tmp_path), DATED, spans)

    first = dt.date(2026, 1, 4) - dt.timedelta(days=spans - 1)
    assert days_of(files) == [name for name in names if dt.date.fromisoformat(name) >= first]


def test_a_date_is_its_days_since_1970():
    assert span_of("/d/1970-01-02/log.csv", "/d", DATED) == 1
    assert span_of("/d/2026-01-31/log.csv", "/d", DATED) == (dt.date(2026, 1, 31) - dt.date(1970, 1, 1)).days
    assert span_of("/d/span-0042.csv", "/d", "span-{SPAN:4}.csv") == 42
    assert span_of("/d/other.csv", "/d", DATED) is None


def test_a_name_that_is_no_date_is_named():
    with pytest.raises(LogError, match=r"2026-02-30/log.csv: its name needs a date .*day is out of range"):
        span_of("/d/2026-02-30/log.csv", "/d", DATED)


@pytest.mark.parametrize(
    ("spans", "expected"), [(None, ["2026-01-03"]), (1, ["2026-01-03"]), (2, ["2026-01-02", "2026-01-03"])]
)
def test_files_are_found_from_a_declared_path(tmp_path, spans, expected):
    days(tmp_path, "2026-01-01", "2026-01-02", "2026-01-03")

    assert days_of(input_files(DATED, str(tmp_path), spans)) == expected
    assert len(input_files("2026-01-01/", str(tmp_path))) == 1


@pytest.mark.parametrize(
    ("path", "spans", "message"),
    [
        ("log/", 3, "launch.log.spans needs {YYYY}, {MM} and {DD}, or {SPAN}, in log.path, got 3"),
        (DATED, 0, "launch.log.spans needs at least 1, got 0"),
    ],
    ids=["no spans in the path", "an empty window"],
)
def test_a_window_that_makes_no_sense_is_refused(path, spans, message):
    with pytest.raises(DeclarationError, match=message):
        Launch("daily", Log(path, "user", "item", "time", spans=spans), Split(eval_days=1.0), (Objective("any"),))


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("events/{YYYY}-{MM}-{DD}/*", "%Y-%m-%d"),
        ("{YYYY}/{MM}/day {DD}/*.jsonl", "%Y/%m/day %d"),
        ("events/", ""),
        ("events.parquet", ""),
        ("events/{YYYY}-{MM}-{DD}.csv", ""),
        ("*/{YYYY}-{MM}-{DD}/*", ""),
        ("{SPAN}/*", ""),
    ],
)
def test_the_folder_of_a_day_is_where_the_path_looks_for_it(path, folder, tmp_path):
    assert day_folder(path, str(tmp_path)) == folder
    if folder:
        begin = tmp_path / "events" if path.startswith("events/") else tmp_path
        file = begin / dt.date(2026, 1, 31).strftime(folder) / "part.jsonl"
        file.parent.mkdir(parents=True)
        file.touch()
        assert takes(path, str(tmp_path), str(file))
        assert input_files(path, str(tmp_path)) == (str(file),), "what is said to be read is what is read"


@pytest.mark.parametrize(
    ("path", "taken"),
    [("log/", True), ("log/*", True), ("l*/*.jsonl", True), ("log/*.csv", False), ("log.csv", False), ("*", False)],
)
def test_what_a_path_takes_is_what_is_found(path, taken, tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.jsonl").touch()
    (tmp_path / "log.csv").touch()
    (tmp_path / "log" / "b.csv").touch()
    assert takes(path, str(tmp_path), str(tmp_path / "log" / "a.jsonl")) is taken
    assert (str(tmp_path / "log" / "a.jsonl") in input_files(path, str(tmp_path))) is taken
