"""A saved recommender: its card, and that it serves where none of this code is."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, data, saved

from components.registry import export

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

ALONE = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("components", "pipeline", "tensorflow_recommenders", "tensorflow_transform", "tfx", "tfx_bsl"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
try:
    import components
except ImportError:
    refused = True
import tensorflow as tf

def text(tensor):
    return [[item.decode() for item in row] for row in tensor.numpy().tolist()]

answers = {"refused": refused}
for folder in sys.argv[1:]:
    model = tf.saved_model.load(folder)
    asked = {
        "user_id": tf.constant(["u0", "nobody", "u1"]),
        "history": tf.constant([["A", "B", ""], ["", "", ""], ["A", "unheard of", "E"]]),
        "device": tf.constant(["tv", "", "radio"]),
        "age_float": tf.constant([0.0, float("nan"), 4.0]),
    }
    best = model.signatures["serving_default"](exclude_ids=tf.constant([["C"], [""], ["unheard of"]]), **asked)
    ranked = model.signatures["rank"](item_ids=tf.constant([["C", "D"]] * 3), **asked)
    answers[folder] = {"items": text(best["item_ids"]), "value": ranked["value"].numpy().tolist()}
print(json.dumps(answers))
"""


@pytest.mark.parametrize("kind", ["rules", "model"])
def test_the_card_is_read_back(kind):
    assert export.card(saved(kind)) == {"kind": kind, "launch": "toy"}


def test_a_folder_without_a_card_has_an_empty_one(tmp_path):
    assert export.card(str(tmp_path)) == {}


def test_it_answers_in_a_python_that_has_none_of_this_code(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TF_USE_LEGACY_KERAS")
    }
    command = [sys.executable, "-I", "-c", ALONE, saved("rules"), saved("model")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout)
    assert answers.pop("refused")
    for answer in answers.values():
        first, second, third = (set(items) for items in answer["items"])
        assert [len(items) for items in answer["items"]] == [4, 4, 4]
        assert first == {"D", "E", "G", ""}
        assert len(second) == 4
        assert second <= set("ABCDEG")
        assert third == set("BCDG")
        assert np.isfinite(answer["value"]).all()


def test_neither_optimizers_nor_item_embeddings_are_saved():
    path = os.path.join(saved("model"), "variables", "variables")
    sizes = [shape for name, shape in tf.train.list_variables(path) if "OBJECT_GRAPH" not in name]
    assert sizes
    # One vector per item, which `embed_items` answers, and no second table of embeddings.
    assert len([shape for shape in sizes if len(shape) == 2 and shape[0] == len(data().items)]) == 1
    assert not [name for name, _ in tf.train.list_variables(path) if "optimizer" in name]
