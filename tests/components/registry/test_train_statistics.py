from pathlib import Path

import pytest
from small_recommenders import LAUNCH
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.declaration.verdict_view import VerdictView
from components.registry import train_statistics

pytestmark = pytest.mark.tensorflow
LOG = VerdictView.of(LAUNCH).log


def statistics(folder, train=b""):
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri, artifact.split_names = str(folder), artifact_utils.encode_split_names(["train", "eval"])
    if train:
        (folder / "Split-train").mkdir(parents=True)
        (folder / "Split-train/FeatureStats.pb").write_bytes(train)
    return artifact


def counted(*values, column="user"):
    """Statistics of a column with these values, once each."""
    data = statistics_pb2.DatasetFeatureStatisticsList()
    feature = data.datasets.add(name="train", num_examples=len(values)).features.add()
    feature.path.step.append(column)
    feature.string_stats.unique = len(values)
    for value in values:
        feature.string_stats.top_values.add(value=value, frequency=1)
        feature.string_stats.rank_histogram.buckets.add(label=value, sample_count=1)
    return data.SerializeToString()


def version(folder, number):
    """A version that a server would take."""
    made = folder / str(number)
    made.mkdir(parents=True)
    (made / "saved_model.pb").touch()
    return str(made)


def fetched(folder, champion):
    """What there is to compare with: split to content."""
    artifact = statistics(folder / "baseline")
    kept = train_statistics.fetch(statistics(folder / "now", b"now"), champion, artifact)
    splits = artifact_utils.decode_split_names(artifact.split_names)
    assert kept == ("served" in splits)
    return {split: Path(artifact.uri, f"Split-{split}", "FeatureStats.pb").read_bytes() for split in splits}


def test_before_the_first_push_there_is_this_run_alone(tmp_path):
    assert fetched(tmp_path, "") == {"train": b"now"}


def test_a_version_without_statistics_is_nothing_to_compare_with(tmp_path):
    assert fetched(tmp_path, version(tmp_path / "serving", 7)) == {"train": b"now"}


@pytest.mark.parametrize("champion", ["serving", "serving/8"])
def test_the_served_version_brings_what_it_has_learnt_from(tmp_path, champion):
    for number in (7, 8):
        train_statistics.keep(
            statistics(tmp_path / f"then{number}", counted(f"at {number}", column="colour")),
            version(tmp_path / "serving", number),
            LOG,
        )

    assert fetched(tmp_path, str(tmp_path / champion)) == {"train": b"now", "served": counted("at 8", column="colour")}


def test_after_a_rollback_it_is_the_older_versions(tmp_path):
    for number in (7, 8):
        train_statistics.keep(
            statistics(tmp_path / f"then{number}", counted(f"at {number}", column="colour")),
            version(tmp_path / "serving", number),
            LOG,
        )
    (tmp_path / "serving/8").rename(tmp_path / "serving/8.withdrawn")

    assert fetched(tmp_path, str(tmp_path / "serving"))["served"] == counted("at 7", column="colour")


def test_a_version_holds_no_id_of_a_user(tmp_path):
    folder = version(tmp_path / "serving", 7)
    train_statistics.keep(statistics(tmp_path / "then", counted("jane", "joe")), folder, LOG)
    content = (Path(folder) / train_statistics.KEPT).read_bytes()
    assert b"jane" not in content and b"joe" not in content
    (feature,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets[0].features
    assert feature.string_stats.unique == 2
    train_statistics.keep(statistics(tmp_path / "other", counted("red", column="colour")), folder, LOG)
    assert b"red" in (Path(folder) / train_statistics.KEPT).read_bytes()


def test_the_docs_say_where_it_is():
    docs = Path(__file__).resolve().parents[3] / "docs" / "log.md"
    assert f"`{train_statistics.KEPT}`" in docs.read_text()
