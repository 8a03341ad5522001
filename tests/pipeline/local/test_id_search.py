import gzip

import pyarrow as pa
import pytest

from components.safe_parquet import parquet
from pipeline.local import id_search

BLOCK = 1 << 22


@pytest.mark.parametrize("name", ["a.parquet", "a.gz", "a"])
@pytest.mark.parametrize("content", [b"", b"PAR1 u1 PAR1", b"\x1f\x8b u1", gzip.compress(b"u1 " * 999)[:-9] + b" u1"])
def test_a_damaged_file_is_searched_as_it_is(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert id_search.holds(tmp_path / name, {"u1"}) == bool(content)


@pytest.mark.parametrize("value", ["u1 é".encode(), {"id": "u1 é"}, ["u1 é"]])
def test_ids_in_bytes_and_nested_columns_of_parquet_are_seen(tmp_path, value):
    parquet.write_table(pa.table({"user": [value]}), tmp_path / "a.parquet")
    assert id_search.holds(tmp_path / "a.parquet", {"u1 é"}) and not id_search.holds(tmp_path / "a.parquet", {"u"})


@pytest.mark.parametrize(
    ("start", "text", "held"),
    [
        (BLOCK - 2, "u12", False),
        (BLOCK - 1, "u12", False),
        (BLOCK - 5, "xxxu1", False),
        (BLOCK - 9000, "u" * 20_000, True),
    ],
)
@pytest.mark.parametrize("users", [{"u1"}, {"u1", "u" * 20_000}])
def test_a_word_across_two_blocks_is_whole(tmp_path, start, text, held, users):
    (tmp_path / "a").write_text(" " * start + text + " " * 99)
    assert id_search.holds(tmp_path / "a", users) == (held and text in users)


def test_a_text_without_an_end_is_searched_to_its_end(tmp_path):
    (tmp_path / "a").write_text(" " * (BLOCK * 2 - 2) + "u1")
    assert id_search.holds(tmp_path / "a", {"u1"})
