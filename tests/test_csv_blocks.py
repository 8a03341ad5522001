import weakref

import pytest

from components.ingest import csv_blocks


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A file of several blocks."""
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 600)
    (tmp_path / "log.csv").write_text("a,b\n" + "1,2\n3\n" * 1000)
    return str(tmp_path / "log.csv")


def test_a_file_that_is_left_early_is_let_go_of_at_once(log):
    def told(number, line):
        broken.append(number)

    broken, alive = [], weakref.ref(told)
    found = csv_blocks.blocks(log, ",", csv_blocks.first_types(log, ","), told)
    assert next(found).num_rows
    assert broken[:3] == [2, 4, 6]
    found.close()
    del told, found

    assert alive() is None, "a callback that pyarrow's threads still hold when Python exits aborts the process"
