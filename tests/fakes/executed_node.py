"""Runs one of our ExampleGen components without a launcher, and decodes what it wrote; for the tests of ingest."""

import gzip
import json
from pathlib import Path

import tensorflow as tf
from tfx.components.example_gen.driver import FileBasedDriver
from tfx.orchestration import data_types
from tfx.types import artifact_utils, standard_artifacts

from components.ingest.shares import QUARANTINE


def execute(node):
    """The artifact, what the standard driver resolved, and the executor."""
    properties = data_types.PipelineInfo("p", "r"), data_types.ComponentInfo("t", "i", None)
    resolved = FileBasedDriver(None).resolve_exec_properties(dict(node.exec_properties), *properties)
    return standard_artifacts.Examples(), resolved, node.executor_spec.executor_class()


def run(node, folder):
    """Resolves as the standard driver does and calls our executor; returns the artifact in `folder`/examples."""
    examples, resolved, executor = execute(node)
    examples.uri = str(folder / "examples")
    executor.Do({}, {"examples": [examples]}, resolved)
    return examples


def features_of(examples, split):
    """The examples of a split, each a dictionary from column to list of values; without the columns that have no value."""
    paths = sorted(tf.io.gfile.glob(artifact_utils.get_split_uri([examples], split) + "/data_tfrecord-*-of-*.gz"))
    parsed = (
        tf.train.Example.FromString(record.numpy()).features.feature
        for record in tf.data.TFRecordDataset(paths, compression_type="GZIP")
    )
    return [
        {
            name: list(getattr(value, value.WhichOneof("kind")).value)
            for name, value in row.items()
            if value.WhichOneof("kind")
        }
        for row in parsed
    ]


def quarantined(path):
    """The records of a quarantine file; [] if there is none."""
    return (
        [json.loads(line) for line in gzip.decompress(Path(path).read_bytes()).splitlines()]
        if Path(path).exists()
        else []
    )


def quarantine_of(examples):
    """The quarantine of an artifact."""
    return quarantined(Path(examples.uri) / QUARANTINE)
