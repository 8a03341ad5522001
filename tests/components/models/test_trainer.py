"""TFX's Trainer with the catalogue as one more input."""

import os

import pytest
from tfx.dsl.components.base import base_executor
from tfx.proto import trainer_pb2
from tfx.types import Channel, standard_artifacts
from tfx.utils import json_utils, proto_utils
from toy_shop import LAUNCH

from components.features.preprocessing import CATALOGUE_URI, CODE_KEY, LAUNCH_KEY
from components.models.trainer import CATALOGUE_INPUT, CatalogueTrainer, CatalogueTrainerExecutor, Learning

pytestmark = pytest.mark.tensorflow

EXAMPLES, GRAPH = Channel(type=standard_artifacts.Examples), Channel(type=standard_artifacts.TransformGraph)
CATALOGUE = Channel(type=standard_artifacts.Examples)


def _node(catalogue):
    return CatalogueTrainer(Learning("components.models.training.run_fn", "digest", LAUNCH, EXAMPLES, GRAPH, catalogue))


def _artifact(kind, uri, **fields):
    artifact = kind()
    artifact.uri = str(uri)
    for name, value in fields.items():
        setattr(artifact, name, value)
    return artifact


def test_the_catalogue_is_an_input_where_there_is_one():
    assert _node(CATALOGUE).spec.inputs[CATALOGUE_INPUT] is CATALOGUE
    assert set(_node(CATALOGUE).spec.inputs) == {"examples", "transform_graph", CATALOGUE_INPUT}
    assert set(_node(None).spec.inputs) == {"examples", "transform_graph"}
    assert _node(None).executor_spec.executor_class is CatalogueTrainerExecutor


def test_what_the_run_function_is_told():
    properties = _node(CATALOGUE).spec.exec_properties
    assert properties["run_fn"] == "components.models.training.run_fn"
    assert json_utils.loads(properties["custom_config"]) == {LAUNCH_KEY: LAUNCH.to_json(), CODE_KEY: "digest"}
    assert set(_node(CATALOGUE).outputs) == {"model", "model_run"}


@pytest.mark.parametrize("with_catalogue", [True, False])
def test_the_run_function_finds_train_files_and_the_catalogue_s_address(tmp_path, with_catalogue):
    split = {"split_names": '["train", "eval"]'}
    inputs = {
        "examples": [_artifact(standard_artifacts.Examples, tmp_path / "examples", **split)],
        "transform_graph": [_artifact(standard_artifacts.TransformGraph, tmp_path / "graph")],
    }
    if with_catalogue:
        inputs[CATALOGUE_INPUT] = [_artifact(standard_artifacts.Examples, tmp_path / "items", split_names='["all"]')]
    outputs = {
        "model": [_artifact(standard_artifacts.Model, tmp_path / "model")],
        "model_run": [_artifact(standard_artifacts.ModelRun, tmp_path / "run")],
    }
    properties = {name: value for name, value in _node(CATALOGUE).spec.exec_properties.items() if value is not None} | {
        "train_args": proto_utils.proto_to_json(trainer_pb2.TrainArgs()),
        "eval_args": proto_utils.proto_to_json(trainer_pb2.EvalArgs()),
    }
    context = base_executor.BaseExecutor.Context(tmp_dir=str(tmp_path / "tmp"), unique_id="1")
    arguments = CatalogueTrainerExecutor(context)._GetFnArgs(inputs, outputs, properties)
    assert arguments.custom_config[CATALOGUE_URI] == (str(tmp_path / "items") if with_catalogue else "")
    assert arguments.custom_config[LAUNCH_KEY] == LAUNCH.to_json()
    assert arguments.train_files == [os.path.join(str(tmp_path), "examples", "Split-train", "*")]
