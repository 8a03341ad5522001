import os
import re

import pytest

from components.errors import LogError
from components.ingest import log_files
from components.ingest.log_files import find_files, format_of, split_pattern


@pytest.mark.parametrize(
    ("path", "folder", "pattern"),
    [
        ("events.parquet", "/data", "events.parquet"),
        ("shop/events.csv", "/data/shop", "events.csv"),
        ("events/", "/data/events", "*"),
        ("events", "/data/events", "*"),
        ("*.csv", "/data", "*.csv"),
        ("days/*/part-?.jsonl", "/data/days", "*/part-?.jsonl"),
        ("days/{YYYY}-{MM}-{DD}/*.csv", "/data/days", "{YYYY}-{MM}-{DD}/*.csv"),
        ("/elsewhere/log.csv", "/elsewhere", "log.csv"),
        ("/elsewhere/[ab]/log.csv", "/elsewhere", "[ab]/log.csv"),
    ],
)
def test_a_path_splits_into_a_sure_folder_and_a_pattern(path, folder, pattern):
    assert split_pattern(path, "/data") == (folder, pattern)


def test_a_folder_is_known_by_looking_even_if_its_name_has_a_dot(tmp_path):
    (tmp_path / "log.v2").mkdir()

    assert split_pattern("log.v2", str(tmp_path)) == (str(tmp_path / "log.v2"), "*")


def test_a_file_without_an_ending_is_no_folder(tmp_path):
    (tmp_path / "events").touch()

    assert split_pattern("events", str(tmp_path)) == (str(tmp_path), "events")


def test_a_folder_gives_its_data_files_by_name(tmp_path):
    for name in ("b.csv", "a.csv.gz", "c.parquet", "README.md", "_SUCCESS", ".hidden.csv", "d.jsonl", "_meta.json"):
        (tmp_path / name).touch()
    (tmp_path / "old.csv").mkdir()

    assert [path.rsplit("/", 1)[1] for path in find_files(str(tmp_path), "*")] == [
        "a.csv.gz",
        "b.csv",
        "c.parquet",
        "d.jsonl",
    ]


def test_a_file_named_in_full_is_read_whatever_its_ending(tmp_path):
    (tmp_path / "log.data").touch()

    assert find_files(str(tmp_path), "log.data") == (str(tmp_path / "log.data"),)


def test_a_base_folder_with_wild_characters_is_taken_as_it_is(tmp_path):
    folder = tmp_path / "a[1]"
    folder.mkdir()
    (folder / "log.csv").touch()

    assert find_files(str(folder), "*.csv") == (str(folder / "log.csv"),)


def test_a_missing_file_is_named_with_what_is_there(tmp_path):
    (tmp_path / "event.csv").touch()

    with pytest.raises(
        LogError, match=re.escape(f"{tmp_path}/events.csv: no such file. The folder '{tmp_path}' holds: event.csv.")
    ):
        find_files(str(tmp_path), "events.csv")


def test_an_empty_folder_and_a_missing_one_are_told_apart(tmp_path):
    with pytest.raises(LogError, match=r"needs a data file \(\.jsonl, .*found none\. The folder .* holds: nothing"):
        find_files(str(tmp_path), "*")
    with pytest.raises(LogError, match=r"nowhere: there is no such file or folder"):
        find_files(str(tmp_path / "nowhere"), "*")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "csv"),
        ("a.tsv.gz", "csv"),
        ("u.inter", "csv"),
        ("a", "csv"),
        ("a.jsonl", "jsonl"),
        ("A.JSON.GZ", "jsonl"),
        ("a.parquet", "parquet"),
    ],
)
def test_the_ending_tells_the_format(name, kind):
    assert format_of(name) == kind


def test_the_content_of_a_small_log_is_seen_even_where_size_and_time_stay(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user,item,time\nu,i,1\n")
    before, moment = log_files.content_digest(str(tmp_path), "log.csv"), file.stat().st_mtime_ns
    file.write_text("user,item,time\nu,j,1\n")
    os.utime(file, ns=(moment, moment))

    assert log_files.content_digest(str(tmp_path), "log.csv") != before
    assert log_files.content_digest(str(tmp_path), "not_there.csv") == ""


def test_the_content_of_a_large_log_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "log.csv").write_text("user,item,time\nu,i,1\n")
    monkeypatch.setattr(log_files, "_SMALL_BYTES", 10)

    assert log_files.content_digest(str(tmp_path), "log.csv") == ""


def test_parts_of_no_byte_are_left_out_below_a_wildcard(tmp_path):
    for name, content in (("a.csv", ""), ("b.csv", "user\n"), ("c.jsonl", "")):
        (tmp_path / name).write_text(content)
    assert find_files(str(tmp_path), "*") == (str(tmp_path / "b.csv"),)
    assert find_files(str(tmp_path), "a.csv") == (str(tmp_path / "a.csv"),)
    (tmp_path / "b.csv").unlink()
    assert len(find_files(str(tmp_path), "*")) == 2  # the reader says what is wrong with them
    assert find_files(str(tmp_path), "*", may_be_empty=True) == ()


def test_a_folder_may_be_empty_where_that_is_said_but_it_has_to_be_there(tmp_path):
    (tmp_path / ".dayone-loop").touch()
    assert find_files(str(tmp_path), "*", may_be_empty=True) == ()
    with pytest.raises(LogError):
        find_files(str(tmp_path), "*")
    with pytest.raises(LogError):
        find_files(str(tmp_path / "elsewhere"), "*", may_be_empty=True)
    with pytest.raises(LogError):
        find_files(str(tmp_path), "events.csv", may_be_empty=True)
