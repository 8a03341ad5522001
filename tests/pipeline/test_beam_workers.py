"""The profiles' options on workers that are other processes: many elements, the same examples and statistics as in one process."""

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
    """Several files, each a part of the same time."""
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


def ingested_and_counted(tmp_path, name, arguments):
    """The examples of a run with these options, how many files they are in, and their statistics."""
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
    """What does not depend on the order in which parts are added up."""
    dataset = tfdv.load_stats_binary(path).datasets[0]
    found = {"": dataset.num_examples}
    for feature in dataset.features:
        kind = feature.WhichOneof("stats")
        stats = getattr(feature, kind)
        # Of the mean, what float64 can hold: microseconds since 1970 have sixteen digits, and their sum depends on its
        # order.
        exact = (stats.min, stats.max, f"{stats.mean:.9g}") if kind == "num_stats" else stats.unique
        found[feature.path.step[0]] = (stats.common_stats.num_non_missing, stats.common_stats.num_missing, exact)
    return found


def test_flinks_options_give_the_same_on_a_job_server_with_a_worker_pool(tmp_path, monkeypatch):
    monkeypatch.setattr(StandardOptions, "DEFAULT_RUNNER", ENGINE)
    write_log(tmp_path / "log")
    here, one_file, counted_here = ingested_and_counted(tmp_path, "here", [])
    with servers(tmp_path / "beam") as there:
        arguments = there.here(beam_profiles.chosen("flink").with_image("dayone:0.1.0").args)
        elsewhere, files, counted = ingested_and_counted(tmp_path, "there", arguments)

        assert there.log.count(f"Requesting worker at {there.workers}") >= 2
        assert there.log.count("state DONE") == 2
    assert (one_file, files) == (1, FILES)
    assert elsewhere == here and sum(map(len, here.values())) == FILES * ROWS
    assert counted == counted_here and counted["train"][""] == len(here["train"])
