import pyarrow.parquet as pq
from small_vectors import vectors

from components.integrations.parquet_file import ParquetFile


def test_every_row_says_its_version(tmp_path):
    sink = ParquetFile(tmp_path / "out")

    assert list(sink.plan(vectors())) == [
        f"would write 4 active items of version 7, vectors of 3, to {tmp_path / 'out' / 'items.parquet'}"
    ]
    assert not (tmp_path / "out").exists()
    assert list(sink.send(vectors())) == [
        f"4 active items of version 7, vectors of 3: {tmp_path / 'out' / 'items.parquet'}"
    ]

    rows = pq.read_table(tmp_path / "out" / "items.parquet").to_pylist()
    assert rows[1] == {
        "item_id": "i1",
        "title": "Item i1",
        "active": True,
        "vector": [0.0, 1.0, 0.0],
        "model_version": 7,
    }
    assert len(rows) == 4


def test_again_leads_to_the_same(tmp_path):
    sink = ParquetFile(tmp_path / "out")
    list(sink.send(vectors()))
    before = (tmp_path / "out" / "items.parquet").read_bytes()

    list(sink.send(vectors()))

    assert (tmp_path / "out" / "items.parquet").read_bytes() == before
