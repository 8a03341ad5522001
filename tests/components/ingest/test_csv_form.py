import bz2
import gzip
import lzma
import zipfile

import pytest

from components.declaration import Log
from components.errors import LogError
from components.ingest import csv_form
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader

ROWS = "".join(f"u{at},i{at % 7},{1_769_900_000 + at}\n" for at in range(500))
GOOD = "user,item,time\n" + ROWS


def looked_at(path):
    csv_form.check(path)
    LogReader([path], Layout.of_log(Log("x", "user", "item", "time"))).settle(("time",))


def refused(path, data):
    path.write_bytes(data)
    with pytest.raises(LogError) as caught:
        looked_at(str(path))
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "sep=;\nuser;item;time\nu;i;1\n",
            "the header is not in line 1: that is 'sep=;', which spreadsheets write. Remove the line.",
        ),
        ("# Report\n# 2026\n\n" + GOOD, "the header is not in line 1: line 4 looks like it ('user,item,time')."),
        ("Export of today\n" + GOOD, "the header is not in line 1: line 2 looks like it ('user,item,time')."),
        (
            "1::7::5::1769900000\n2::7::4::1769900001\n",
            "its columns are separated by '::'; a separator has one character.",
        ),
        (
            "60,2025-11-01T00:16:16Z,2145,0\n78,2025-11-01T00:28:00Z,2146,0\n",
            "the file seems to have no header: its first line holds values, such as '60'.",
        ),
        (
            "u1\t11/01/2025 12:16:16 AM\tN1\nu2\t11/01/2025 12:17:16 AM\tN2\n",
            "the file seems to have no header: its first line holds values, such as '11/01/2025",
        ),
    ],
)
def test_what_is_wrong_with_the_form_is_named(tmp_path, text, said):
    assert refused(tmp_path / "log.csv", text.encode()).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        'user,item,time\nu,i,"2026-01-31 10:00:00,5"\n',
        "user,item,time,2026\nu,i,1,x\n",
        "user,item,time,price:float\nu,i,1,2.5\n",
        "user,item\n",
        '"a\nb",item,time\nu,i,1\n',
    ],
)
def test_a_file_with_a_header_in_its_first_line_passes(text):
    assert csv_form.problem_of(text.splitlines()) is None


@pytest.mark.parametrize(
    ("name", "pack", "said"),
    [
        ("log.csv", bz2.compress, "is packed with bzip2, needs CSV as text. Unpack it: bunzip2 FILE."),
        ("log.csv.bz2", bz2.compress, "is packed with bzip2, needs CSV as text."),
        ("log.csv", lzma.compress, "is packed with xz, needs CSV as text."),
        ("log.csv.gz", lambda data: data, "is not a gzip file, although its name ends in .gz."),
        ("log.csv.gz", lambda data: gzip.compress(data)[:-400], "is cut off or damaged: its gzip stream does not end"),
        (
            "log.jsonl.gz",
            lambda data: gzip.compress(b'{"user": 1, "item": 2, "time": 3}\n' * 90_000)[:-400],
            "is cut off or damaged",
        ),
    ],
)
def test_how_a_file_is_packed_is_named(tmp_path, name, pack, said):
    assert refused(tmp_path / name, pack(GOOD.encode() * 50)).startswith(said)


# In the archive, 20 seconds past a minute are a line break.
@pytest.mark.parametrize("second", [20, 30])
def test_a_zip_archive_names_its_files(tmp_path, second):
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 10, 12, 0, second)), GOOD)
    message = refused(tmp_path / "log.csv", (tmp_path / "made.zip").read_bytes())
    assert message.startswith(
        "is a zip archive of 2 files (a.csv, b.csv), needs CSV as text. Unpack it and name the file."
    )


def test_a_declared_column_that_is_not_utf8_stops_a_run_and_one_without_a_role_does_not(tmp_path):
    file = tmp_path / "log.csv"
    file.write_bytes("user,item,time,city\nu,i,1,Köln\nu,j,2,Bonn\n".encode("latin-1"))
    plain = Log("x", "user", "item", "time", not_before=None)
    assert LogReader([str(file)], Layout.of_log(plain)).settle(("time",)).num_rows == 2
    declared = Log("x", "user", "item", "time", context=("city",), not_before=None)
    with pytest.raises(LogError, match=r"column 'city': is not UTF-8\. Save the file as UTF-8"):
        LogReader([str(file)], Layout.of_log(declared)).settle(("time",))
    with pytest.raises(LogError, match=r"column 'city' is not UTF-8\."):
        csv_form.check_encoding(str(file), LogReader([str(file)], Layout.of_log(plain)).settle(("city",)).schema)


def test_a_list_where_a_row_has_one_value_stops_a_run(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text('{"user": "u", "item": "i", "time": 1, "tags": ["a", "b"]}\n')
    with pytest.raises(
        LogError, match=r"column 'tags': holds list<.*>, and a row has one value: only the first would be read"
    ):
        LogReader([str(file)], Layout.of_log(Log("x", "user", "item", "time", context=("tags",)))).settle(("time",))
