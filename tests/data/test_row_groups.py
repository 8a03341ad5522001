"""The sample's log can be read by several workers: each reads row groups."""

import importlib.util
from pathlib import Path

import pyarrow.parquet as pq

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "generate.py"


def test_a_large_log_is_written_in_row_groups(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("sample_in_groups", SCRIPT)
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.ROWS_IN_GROUP <= 5_000_000 / 16
    monkeypatch.setattr(generate, "ROWS_IN_GROUP", 800)
    generate.generate(tmp_path, events=2_000)
    metadata = pq.read_metadata(tmp_path / "events.parquet")
    rows = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    assert rows[:-1] == [800] * (len(rows) - 1) and len(rows) >= 2 and sum(rows) == metadata.num_rows
