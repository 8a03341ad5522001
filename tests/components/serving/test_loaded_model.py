"""Versions in memory: real SavedModels, asked as the server asks them and as plain TensorFlow does."""

import dataclasses
import gc
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH, next_item, save_table

from components.registry import warmup
from components.serving import predict_request
from components.serving.loaded_model import LoadedModel, ModelError
from components.serving.request_errors import RequestError
from components.serving.signature_input import Input

pytestmark = pytest.mark.tensorflow
HEAD = dataclasses.replace(
    LAUNCH,
    log=dataclasses.replace(LAUNCH.log, value="stars"),
    objectives=(dataclasses.replace(LAUNCH.objectives[0], value_at_least=4.0),),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "7"


@pytest.fixture(scope="module")
def model(folder):
    save_table(folder, next_item(noise=0.1, count=10), HEAD, context={"device": tf.string, "age": tf.float32})
    model = LoadedModel(7, folder)
    yield model
    model.close()


def row(user=b"u", history=(), exclude=(), **context):
    return {
        "user_id": user,
        "history": list(history),
        "exclude_ids": list(exclude),
        "device": b"",
        "age": float("nan"),
    } | context


def ask(model, *rows):
    return model("serving_default", predict_request.arrays(rows, model.inputs["serving_default"]))


def test_inputs_are_those_of_the_contract(model):
    assert set(model.inputs["serving_default"]) == {
        *(Input("user_id", "string", 1), Input("history", "string", 2), Input("exclude_ids", "string", 2)),
        *(Input("device", "string", 1), Input("age", "float32", 1)),
    }
    assert "catalogue" not in model.inputs and "__saved_model_init_op" not in model.inputs
    assert (model.number, model.card["kind"]) == (7, "model")


def test_answers_are_those_of_plain_tensorflow_for_random_requests(model, folder):
    plain = tf.saved_model.load(str(folder)).signatures["serving_default"]
    rng = np.random.default_rng(0)
    names = [str(item).encode() for item in range(14)]  # the last four are unknown
    rows = [
        row(history=rng.choice(names, rng.integers(0, 9)), exclude=rng.choice(names, rng.integers(0, 4)))
        for _ in range(200)
    ]
    inputs = predict_request.arrays(rows, model.inputs["serving_default"])
    expected = plain(
        **{
            name: tf.constant(values.tolist() if values.dtype == object else values, shape=values.shape)
            for name, values in inputs.items()
        }
    )
    answer = ask(model, *rows)
    assert (answer["item_ids"] == expected["item_ids"].numpy()).all()
    np.testing.assert_allclose(answer["scores"], expected["scores"].numpy(), atol=1e-6)


def test_an_unknown_user_an_empty_history_and_unknown_items_are_one(model):
    nobody, empty, unknown = (
        ask(model, row(b"never heard of")),
        ask(model, row()),
        ask(model, row(history=[b"x", b"y"])),
    )
    for other in (empty, unknown):
        assert (other["item_ids"] == nobody["item_ids"]).all()


def test_a_history_too_long_counts_by_its_last_items_and_hides_all_of_it(model):
    long = [str(item).encode() for item in range(9)]
    (answer,) = ask(model, row(history=long))["item_ids"]
    assert answer.tolist() == [b"9", b"", b"", b"", b""]
    assert HEAD.model.history < len(long)


def test_a_warm_up_asks_every_request_in_the_file(model):
    assert model.warm_up() == 4 * len(warmup.SIZES)  # serving_default, rank, recommend_page, similar_items


def test_values_that_the_graph_refuses_are_the_callers_mistake(model):
    with pytest.raises(RequestError, match="rank_examples of version 7 cannot read these inputs") as raised:
        model("rank_examples", {"examples": np.array([b"\x01\x02"], object)})
    assert raised.value.status == 400


def test_a_retired_version_is_closed_after_its_last_use(folder, model):
    other = LoadedModel(8, folder)
    assert other.acquire()
    other.retire()
    assert len(ask(other, row())["item_ids"]) == 1
    other.release()
    assert not other.acquire()
    with pytest.raises(tf.errors.CancelledError, match="closed"):
        ask(other, row())


def broken(folder, tmp_path, breaks):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    breaks(copy)
    return copy


@pytest.mark.parametrize(
    "breaks",
    [
        lambda copy: (copy / "saved_model.pb").write_bytes(b"not a graph"),
        lambda copy: (copy / "saved_model.pb").write_bytes((copy / "saved_model.pb").read_bytes()[:2_000]),
        lambda copy: (copy / "saved_model.pb").unlink(),
        lambda copy: (copy / "saved_model.pb").write_bytes(b""),
        shutil.rmtree,
    ],
    ids=["garbage", "cut", "missing", "empty", "gone"],
)
def test_a_broken_folder_is_no_version(folder, model, tmp_path, breaks):
    with pytest.raises(ModelError, match=r"does not load as a SavedModel|needs a signature"):
        LoadedModel(8, broken(folder, tmp_path, breaks))


def test_a_model_without_the_contract_is_no_version(tmp_path):
    module = tf.Module()
    module.double = tf.function(lambda x: {"twice": 2 * x})
    tf.saved_model.save(
        module,
        str(tmp_path),
        signatures={"serving_default": module.double.get_concrete_function(tf.TensorSpec([None], tf.float32, "x"))},
    )
    with pytest.raises(
        ModelError,
        match=r"version 8 needs a signature serving_default with item_ids and scores; it lacks \['item_ids', 'scores'\]",
    ):
        LoadedModel(8, tmp_path)


def test_a_version_that_fails_its_warm_up_says_so(folder, model, tmp_path):
    copy = broken(folder, tmp_path, lambda copy: (copy / warmup.WARMUP).write_bytes(b"not a record file"))
    loaded = LoadedModel(8, copy)
    with pytest.raises(ModelError, match="version 8 fails its warm-up"):
        loaded.warm_up()
    loaded.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the resident memory is read from /proc")
def test_a_closed_version_leaves_no_memory_behind(folder, model):
    """20 versions: 80 MB where they stay open, 0.01 MB here."""

    def resident():
        return (
            int(
                next(
                    line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")
                ).split()[1]
            )
            / 1024
        )

    def load():
        other = LoadedModel(8, folder)
        other.warm_up()
        other.close()
        del other
        gc.collect()

    gc.freeze()  # as the server does: existing objects are not scanned again
    try:
        for _ in range(5):
            load()
        before = resident()
        for _ in range(20):
            load()
        assert resident() - before < 20, "megabytes"
    finally:
        gc.unfreeze()


def wrong_version(folder, name):
    """A SavedModel without a warm-up file whose answers are wrong in one way."""
    specs = [
        tf.TensorSpec([None], tf.string, name="user_id"),
        *(tf.TensorSpec([None, None], tf.string, name=name) for name in ("history", "exclude_ids")),
    ]
    module = tf.Module()
    module.weight = tf.Variable(0.0)

    def ids(user, width=10):
        return tf.fill([tf.shape(user)[0], width], "A")

    def zeros(user, width=10):
        return tf.zeros([tf.shape(user)[0], width]) + module.weight

    answers = {
        "raises": lambda user: {"item_ids": ids(user), "scores": tf.strings.to_number(user)[:, None] + zeros(user)},
        "nan": lambda user: {"item_ids": ids(user), "scores": zeros(user) + float("nan")},
        "one row": lambda user: {"item_ids": ids(user)[:1], "scores": zeros(user)[:1]},
        "scalar": lambda user: {"item_ids": tf.constant("A"), "scores": module.weight + 0},
        "integers": lambda user: {"item_ids": tf.zeros([tf.shape(user)[0], 10], tf.int64), "scores": zeros(user)},
        "other shape": lambda user: {"item_ids": ids(user), "scores": zeros(user, 9)},
        "right": lambda user: {"item_ids": ids(user), "scores": zeros(user)},
    }
    function = tf.function(lambda user_id, history, exclude_ids: answers[name](user_id), input_signature=specs)
    tf.saved_model.save(module, str(folder), {"serving_default": function})


@pytest.mark.parametrize("name", ["raises", "nan", "one row", "scalar", "integers", "other shape", "right"])
def test_a_version_without_a_warm_up_file_is_probed_before_it_serves(tmp_path, name):
    wrong_version(tmp_path / "1", name)
    model = LoadedModel(1, tmp_path / "1")
    try:
        if name == "right":
            assert model.warm_up() == 0
        else:
            with pytest.raises(ModelError, match="version 1"):
                model.warm_up()
    finally:
        model.close()


def test_an_input_that_the_server_cannot_fill_is_refused(tmp_path):
    module = tf.Module()
    specs = [tf.TensorSpec([None], tf.string, name="user_id"), tf.TensorSpec([None], tf.complex64, name="odd")]
    function = tf.function(
        lambda user_id, odd: {"item_ids": user_id[:, None], "scores": tf.zeros([tf.shape(user_id)[0], 1])}, specs
    )
    tf.saved_model.save(module, str(tmp_path / "1"), {"serving_default": function})
    model = LoadedModel(1, tmp_path / "1")
    with pytest.raises(ModelError, match=r"an input needs one of .*complex64"):
        model.warm_up()
    model.close()
