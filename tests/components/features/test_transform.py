"""The graph that the step writes itself encodes as the one of Transform's analyzers on Beam."""

import dataclasses
import glob

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import StandardOptions
from tensorflow_transform.tf_metadata import schema_utils
from tfx.components.transform import executor
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils, json_utils
from toy_shop import LAUNCH

from components.declaration.views import TransformView
from components.features import context_statistics, transform
from components.features.preprocessing import LAUNCH_KEY, preprocessing_fn
from components.features.transform import TransformExecutor
from components.ingest.example_files import ExampleFile
from pipeline import graph
from pipeline.beam_engine import ENGINE

pytestmark = pytest.mark.tensorflow

SPEC = {
    "time": tf.io.FixedLenFeature([1], tf.int64),
    "device": tf.io.VarLenFeature(tf.string),
    "lines": tf.io.VarLenFeature(tf.string),
    "none": tf.io.VarLenFeature(tf.string),
    "age:float": tf.io.VarLenFeature(tf.float32),
    "visits": tf.io.VarLenFeature(tf.int64),
    "never": tf.io.VarLenFeature(tf.float32),
}
CONTEXT = tuple(name for name in SPEC if name != "time")


def rows(count=400, seed=0):
    random = np.random.default_rng(seed)
    gaps = random.random(count) < 0.3
    return pa.RecordBatch.from_pydict(
        {
            "time": pa.array(range(count)),
            "device": pa.array([[f"d{number}", "second"] for number in random.integers(0, 30, count)]),
            "lines": pa.array([None if gap else ["a\nb", "", "plain"][place % 3] for place, gap in enumerate(gaps)]),
            "none": pa.nulls(count),
            "age:float": pa.array(np.where(gaps, np.nan, random.gamma(2, 10, count))),
            "visits": pa.array([None if gap else place for place, gap in enumerate(gaps)], pa.int64()),
            "never": pa.nulls(count),
        }
    )


def run(kind, folder, beam_args=()):
    """Returns what an executor writes of `rows()`."""
    examples, schema, graphs = (
        standard_artifacts.Examples(),
        standard_artifacts.Schema(),
        standard_artifacts.TransformGraph(),
    )
    examples.uri, schema.uri, graphs.uri = (str(folder / name) for name in ("examples", "schema", "graph"))
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split, batch in (("train", rows()), ("eval", rows(30, 1))):
        with ExampleFile(artifact_utils.get_split_uri([examples], split)) as file:
            file.write(batch)
    io_utils.write_pbtxt_file(f"{schema.uri}/schema.pbtxt", schema_utils.schema_from_feature_spec(SPEC))
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=CONTEXT))
    properties = {
        "preprocessing_fn": graph.PREPROCESSING_FN,
        "custom_config": json_utils.dumps({LAUNCH_KEY: TransformView.of(launch).to_json()}),
        "disable_statistics": 1,
    }
    context = kind.Context(beam_pipeline_args=list(beam_args), tmp_dir=str(folder / "tmp"), unique_id="1")
    kind(context).Do({"examples": [examples], "schema": [schema]}, {"transform_graph": [graphs]}, properties)
    return tft.TFTransformOutput(graphs.uri)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    beam = run(executor.Executor, tmp_path_factory.mktemp("beam"), [f"--runner={ENGINE}"])
    return run(TransformExecutor, tmp_path_factory.mktemp("ours")), beam


@pytest.mark.parametrize("name", ["device", "lines", "none"])
def test_the_vocabularies_are_those_of_beam(both, name):
    ours, beam = (output.vocabulary_by_name(f"context_{name}") for output in both)
    assert ours == beam
    assert both[0].vocabulary_size_by_name(f"context_{name}") == len(ours)


def test_every_row_is_encoded_as_on_beam(both, tmp_path):
    with ExampleFile(str(tmp_path)) as file:
        file.write(rows(100, seed=2))
    batch = next(iter(tf.data.TFRecordDataset(glob.glob(f"{tmp_path}/*"), "GZIP").batch(100)))
    raw = tf.io.parse_example(batch, SPEC)
    ours, beam = (output.transform_features_layer()(raw) for output in both)
    assert ours.keys() == beam.keys() == {"time", *(f"context_{name}" for name in CONTEXT)}
    for name in beam:
        np.testing.assert_allclose(ours[name], beam[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_schemas_are_those_of_beam(both):
    ours, beam = both
    assert ours.raw_feature_spec() == beam.raw_feature_spec()
    assert ours.transformed_feature_spec() == beam.transformed_feature_spec()


def test_with_options_for_beam_the_analyzers_run(tmp_path, monkeypatch, both):
    monkeypatch.setattr(context_statistics, "learn", None)
    output = run(TransformExecutor, tmp_path, [f"--runner={ENGINE}"])
    assert output.vocabulary_by_name("context_device") == both[1].vocabulary_by_name("context_device")


def test_a_launch_without_context_reads_no_example():
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=()))
    assert context_statistics.learn(TransformView.of(launch), ["no such file"], {}, "") == {}


def encode_and_scale(inputs, custom_config):
    """The template's `preprocessing_fn` as a team may extend it."""
    scaled = tft.scale_to_0_1(tf.cast(inputs["time"], tf.float32))
    return preprocessing_fn(inputs, custom_config) | {"scaled": tf.reshape(scaled, [-1])}


def test_analyzers_that_a_team_adds_run_on_beam(tmp_path, monkeypatch):
    standard = []
    monkeypatch.setattr(transform, "preprocessing_fn", encode_and_scale)
    monkeypatch.setattr(executor.Executor, "Do", lambda *_: standard.append("Do"))
    run(TransformExecutor, tmp_path)
    assert standard == ["Do"] and not (tmp_path / "graph" / tft.TFTransformOutput.TRANSFORM_FN_DIR).exists()


def test_another_preprocessing_fn_is_the_one_that_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "PREPROCESSING_FN", "test_transform.encode_and_scale")
    monkeypatch.setattr(StandardOptions, "DEFAULT_RUNNER", ENGINE)
    assert scaled_times(run(TransformExecutor, tmp_path)) == [0, 1]


def scaled_times(output):
    """Returns what the first and the last time of `rows()` become."""
    raw = {name: tf.sparse.from_dense(tf.zeros([2, 0], spec.dtype)) for name, spec in SPEC.items() if name != "time"}
    return (
        output.transform_features_layer()(raw | {"time": tf.constant([[0], [399]], tf.int64)})["scaled"]
        .numpy()
        .tolist()
    )
