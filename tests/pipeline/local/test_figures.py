"""The figures of TFX's standard components, read from artifacts as those write them."""

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.types import standard_artifacts

from components.progress import set_figure
from pipeline.local import figures

pytestmark = pytest.mark.tensorflow


def artifact(kind, folder, **properties):
    made = kind()
    made.uri = str(folder)
    for name, value in properties.items():
        setter = made.set_int_custom_property if isinstance(value, int) else made.set_string_custom_property
        setter(name, value)
    return [made]


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_statistics_tell_the_number_of_columns(tmp_path):
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add()
    for name in ("user", "item", "price"):
        dataset.features.add().path.step.append(name)
    for split in ("train", "eval"):
        written(tmp_path / f"Split-{split}" / "FeatureStats.pb", statistics.SerializeToString())
    assert (
        figures.figure("StatisticsGen", {"statistics": artifact(standard_artifacts.ExampleStatistics, tmp_path)})
        == "3 columns"
    )


@pytest.mark.parametrize(
    ("by_split", "said"),
    [
        ({"train": [], "eval": []}, "no anomalies"),
        ({"train": ["price"], "eval": []}, "1 column with anomalies"),
        ({"train": ["price"], "eval": ["price", "color"]}, "2 columns with anomalies"),
    ],
)
def test_anomalies_are_counted_by_column_over_all_splits(tmp_path, by_split, said):
    for split, columns in by_split.items():
        anomalies = anomalies_pb2.Anomalies()
        for column in columns:
            anomalies.anomaly_info[column].description = "gone"
        written(tmp_path / f"Split-{split}" / "SchemaDiff.pb", anomalies.SerializeToString())
    assert (
        figures.figure("ExampleValidator", {"anomalies": artifact(standard_artifacts.ExampleAnomalies, tmp_path)})
        == said
    )


def test_transform_tells_the_number_of_features(tmp_path):
    schema = b'feature { name: "a" type: INT }\nfeature { name: "b" type: FLOAT }\n'
    written(tmp_path / "transformed_metadata" / "schema.pbtxt", schema)
    outputs = {"transform_graph": artifact(standard_artifacts.TransformGraph, tmp_path)}
    assert figures.figure("Transform", outputs) == "2 features"


def test_the_pusher_tells_the_version(tmp_path):
    pushed = artifact(standard_artifacts.PushedModel, tmp_path, pushed=1, pushed_version="17")
    assert figures.figure("VersionPusher", {"pushed_model": pushed}) == "version 17"
    kept = artifact(standard_artifacts.PushedModel, tmp_path, pushed=0)
    assert figures.figure("Pusher", {"pushed_model": kept}) == "nothing pushed"


@pytest.mark.parametrize(("blessed", "said"), [(1, "blessed"), (0, "an AUC is below min_auc or unknown")])
def test_the_evaluator_tells_its_blessing(tmp_path, blessed, said):
    blessing = artifact(standard_artifacts.ModelBlessing, tmp_path, blessed=blessed)
    assert figures.figure("Evaluator", {"blessing": blessing}) == said


def test_a_figure_that_the_step_stored_comes_first(tmp_path):
    outputs = {"other": [], "pushed_model": artifact(standard_artifacts.PushedModel, tmp_path, pushed=0)}
    set_figure(outputs["pushed_model"][0], "the rules stay")
    assert figures.figure("Pusher", outputs) == "the rules stay"


def test_no_figure_is_no_reason_to_stop(tmp_path, caplog):
    broken = {"statistics": artifact(standard_artifacts.ExampleStatistics, tmp_path / "gone")}
    assert figures.figure("StatisticsGen", broken) == ""
    assert "no figure for StatisticsGen" in caplog.text
    assert figures.figure("Toaster", {}) == ""
