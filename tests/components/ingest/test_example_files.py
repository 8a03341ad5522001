import gzip

import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.ingest import example_files
from components.ingest.example_files import ExampleFile, feature_lists

pytestmark = pytest.mark.tensorflow

KINDS = {
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "real": (pa.float64(), st.floats(width=32, allow_nan=False)),
    "flag": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(max_size=4)),
    "bytes": (pa.binary(), st.binary(max_size=4)),
    "nothing": (pa.null(), st.none()),
    "moment": (pa.timestamp("us"), st.integers(0, 2**50)),
    "words": (pa.list_(pa.string()), st.lists(st.none() | st.text(max_size=2), max_size=3)),
}
rows_of_all_kinds = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in KINDS.items()}), min_size=1, max_size=12
)


def decode(folder):
    """Each example as a dictionary of lists; a feature without a value is left out."""
    (path,) = folder.iterdir()
    assert path.name == "data_tfrecord-00000-of-00001.gz"
    examples = [
        tf.train.Example.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP")
    ]
    return [
        {
            name: list(getattr(feature, feature.WhichOneof("kind")).value)
            for name, feature in example.features.feature.items()
            if feature.WhichOneof("kind")
        }
        for example in examples
    ]


def as_features(row):
    """What an example should hold of a row."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in row.items() if value is not None}
    return {
        name: [part.encode() if isinstance(part, str) else part for part in values if part is not None]
        for name, values in lists.items()
    }


def batch_of(rows):
    columns = [pa.array([row[name] for row in rows], kind) for name, (kind, _) in KINDS.items()]
    return pa.RecordBatch.from_arrays(columns, list(KINDS))


@given(rows_of_all_kinds, st.data())
def test_what_is_written_is_what_is_read_and_only_null_is_missing(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("split")
    start = data.draw(st.integers(0, len(rows)))
    with ExampleFile(str(folder)) as file:
        file.write(batch_of(rows))
        file.write(batch_of(rows).slice(start))

    assert decode(folder) == [as_features(row) for row in rows + rows[start:]]
    assert file.rows == len(rows) + len(rows[start:])


def test_zero_false_and_the_empty_text_are_values(tmp_path):
    columns = {"whole": [0, None], "real": [0.0, None], "flag": [False, None], "text": ["", None]}
    with ExampleFile(str(tmp_path / "split")) as file:
        file.write(pa.RecordBatch.from_arrays([pa.array(values) for values in columns.values()], list(columns)))

    assert decode(tmp_path / "split") == [{"whole": [0], "real": [0.0], "flag": [0], "text": [b""]}, {}]


def test_a_batch_longer_than_a_slice_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(example_files, "_SLICE_ROWS", 10)
    rows = 35
    with ExampleFile(str(tmp_path)) as file:
        file.write(pa.RecordBatch.from_arrays([pa.array(range(rows))], ["n"]))

    assert [row["n"] for row in decode(tmp_path)] == [[n] for n in range(rows)]


def test_the_file_is_gzip_at_its_fastest_level(tmp_path):
    with ExampleFile(str(tmp_path)) as file:
        file.write(pa.RecordBatch.from_arrays([pa.array([1])], ["n"]))

    data = (tmp_path / "data_tfrecord-00000-of-00001.gz").read_bytes()
    assert gzip.decompress(data)
    assert data[8] == 4  # the header's mark of the fastest compression


def test_columns_without_nulls_and_with_them_have_the_same_form():
    full, holed = (
        feature_lists(pa.RecordBatch.from_arrays([pa.array(values)], ["n"])) for values in ([1, 2], [1, None])
    )

    assert full.schema == holed.schema
    assert holed.column(0).to_pylist() == [[1], None]
