import gzip
import json

import pytest

from components.errors import LogError
from components.ingest import csv_blocks, file_rows, jsonl_blocks
from components.ingest.file_pieces import Piece
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.quarantine import Quarantine

LAYOUT = Layout(ids=("user", "item"), declared=("user", "item", "time"), time="time")


def numbers(file):
    """The numbers of the rows of a file, and those of its broken lines."""
    broken = []
    types = file_rows.first_columns(str(file), ",", None).types
    batches = file_rows.rows(
        Piece(str(file)), ",", types, None, None, lambda number, line: broken.append((number, line))
    )
    return [number for rows in batches for number in rows.numbers.tolist()], broken


def test_rows_are_numbered_from_one_without_header_and_blank_lines(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2\n\n3,4\n5\n6,7\n8,9,10\n11,12\n")

    assert numbers(tmp_path / "log.csv") == ([1, 2, 4, 6], [(3, "5"), (5, "8,9,10")])


def test_a_quote_left_open_in_a_torn_row_is_a_broken_line_for_each_line_it_swallows(tmp_path):
    (tmp_path / "log.csv").write_text('a,b\n1,2\n"3,4\n5,6\n')

    assert numbers(tmp_path / "log.csv") == ([1], [(2, '"3,4'), (2, "5,6")])


def test_a_file_without_an_object_is_named(tmp_path):
    (tmp_path / "log.jsonl").write_text("[]\n")

    with pytest.raises(LogError, match=r"log.jsonl: holds no JSON object, needs one per line"):
        file_rows.first_columns(str(tmp_path / "log.jsonl"), ",", None)


@pytest.mark.parametrize("block", [60, 1 << 20])
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_a_row_that_is_quarantined_is_found_by_its_number_in_the_file(tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", block)
    monkeypatch.setattr(jsonl_blocks, "_BLOCK_BYTES", block)
    broken, without_user = {5, 6, 17, 40}, {1, 7, 18, 39}
    lines = [(None if row in without_user else "u", f"i{row}", row) for row in range(1, 41)]
    if name == "log.csv":
        texts = [
            "user,item,time",
            *("torn" if row in broken else f"{user or ''},{item},{row}" for user, item, row in lines),
        ]
    else:
        texts = [
            '{"user": ' if row in broken else json.dumps({"user": user, "item": item, "time": row})
            for user, item, row in lines
        ]
    (tmp_path / name).write_text("\n".join(texts))
    reader = LogReader([str(tmp_path / name)], LAYOUT)
    reader.settle(())
    with open(tmp_path / "q", "wb") as file, Quarantine(file) as quarantine:
        kept = [item for batch in reader.batches(quarantine) for item in batch.column(1).to_pylist()]
    records = [json.loads(line) for line in gzip.decompress((tmp_path / "q").read_bytes()).splitlines()]

    assert {record["row"] for record in records if record["reason"] == "line unreadable"} == broken
    assert {(record["row"], record["columns"]["item"]) for record in records if record["reason"] == "no user"} == {
        (row, f"i{row}") for row in without_user
    }
    assert kept == [item for _, item, row in lines if row not in broken | without_user]
