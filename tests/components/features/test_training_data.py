"""The input of the trainers, read from TFX artifacts."""

import dataclasses
import types

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from toy_shop import CATALOGUE, KERAS_SEEDS, LAUNCH, PLAIN, events, transform

from components.declaration.views import RulesView, TrainerView
from components.features import training_data
from components.features.item_table import MISSING_INT
from components.features.preprocessing import CATALOGUE_URI, LAUNCH_KEY
from components.ingest.example_files import ExampleFile
from components.models import training as model_training
from components.registry import vector_file
from components.rules import training as rules_training

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


def _write(folder, columns):
    arrays = {
        name: pa.array(column, pa.binary()) if column.dtype == object else pa.array(column)
        for name, column in columns.items()
    }
    with ExampleFile(str(folder)) as file:
        file.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return str(folder / "*")


def _log(launch, folder):
    log = events(launch)
    columns = {"user": log.user, "item": log.item, "time": log.time}
    if launch.log.event:
        columns |= {"event": np.where(log.positive, b"click", b"shown").astype(object), "position": log.position}
    columns |= {objective.label: log.labels[objective.name] for objective in launch.ranking_objectives} | log.context
    return _write(folder, columns), log


def _arguments(launch, tmp_path, monkeypatch, log=None, view=TrainerView):
    """Returns a Trainer's FnArgs and the written log; there are no eval files, so reading them fails."""
    monkeypatch.setattr(
        type(transform()), "raw_feature_spec", _spec_with_log_columns(type(transform()).raw_feature_spec)
    )
    folder, written = _log(launch, tmp_path / "train") if log is None else (log, None)
    if launch.catalogue:
        _write(tmp_path / "catalogue" / "Split-all", CATALOGUE)
    catalogue = str(tmp_path / "catalogue") if launch.catalogue else ""
    config = {LAUNCH_KEY: view.of(launch).to_json(), CATALOGUE_URI: catalogue}
    names = {"train_files": [folder], "serving_model_dir": str(tmp_path / "model"), "custom_config": config}
    names["model_run_dir"] = str(tmp_path / "model_run")
    return types.SimpleNamespace(
        **names, hyperparameters=None, transform_graph_path=transform().transform_savedmodel_dir.rpartition("/")[0]
    ), written


def _spec_with_log_columns(inner):
    return lambda self: (
        inner(self) | {"event": tf.io.VarLenFeature(tf.string), "position": tf.io.VarLenFeature(tf.int64)}
    )


@pytest.mark.parametrize("launch", [LAUNCH, PLAIN], ids=["shop", "plain"])
def test_the_train_split_the_items_and_the_transform_graph(launch, tmp_path, monkeypatch):
    arguments, log = _arguments(launch, tmp_path, monkeypatch)
    data = training_data.read(arguments)
    assert data.launch == TrainerView.of(launch)
    assert not data.events.late.any()
    for field in ("user", "item", "time"):
        assert getattr(data.events, field).tolist() == getattr(log, field).tolist()
    assert {name: label.tolist() for name, label in data.events.labels.items()} == {
        name: label.tolist() for name, label in log.labels.items()
    }
    assert data.items.ids[data.item_rows].tolist() == log.item.tolist()
    active = data.items.ids[data.items.active].tolist()
    assert active == (
        [b"A", b"B", b"C", b"D", b"E", b"G"] if launch.catalogue else [b"A", b"B", b"C", b"D", b"E", b"F", b"X"]
    )


@pytest.mark.parametrize(
    ("trainer", "view"), [(rules_training, RulesView), (model_training, TrainerView)], ids=["rules", "model"]
)
def test_the_run_functions_read_the_train_files_only(trainer, view, tmp_path, monkeypatch):
    arguments, _ = _arguments(PLAIN, tmp_path, monkeypatch, view=view)
    assert not hasattr(arguments, "eval_files")  # reading them would fail
    trainer.run_fn(arguments)
    model = tf.saved_model.load(arguments.serving_model_dir)
    assert model.signatures["catalogue"]()["item_ids"].numpy().tolist() == [b"A", b"B", b"C", b"D", b"E", b"F", b"X"]
    # Rules have no vectors.
    assert tf.io.gfile.exists(f"{arguments.serving_model_dir}/{vector_file.FILE}") == (trainer is model_training)
    written = {path.name.partition(".")[0] for path in (tmp_path / "model_run").glob("*")}
    assert written == ({"events", "vectors", "items", "projector_config"} if trainer is model_training else set())


def test_the_dtype_of_a_catalogue_column_is_that_of_its_first_value(tmp_path):
    columns = {
        "item": np.array([b"a", b"b"], object),
        "title": np.array([b"", b"t"], object),
        "kind": np.array([3, 4]),
        "price": np.array([np.nan, 2.5], np.float32),
        "active": np.array([b"true", b"false"], object),
        "not declared": np.array([1, 2]),
    }
    _write(tmp_path / "Split-all", columns)
    read = training_data.read_catalogue(LAUNCH.catalogue, str(tmp_path))
    assert {name: column.dtype for name, column in read.items()} == {
        "item": object,
        "title": object,
        "kind": np.int64,
        "price": np.float32,
        "active": object,
    }
    assert read["kind"].tolist() == [3, 4]


def test_a_column_of_the_catalogue_that_is_always_missing_is_text_without_words(tmp_path):
    nulls = pa.nulls(2, pa.int64())
    with ExampleFile(str(tmp_path / "Split-all")) as file:
        later = pa.array([None, 7])
        ids = pa.array([b"a", b"b"])
        file.write(
            pa.RecordBatch.from_arrays([ids, nulls, later, later, later], ["item", "title", "kind", "price", "active"])
        )
    read = training_data.read_catalogue(LAUNCH.catalogue, str(tmp_path))
    assert read["title"].tolist() == [b"", b""]
    assert read["kind"].tolist() == [MISSING_INT, 7]


def test_the_files_of_several_patterns_come_sorted(tmp_path):
    for name in ("b1", "a2", "a1", "c"):
        (tmp_path / name).touch()
    assert training_data.matching([str(tmp_path / "b*"), str(tmp_path / "a*")]) == [
        str(tmp_path / name) for name in ("a1", "a2", "b1")
    ]


def test_item_rows_are_looked_up_once(tmp_path, monkeypatch):
    arguments, _ = _arguments(dataclasses.replace(PLAIN, seed=1), tmp_path, monkeypatch)
    data = training_data.read(arguments)
    assert data.item_rows is data.item_rows
