"""No skew between training and serving: 200 random raw requests, answered by

  the trainer's model in memory, the saved model in a process with nothing but TensorFlow, the server over HTTP,

and, for histories that the model knows something of, by numpy: the towers' cosine from the exported vectors, the other
parts of the score by the formula of `components.models.retrieval.score_parts` from the tables that were counted; what
was seen or excluded is left out. Every score within 1e-5 of the others' (numpy's, which adds in another order and
divides by the temperature: 1e-4).
"""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_server import service, serving
from toy_shop import CIRCLE, KERAS_SEEDS, LAUNCH, recommender, saved

from components.models.retrieval.score_parts import LOGARITHM_SCALE, STRONG_SCALE
from components.serving.loaded_model import LoadedModel

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]
COUNT, LONGEST, WITHIN = 200, 6, 1e-5
CONTEXT = {"age_float": "age:float"}  # the name in a request to the name in the log
NAMES = [*CIRCLE, b"unheard of"]

ALONE = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("components", "pipeline", "tensorflow_recommenders", "tensorflow_transform", "tfx", "tfx_bsl"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import tensorflow as tf

asked = json.load(sys.stdin)
tensors = {name: tf.constant(column, tf.float32 if name == "age_float" else tf.string) for name, column in asked.items()}
answer = tf.saved_model.load(sys.argv[1]).signatures["serving_default"](**tensors)
print(json.dumps([[[item.decode() for item in row] for row in answer["item_ids"].numpy()], answer["scores"].numpy().tolist()]))
"""


@dataclasses.dataclass
class Asked:
    """The requests: columns, lists padded with ""."""

    columns: dict

    def tensors(self):
        return {
            name: tf.constant(column, tf.float32 if name == "age_float" else tf.string)
            for name, column in self.columns.items()
        }


@pytest.fixture(scope="module")
def asked():
    rng = np.random.default_rng(11)

    def lists(most):
        rows = [rng.choice(NAMES, rng.integers(0, most + 1)).tolist() for _ in range(COUNT)]
        return [[item.decode() for item in row] + [""] * (most - len(row)) for row in rows]

    context = {
        "device": rng.choice(["tv", "phone", "", "radio"], COUNT).tolist(),
        "age_float": rng.choice([0.0, 4.0, 99.0], COUNT).tolist(),
    }
    return Asked(
        {"user_id": [f"u{number % 9}" for number in range(COUNT)], "history": lists(LONGEST), "exclude_ids": lists(2)}
        | context
    )


@pytest.fixture(scope="module")
def in_memory(asked):
    """(items, scores) of the model as it was trained."""
    tensors = asked.tensors()
    answer = recommender("model").recommend(**{CONTEXT.get(name, name): tensor for name, tensor in tensors.items()})
    return [[item.decode() for item in row] for row in answer["item_ids"].numpy()], answer["scores"].numpy()


def check(found, expected, within=WITHIN):
    """The same score in every slot; the same items except where two scores are almost equal."""
    (items, scores), (expected_items, due) = (found, expected)
    scores, due = np.array(scores, float), np.array(due, float)
    assert (np.isfinite(scores) == np.isfinite(due)).all()
    np.testing.assert_allclose(scores, due, atol=within)
    for row, (mine, theirs) in enumerate(zip(items, expected_items, strict=True)):
        gaps = np.abs(np.diff(np.nan_to_num(due[row], neginf=-1e9), append=-2e9, prepend=2e9))
        clear = np.minimum(gaps[1:], gaps[:-1]) > 2 * within
        assert [item for item, is_clear in zip(mine, clear, strict=True) if is_clear] == [
            item for item, is_clear in zip(theirs, clear, strict=True) if is_clear
        ]


def test_the_saved_model_in_plain_tensorflow(asked, in_memory, tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TF_USE_LEGACY_KERAS")
    }
    command = [sys.executable, "-I", "-c", ALONE, saved("model")]
    done = subprocess.run(
        command,
        input=json.dumps(asked.columns),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    check(json.loads(done.stdout), in_memory)


def test_the_server_over_http(asked, in_memory, tmp_path):
    (tmp_path / "5").symlink_to(saved("model"))
    answering = service(tmp_path, launch=LAUNCH, make=lambda version: LoadedModel(version.number, version.folder))
    wide = len(in_memory[0][0])
    with serving(answering) as client:
        status, answer = client.predict({"inputs": asked.columns, "log": False})
    assert status == 200, answer
    items, scores = answer["outputs"]["item_ids"], answer["outputs"]["scores"]
    padding = [wide - len(row) for row in items]  # which the server cuts off
    padded = [row + [""] * count for row, count in zip(items, padding, strict=True)]
    check((padded, [row + [-np.inf] * count for row, count in zip(scores, padding, strict=True)]), in_memory)


def near(table, rows):
    """A table's parts of the score for one history of item rows, by a loop: [A] each."""
    start, count, columns, weights = (
        part.numpy() for part in (table._start, table._count, table._columns, table._weights)
    )
    parts = []
    for how in table._readings:
        sums = np.zeros(table._candidates)
        for back, row in enumerate(rows[::-1][: how.items]):
            for pair in range(start[row], start[row] + count[row]):
                sums[columns[pair]] += how.decay**back * weights[pair]
        parts += (
            [sums / np.sqrt(sums.var() + 1e-12)]
            if how.deviation
            else [np.log(1 + scale * sums) for scale in (LOGARITHM_SCALE, STRONG_SCALE)]
        )
    return parts


def test_numpy_from_the_exported_vectors(asked, in_memory):
    signatures = tf.saved_model.load(saved("model")).signatures
    ids = signatures["catalogue"]()["item_ids"].numpy()
    vectors = signatures["embed_items"](item_ids=tf.constant(ids))["embedding"].numpy()
    tensors = asked.tensors()
    queries = signatures["embed_query"](**{name: tensor for name, tensor in tensors.items() if name != "exclude_ids"})[
        "embedding"
    ].numpy()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    model, (items, scores) = recommender("model"), in_memory
    weights, of_items = model._part_weights[0].numpy(), model.parts._of_items.numpy()
    rows = model.history_rows(tensors["history"]).numpy()
    compared = np.flatnonzero(rows[:, 0])
    assert COUNT / 2 < len(compared) < COUNT, "the others are for the rules"
    for row in compared:
        hidden = [item.encode() for item in (*asked.columns["history"][row], *asked.columns["exclude_ids"][row])]
        tables = [part for table in model.parts._tables for part in near(table, rows[row][rows[row] > 0])]
        parts = (vectors @ queries[row] / LAUNCH.model.temperature, *tables, *of_items)
        due = np.where(
            np.isin(ids, hidden), -np.inf, sum(weight * part for weight, part in zip(weights, parts, strict=True))
        )
        best = np.argsort(-due, kind="stable")[: len(items[row])]
        names = [ids[place].decode() if np.isfinite(due[place]) else "" for place in best]
        check(([items[row]], [scores[row]]), ([names], [due[best]]), 10 * WITHIN)
