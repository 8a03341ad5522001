"""The pieces of a file, one after the other, are the file: the same rows, types, numbers and quarantine, in the same order."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.ingest import csv_blocks, file_pieces, jsonl_blocks
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.quarantine import Quarantine

LAYOUT = Layout(ids=("user", "item"), declared=("user", "item", "time"), time="time", item="item")
ROWS = 300


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Blocks and pieces of some lines each, which have megabytes in life."""
    monkeypatch.setattr(jsonl_blocks, "_BLOCK_BYTES", 200)
    monkeypatch.setattr(file_pieces, "PIECE_BYTES", 900)


def settled(path):
    reader = LogReader([str(path)], LAYOUT)
    reader.settle(())
    return reader


def read(reader, path):
    """The rows of a reader, and its quarantine."""
    with open(path, "wb") as file, Quarantine(file) as quarantine:
        rows = [row for batch in reader.batches(quarantine) for row in batch.to_pylist()]
        types = reader.types
    aside = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return rows, types, sorted(aside, key=lambda record: record["row"])


def check_pieces(path, least):
    """Compares the pieces of a file with the file."""
    whole = settled(path)
    rows, types, aside = read(whole, path.parent / "whole.q")
    parts = whole.parts()
    assert len(parts) >= least
    pieces = [read(part, path.parent / "part.q") for part in parts]
    assert [row for part in pieces for row in part[0]] == rows
    assert all(part[1] == types for part in pieces)
    assert [record for part in pieces for record in part[2]] == aside
    assert sum(part.quarantined.rows_in for part in parts) == whole.quarantined.rows_in
    assert [part.quarantined.rows for part in parts] == [len(part[2]) for part in pieces]
    return [len(part[0]) for part in pieces]


def write_lines(path, lines):
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


@pytest.mark.parametrize("seed", range(5))
def test_json_lines_with_every_kind_of_trouble(tmp_path, seed):
    random, lines = np.random.default_rng(seed), ["\ufeff" + json.dumps({"user": "u", "item": "i", "time": 1})]
    for row in range(ROWS):
        values = {"user": f"u{row}", "item": row if row % 7 else str(row), "time": 1_700_000_000 + row}
        # A column that comes late, one that changes its type, and one that looks like a time now and then.
        values |= {"late": row} if row > 200 else {}
        values |= {"mixed": [7, "7", 1.5, None, "2024-01-01T00:00:00"][random.integers(5)]}
        values |= {"user": None} if random.random() < 0.1 else {}
        lines.append(json.dumps(values) if random.random() > 0.1 else random.choice(["torn {", "[]", "", "  "]))
    sizes = check_pieces(write_lines(tmp_path / "log.jsonl", lines), least=10)
    assert min(sizes) > 0


def test_blocks_of_broken_lines_alone_belong_to_their_piece(tmp_path):
    good = [json.dumps({"user": "u", "item": f"i{row}", "time": 1_700_000_000 + row}) for row in range(60)]
    broken = ["broken" * 8] * 60
    check_pieces(write_lines(tmp_path / "log.jsonl", [*good, *broken, *good, *broken]), least=8)


def test_rows_of_many_events(tmp_path):
    lines = [
        json.dumps({"user": "u", "item": [f"i{row}", f"j{row}"][: row % 3], "time": 1_700_000_000 + row})
        for row in range(ROWS)
    ]
    check_pieces(write_lines(tmp_path / "log.jsonl", lines), least=10)
    rows = {
        "user": ["u"] * ROWS,
        "item": [[f"i{row}", f"j{row}"][: row % 3] for row in range(ROWS)],
        "time": range(1_700_000_000, 1_700_000_000 + ROWS),
    }
    pq.write_table(pa.table({name: pa.array(values) for name, values in rows.items()}), tmp_path / "log.parquet", 50)
    assert len(check_pieces(tmp_path / "log.parquet", least=6)) == 6


def test_a_parquet_file_has_a_piece_per_row_group(tmp_path):
    users = [None if row % 9 == 0 else f"u{row}" for row in range(100)]
    table = pa.table({"user": users, "item": range(100), "time": range(1_700_000_000, 1_700_000_100)})
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=30)
    assert check_pieces(tmp_path / "log.parquet", least=4) == [26, 27, 27, 8]


def csv_lines(change=lambda row, line: line):
    return ["user,item,time,text", *(change(row, f"u{row},{row % 5},{1_700_000_000 + row},x") for row in range(ROWS))]


def test_csv_is_cut_between_lines(tmp_path):
    def change(row, line):
        # Wrong in a way that the row checks find; blank; quoted; with a quote that opens nothing.
        wrong = [line, line.replace(f"u{row},", ","), f"{line}\n", line.replace(",x", ',"a,""b"""'), f'{line}5" tv']
        return wrong[row % 5]

    sizes = check_pieces(write_lines(tmp_path / "log.csv", csv_lines(change)), least=5)
    assert sum(sizes) == ROWS - ROWS // 5


def test_csv_with_a_byte_order_mark_and_windows_line_ends(tmp_path):
    (tmp_path / "log.csv").write_bytes("\ufeff".encode() + "\r\n".join(csv_lines()).encode())
    assert sum(check_pieces(tmp_path / "log.csv", least=5)) == ROWS


def quote_a_line_break(row, line):
    return line.replace(",x", ',"two\nlines"') if row == 150 else line


def quote_a_carriage_return(row, line):
    return line.replace(",x", ',"two\rlines"') if row == 150 else line


def tear_a_row(row, line):
    return f'"{line}' if row == 150 else line


def repay(row, line):
    """One row of two lines, and two rows in one line of those that count line feeds."""
    return line + "\ru,1,1700000000,x" if row == 20 else quote_a_line_break(row, line)


@pytest.mark.parametrize("change", [quote_a_line_break, quote_a_carriage_return, tear_a_row, repay])
def test_csv_whose_rows_may_not_be_lines_stays_whole(tmp_path, change):
    path = write_lines(tmp_path / "log.csv", csv_lines(change))
    if change is repay:
        assert path.read_bytes().count(b"\n") == 1 + len(read(settled(path), tmp_path / "q")[0])
    assert len(check_pieces(path, least=1)) == 1


def test_csv_of_one_endless_line_is_not_read_as_a_whole(tmp_path):
    (tmp_path / "log.csv").write_bytes("\r".join(csv_lines()).encode())
    assert max(cut.end - cut.start for cut in csv_blocks.count_lines(str(tmp_path / "log.csv"), 900)) <= 1800
    assert len(check_pieces(tmp_path / "log.csv", least=1)) == 1


@pytest.mark.parametrize("name", ["log.csv.gz", "log.jsonl.gz"])
def test_what_is_packed_is_one_piece(tmp_path, name):
    rows = [{"user": "u", "item": row, "time": 1_700_000_000 + row} for row in range(ROWS)]
    lines = csv_lines() if "csv" in name else map(json.dumps, rows)
    (tmp_path / name).write_bytes(gzip.compress("\n".join(lines).encode()))
    assert check_pieces(tmp_path / name, least=1) == [ROWS]
