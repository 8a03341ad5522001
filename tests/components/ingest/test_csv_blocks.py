import sys
import weakref

import pytest

from components.errors import LogError
from components.ingest import csv_blocks


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A file of several blocks."""
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 600)
    (tmp_path / "log.csv").write_text("a,b\n" + "1,2\n3\n" * 1000)
    return str(tmp_path / "log.csv")


def test_a_file_that_is_left_early_is_let_go_of_at_once(log):
    def on_broken(number, line):
        broken.append(number)

    broken, alive = [], weakref.ref(on_broken)
    blocks = csv_blocks.blocks(log, ",", csv_blocks.first_types(log, ","), on_broken)
    assert next(blocks).num_rows
    assert broken[:3] == [2, 4, 6]
    blocks.close()
    del on_broken, blocks

    assert alive() is None, "a callback that pyarrow's threads still hold when Python exits aborts the process"


def test_a_torn_row_that_is_not_utf8_prints_no_traceback(tmp_path, capsys):
    (tmp_path / "log.csv").write_bytes(b"a,b\n1,2\n\xe9\n")
    hook = sys.unraisablehook

    with pytest.raises(LogError, match=r"Row #3: Expected 2 columns, got 1: .*and that it is UTF-8"):
        csv_blocks.first_types(str(tmp_path / "log.csv"), ",")

    assert capsys.readouterr().err == ""
    assert sys.unraisablehook is hook


@pytest.mark.parametrize(
    ("name", "noted"), [("log.png", True), ("log.csv", False), ("log", True), ("log.tsv.gz", False)]
)
def test_what_was_read_as_csv_for_want_of_an_ending_is_told_so(name, noted):
    message = str(csv_blocks._unreadable(name, ValueError("CSV parse error")))
    assert message.startswith(f"{name}: cannot be read as CSV: CSV parse error. ")
    assert ("Its ending is none of .jsonl" in message and "so it was read as CSV" in message) == noted
