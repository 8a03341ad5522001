import shutil

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import json_format
from tensorflow_data_validation.utils import anomalies_util
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils, json_utils

from components.validation import drift
from components.validation.drift_validator import DriftExecutor, drift_config

pytestmark = pytest.mark.tensorflow

SCHEMA = """
feature { name: "device" type: BYTES drift_comparator { infinity_norm { threshold: 0.1 } } }
feature { name: "hour" type: INT drift_comparator { jensen_shannon_divergence { threshold: 0.1 } } }
feature { name: "gone" type: INT drift_comparator { jensen_shannon_divergence { threshold: 0.1 } } }
feature { name: "user" type: BYTES }
"""
TRAIN = pd.DataFrame({"device": ["tv", "phone"] * 50, "hour": [1, 2] * 50, "user": ["a"] * 100})
NEWEST = pd.DataFrame({"device": ["tv", "tv", "tv", "phone"] * 25, "hour": [1, 2] * 50, "user": ["b"] * 100})


@pytest.fixture
def schema(tmp_path):
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)
    return str(tmp_path / "schema.pbtxt")


def statistics(folder):
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri, artifact.split_names = (
        str(folder / "statistics"),
        artifact_utils.encode_split_names(["train", "eval"]),
    )
    for split, frame in (("train", TRAIN), ("eval", NEWEST)):
        counted = tfdv.generate_statistics_from_dataframe(frame)
        io_utils.write_bytes_file(
            f"{artifact_utils.get_split_uri([artifact], split)}/FeatureStats.pb", counted.SerializeToString()
        )
    return artifact


def test_the_columns_to_compare_are_those_of_the_schema(schema):
    compared = drift_config(schema).default_slice_config.feature

    assert [feature.path.step[0] for feature in compared] == ["device", "hour", "gone"]
    assert compared[0].distribution_comparator.infinity_norm.threshold == 0.1
    assert not drift_config("no such file").default_slice_config.feature


@pytest.mark.parametrize(
    "form", [lambda config: config, json_format.MessageToJson], ids=["a message", "JSON, as on Kubeflow"]
)
def test_eval_is_compared_with_train(tmp_path, schema, form):
    counted, anomalies = statistics(tmp_path), standard_artifacts.ExampleAnomalies()
    anomalies.uri = str(tmp_path / "anomalies")
    properties = {
        "distribution_validator_config": form(drift_config(schema)),
        "include_split_pairs": json_utils.dumps([drift.SPLIT_PAIR]),
    }

    DriftExecutor().Do(
        {"statistics": [counted], "baseline_statistics": [counted]}, {"anomalies": [anomalies]}, properties
    )

    result = anomalies_util.load_anomalies_binary(f"{anomalies.uri}/SplitPair-eval_train/SchemaDiff.pb")
    shifts = {shift.name: shift for shift in drift.column_shifts(result)}
    assert shifts["device"].value == pytest.approx(0.75 - 0.5)
    assert shifts["hour"].value == pytest.approx(0.0)
    assert {name: shift.too_far for name, shift in shifts.items()} == {"device": True, "hour": False, "gone": True}


def test_only_existing_pairs_of_splits_are_compared(tmp_path, schema):
    counted, earlier, anomalies = statistics(tmp_path), statistics(tmp_path), standard_artifacts.ExampleAnomalies()
    pairs = json_utils.dumps([drift.SPLIT_PAIR, drift.SERVED_PAIR])
    properties = {"distribution_validator_config": drift_config(schema), "include_split_pairs": pairs}
    compared_pairs = []
    for splits in (["train"], ["train", "served"]):
        earlier.split_names = artifact_utils.encode_split_names(splits)
        (tmp_path / "statistics/Split-served").mkdir(exist_ok=True)
        shutil.copy(tmp_path / "statistics/Split-eval/FeatureStats.pb", tmp_path / "statistics/Split-served")
        anomalies.uri = str(tmp_path / f"anomalies{len(splits)}")
        DriftExecutor().Do(
            {"statistics": [counted], "baseline_statistics": [earlier]}, {"anomalies": [anomalies]}, properties
        )
        compared_pairs.append(artifact_utils.decode_split_names(anomalies.split_names))

    assert compared_pairs == [["eval_train"], ["train_served", "eval_train"]]
    served = anomalies_util.load_anomalies_binary(f"{anomalies.uri}/SplitPair-train_served/SchemaDiff.pb")
    assert {shift.name: round(shift.value, 3) for shift in drift.find_served_shifts(served)} == {
        "device since the served version": 0.25,
        "hour since the served version": 0.0,
    }


def test_without_comparators_nothing_is_compared(tmp_path):
    counted, anomalies = statistics(tmp_path), standard_artifacts.ExampleAnomalies()
    anomalies.uri = str(tmp_path / "anomalies")
    properties = {
        "distribution_validator_config": drift_config("none"),
        "include_split_pairs": json_utils.dumps([drift.SPLIT_PAIR]),
    }

    DriftExecutor().Do(
        {"statistics": [counted], "baseline_statistics": [counted]}, {"anomalies": [anomalies]}, properties
    )

    assert (
        drift.column_shifts(anomalies_util.load_anomalies_binary(f"{anomalies.uri}/SplitPair-eval_train/SchemaDiff.pb"))
        == []
    )
