import pyarrow as pa
import pytest
import tensorflow as tf

from components.models import training_log

pytestmark = pytest.mark.tensorflow


def test_scalars_go_to_the_folder_and_without_one_nowhere(tmp_path):
    for folder in (str(tmp_path), None):
        with training_log.record(folder):
            training_log.write_scalar("training/loss", 0.5, 1)
    training_log.write_scalar("training/loss", 9.0, 2)
    (file,) = tmp_path.iterdir()
    read = [value for event in tf.compat.v1.train.summary_iterator(str(file)) for value in event.summary.value]
    assert [(value.tag, float(tf.make_ndarray(value.tensor))) for value in read] == [("training/loss", 0.5)]


def test_the_projector_has_a_row_per_vector_whatever_a_title_holds(tmp_path):
    rows = pa.table({"item_id": ["A", "B"], "title": ["a\tmug\n", None], "vector": [[0.25, -1.0], [2.0, 0.0]]})
    training_log.write_projector(str(tmp_path), rows)
    assert (tmp_path / "vectors.tsv").read_text() == "0.25\t-1\n2\t0\n"
    assert (tmp_path / "items.tsv").read_text() == "id\ttitle\nA\ta mug\nB\t\n"
    assert 'metadata_path: "items.tsv"' in (tmp_path / "projector_config.pbtxt").read_text()
    training_log.write_projector(None, rows)
