"""Beam profiles with workers in other processes: the same examples and statistics as in one process."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow_data_validation as tfdv
from apache_beam.options.pipeline_options import StandardOptions
from beam_workers import servers
from executed_node import execute, features_of
from tfx.components.statistics_gen.executor import Executor as StatisticsExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.declaration import Launch, Log, Objective, Split
from components.ingest.example_gen import events_example_gen
from pipeline import beam_profiles
from pipeline.beam_engine import ENGINE

pytestmark = pytest.mark.tensorflow

FILES, ROWS = 4, 400
LAUNCH = Launch(
    name="shop",
    log=Log("log/", "user", "item", "time", value="stars"),
    objectives=(Objective("liked", value_at_least=3),),
    split=Split(eval_share=0.25),
)


def write_log(folder, seed=3):
    """Writes several files that cover the same time."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(FILES):
        users, items = random.integers(0, 9, ROWS), random.integers(0, 30, ROWS)
        columns = {
            "user": [f"u{user}" for user in users],
            "item": [f"i{item}" for item in items],
            "time": 1_700_000_000 + random.permutation(ROWS),
        }
        pq.write_table(pa.table(columns | {"stars": random.integers(1, 6, ROWS)}), folder / f"{number}.parquet")


def ingest_and_count(tmp_path, name, arguments):
    """Runs ingest and statistics with Beam options; returns the examples, the number of files, and the statistics."""
    examples, resolved, executor = execute(events_example_gen(LAUNCH, str(tmp_path), "code"))
    examples.uri = str(tmp_path / name / "examples")
    type(executor)(BaseBeamExecutor.Context(beam_pipeline_args=list(arguments))).Do(
        {}, {"examples": [examples]}, resolved
    )
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(tmp_path / name / "statistics")
    StatisticsExecutor(BaseBeamExecutor.Context(beam_pipeline_args=list(arguments))).Do(
        {"examples": [examples]}, {"statistics": [statistics]}, {}
    )
    rows = {
        split: sorted(json.dumps(row, default=repr, sort_keys=True) for row in features_of(examples, split))
        for split in ("train", "eval")
    }
    files = len(list((tmp_path / name / "examples" / "Split-train").iterdir()))
    return (
        rows,
        files,
        {split: counts(f"{statistics.uri}/Split-{split}/FeatureStats.pb") for split in ("train", "eval")},
    )


def counts(path):
    """Returns the statistics that do not depend on the order of summation."""
    dataset = tfdv.load_stats_binary(path).datasets[0]
    by_column = {"": dataset.num_examples}
    for feature in dataset.features:
        kind = feature.WhichOneof("stats")
        stats = getattr(feature, kind)
        # Nine digits of the mean: microseconds since 1970 have 16 digits, so their float64 sum depends on its order.
        exact = (stats.min, stats.max, f"{stats.mean:.9g}") if kind == "num_stats" else stats.unique
        by_column[feature.path.step[0]] = (stats.common_stats.num_non_missing, stats.common_stats.num_missing, exact)
    return by_column


def test_the_flink_profile_gives_the_same_on_a_job_server_with_a_worker_pool(tmp_path, monkeypatch):
    monkeypatch.setattr(StandardOptions, "DEFAULT_RUNNER", ENGINE)
    write_log(tmp_path / "log")
    local_rows, local_files, local_counts = ingest_and_count(tmp_path, "local", [])
    with servers(tmp_path / "beam") as beam:
        arguments = beam.here(beam_profiles.choose("flink").with_image("dayone:0.1.0").args)
        remote_rows, remote_files, remote_counts = ingest_and_count(tmp_path, "remote", arguments)

        assert beam.log.count(f"Requesting worker at {beam.workers}") >= 2
        assert beam.log.count("state DONE") == 2
    assert (local_files, remote_files) == (1, FILES)
    assert remote_rows == local_rows and sum(map(len, local_rows.values())) == FILES * ROWS
    assert remote_counts == local_counts and remote_counts["train"][""] == len(local_rows["train"])
