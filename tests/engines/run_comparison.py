"""Compares what two runs of one log left: examples row by row, statistics, vocabularies, transformed schema, metrics of the Evaluator."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_data_validation as tfdv
from executed_node import features_of
from tensorflow_model_analysis.proto import metrics_for_slice_pb2
from tfx.types import standard_artifacts

SPLITS = ("train", "eval")


def artifact(workspace, step, output):
    """The newest folder of an output."""
    folders = (workspace / "shop" / "artifacts" / step / output).iterdir()
    return max((folder for folder in folders if folder.name.isdigit()), key=lambda folder: int(folder.name))


def examples(workspace):
    made = standard_artifacts.Examples()
    made.uri, made.split_names = str(artifact(workspace, "ExampleGen", "examples")), json.dumps(SPLITS)
    return {split: features_of(made, split) for split in SPLITS}


def numbers(message, path=""):
    """The numbers of a message by the path of their field; lists are left out, as histograms are approximate."""
    found = {}
    for field, value in message.ListFields():
        if field.label == field.LABEL_REPEATED:
            continue
        if field.message_type:
            found |= numbers(value, f"{path}.{field.name}")
        elif isinstance(value, int | float):
            found[f"{path}.{field.name}"] = value
    return found


def statistics(workspace):
    found = {}
    for split in SPLITS:
        file = artifact(workspace, "StatisticsGen", "statistics") / f"Split-{split}" / "FeatureStats.pb"
        for feature in tfdv.load_stats_binary(str(file)).datasets[0].features:
            found |= {(split, feature.path.step[0], name): value for name, value in numbers(feature).items()}
    return found


def metrics(workspace):
    """The Evaluator's metrics by slice and name."""
    files = sorted(map(str, artifact(workspace, "Evaluator", "evaluation").glob("metrics*")))
    found = {}
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        of_slice = metrics_for_slice_pb2.MetricsForSlice.FromString(record)
        for one in of_slice.metric_keys_and_values:
            if one.value.WhichOneof("type") == "double_value":
                found[str(of_slice.slice_key), str(one.key)] = one.value.double_value.value
    return found


def largest_difference(one, other):
    """The largest relative difference of two dictionaries of numbers with the same keys."""
    assert one.keys() == other.keys()
    pairs = [(one[key], other[key]) for key in one if not np.isnan(one[key])]
    return max(abs(left - right) / max(abs(left), 1e-12) for left, right in pairs)


def vocabularies(workspace):
    """The bytes of the files that Transform's graph reads."""
    folder = artifact(workspace, "Transform", "transform_graph") / "transform_fn" / "assets"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def compare(local, remote):
    """Asserts that the runs agree; returns a line on how well."""
    assert examples(local) == examples(remote), "the rows, in their order"
    schema = "transformed_metadata/schema.pbtxt"
    graphs = [artifact(workspace, "Transform", "transform_graph") for workspace in (local, remote)]
    assert (graphs[0] / schema).read_text() == (graphs[1] / schema).read_text()
    assert vocabularies(local) == vocabularies(remote)
    counted = largest_difference(statistics(local), statistics(remote))
    measured = largest_difference(metrics(local), metrics(remote))
    assert counted < 1e-9 and measured < 1e-6
    assert not list((remote / "shop" / "artifacts").rglob("beam-temp*"))
    return (
        f"{len(statistics(local))} statistics to {counted:.1e}, {len(metrics(local))} metrics to {measured:.1e}, "
        f"{len(vocabularies(local))} vocabularies, the same rows in their order"
    )
