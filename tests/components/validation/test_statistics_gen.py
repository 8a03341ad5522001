"""The statistics that the step computes itself are those of TFX's StatisticsGen on Beam."""

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import json_format
from tfx.components.statistics_gen import executor
from tfx.types import artifact_utils, standard_artifacts

from components.ingest.example_files import ExampleFile
from components.validation import example_statistics, statistics_gen, value_counts
from components.validation.artifacts import read_statistics
from pipeline.beam_engine import ENGINE

pytestmark = pytest.mark.tensorflow
ROWS = 5_000


def batch_of(rows, seed=0):
    """Returns rows with a column of each kind that a log or a catalogue can have."""
    random = np.random.default_rng(seed)
    missing = random.random(rows) < 0.2
    return pa.RecordBatch.from_pydict(
        {
            "user": pa.array([f"u{number}" for number in random.zipf(1.3, rows) % 700]),
            "device": pa.array([None if gap else "phone" for gap in missing]),
            "broken": pa.array([b"\xff\xfe" if gap else b"fine" for gap in missing], pa.binary()),
            "price": pa.array(np.where(missing, np.nan, random.gamma(2.0, 10.0, rows))),
            "time": pa.array(random.integers(1_700_000_000, 1_800_000_000, rows)),
            "kinds": pa.array([["a", "b"][: number % 3] for number in range(rows)], pa.list_(pa.string())),
            "empty": pa.nulls(rows),
            "late": pa.array([None] * (rows - 1) + ["once"]),
        }
    )


def examples_of(folder, **splits):
    examples = standard_artifacts.Examples()
    examples.uri, examples.span = str(folder / "examples"), 3
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    for split, batch in splits.items():
        with ExampleFile(artifact_utils.get_split_uri([examples], split)) as file:
            if batch is not None:
                file.write(batch)
    return examples


def run(kind, examples, folder, beam_args=()):
    """Returns the artifact that an executor writes."""
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(folder)
    context = kind.Context(beam_pipeline_args=list(beam_args), tmp_dir=str(folder), unique_id="1")
    kind(context).Do({"examples": [examples]}, {"statistics": [statistics]}, {"exclude_splits": "[]"})
    return statistics


def by_column(statistics):
    """Returns the statistics of each column as a dictionary, without the order of what is equally frequent."""
    columns = {}
    for column in statistics.features:
        columns[tuple(column.path.step)] = json_format.MessageToDict(column)
    return columns


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statistics")
    examples = examples_of(folder, train=batch_of(ROWS), eval=batch_of(300, seed=1))
    ours = run(statistics_gen.StatisticsExecutor, examples, folder / "ours")
    return ours, run(executor.Executor, examples, folder / "beam", [f"--runner={ENGINE}"])


@pytest.mark.parametrize("split", ["train", "eval"])
def test_the_statistics_are_those_of_beam(both, split):
    ours, beam = (read_statistics(artifact)[split] for artifact in both)
    assert ours.num_examples == beam.num_examples
    ours, beam = by_column(ours), by_column(beam)
    assert ours.keys() == beam.keys()
    for column, expected in beam.items():
        assert leaves(ours[column]) == expected_leaves(expected), column


def leaves(tree, path=()):
    """Returns the leaves of a tree of dictionaries and lists by their paths, numbers as numbers."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    if isinstance(tree, dict | list):
        return {key: leaf for name, part in parts for key, leaf in leaves(part, (*path, name)).items()}
    try:
        return {path: float(tree)}
    except ValueError:
        return {path: tree}


def expected_leaves(tree):
    """Returns the leaves with the tolerance that each has: quantiles are estimates, whose error depends on the batches."""
    return {
        path: leaf if isinstance(leaf, str) else pytest.approx(leaf, rel=1e-6, nan_ok=True)
        for path, leaf in leaves(tree).items()
    }


def test_a_column_may_be_counted_in_many_batches(both, tmp_path, monkeypatch):
    monkeypatch.setattr(example_statistics, "BATCH_ROWS", 300)
    monkeypatch.setattr(value_counts, "PENDING_VALUES", 1_000)
    examples = examples_of(tmp_path, train=batch_of(ROWS))
    ours = run(statistics_gen.StatisticsExecutor, examples, tmp_path / "ours")
    parts, whole = (by_column(read_statistics(artifact)["train"]) for artifact in (ours, both[0]))
    for column in (("user",), ("device",), ("kinds",), ("late",)):
        assert parts[column]["stringStats"] == whole[column]["stringStats"]
    # Quantiles are estimates of sketches, which depend on the batches.
    assert parts[("price",)]["numStats"]["mean"] == pytest.approx(whole[("price",)]["numStats"]["mean"])


def test_the_artifact_says_what_the_standard_step_says(both):
    for artifact in both:
        assert artifact_utils.decode_split_names(artifact.split_names) == ["train", "eval"]
        assert artifact.span == 3
    ours, beam = (artifact.mlmd_artifact.custom_properties for artifact in both)
    assert ours["sample_rate_by_split"] == beam["sample_rate_by_split"]


def test_a_split_may_be_empty(tmp_path):
    examples = examples_of(tmp_path, train=None)
    statistics = read_statistics(run(statistics_gen.StatisticsExecutor, examples, tmp_path / "ours"))["train"]
    assert (statistics.num_examples, len(statistics.features)) == (0, 0)


def test_with_options_for_beam_the_standard_executor_runs(tmp_path, monkeypatch):
    def stop(*_):
        raise AssertionError("not in this process")

    monkeypatch.setattr(example_statistics, "compute", stop)
    examples = examples_of(tmp_path, train=batch_of(50))
    written = run(statistics_gen.StatisticsExecutor, examples, tmp_path / "beam", [f"--runner={ENGINE}"])
    assert read_statistics(written)["train"].num_examples == 50
