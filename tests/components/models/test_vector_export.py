import shutil

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, PLAIN, data, recommender, saved

from components.models import vector_export
from components.registry import vector_file

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


@pytest.mark.parametrize("launch", [LAUNCH, PLAIN], ids=["shop", "plain"])
def test_the_file_holds_what_the_signature_answers(launch, tmp_path):
    folder = tmp_path / "7"
    shutil.copytree(saved("model", launch), folder)
    vector_export.write(recommender("model", launch), data(launch), str(folder))

    read = vector_file.read(folder)
    embed = tf.saved_model.load(str(folder)).signatures["embed_items"]
    np.testing.assert_allclose(embed(item_ids=tf.constant(read.ids))["embedding"], read.matrix, atol=1e-7)
    assert (read.launch, read.version) == (launch.name, 7)


def test_every_known_item_is_there_and_the_active_ones_are_offered(tmp_path):
    folder = tmp_path / "7"
    shutil.copytree(saved("model", LAUNCH), folder)
    vector_export.write(recommender("model", LAUNCH), data(), str(folder))

    read = vector_file.read(folder)
    kinds = dict(zip(read.ids, read.table["kind"].to_pylist(), strict=True))
    assert kinds == {"A": "mug", "B": "mug", "C": "hat", "D": "hat", "E": "mug", "F": "hat", "G": "mug", "X": None}
    assert read.select_active().ids == ["A", "B", "C", "D", "E", "G"]
