import json
import os
import pickle

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from executed_node import execute, features_of, quarantined
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

from components.declaration import Launch, Log, Objective, Split
from components.errors import LogError
from components.ingest import shares
from components.ingest.example_gen import events_example_gen
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.shares import QUARANTINE, Share, Target, split_up, write, write_with_beam
from pipeline.beam_engine import ENGINE

pytestmark = pytest.mark.tensorflow

LAUNCH = Launch(
    name="shop",
    log=Log("log/", "user", "item", "time", value="stars", max_quarantined=0.2),
    objectives=(Objective("liked", value_at_least=3),),
    split=Split(eval_share=0.25),
)


def write_log(folder, rows=60, seed=3):
    """A Parquet file of three row groups, a CSV and a JSONL file, in all of which some rows are wrong and the types differ."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    users = pa.array([f"u{user}" for user in random.integers(0, 9, rows)], mask=random.random(rows) < 0.05)
    columns = {
        "user": users,
        "item": random.integers(0, 9, rows),
        "time": 1_700_000_000 + random.permutation(rows),
        "stars": random.random(rows) * 5,
    }
    pq.write_table(pa.table(columns), folder / "a.parquet", row_group_size=25)
    (folder / "b.csv").write_text(
        "user,item,time,stars,shop\n"
        + "".join(f"u{at},{at},{1_700_000_050 + at},{at % 5},x\n" for at in range(9))
        + "torn\n"
    )
    lines = [{"user": "u1", "item": f"i{at}", "time": 1_700_000_000 + 9 * at, "stars": None} for at in range(9)]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, [*lines, {"user": "u1", "item": "i", "time": 5}])))
    return [str(folder / name) for name in ("a.parquet", "b.csv", "c.jsonl")]


def settled(files, seed=5):
    """Everything there is to write of a log, cut and labelled by chance."""
    reader = LogReader(files, Layout.of_log(LAUNCH.log))
    reader.settle(())
    random = np.random.default_rng(seed)
    train = random.random(reader.quarantined.rows_in - reader.quarantined.rows) < 0.5
    return Share(
        reader, {"train": train, "eval": ~train}, {"label_liked": random.integers(-1, 2, len(train)).astype(np.int8)}
    )


def target(folder):
    return Target(str(folder), {split: str(folder / f"Split-{split}") for split in ("train", "eval")}, 1)


def written(folder):
    """The rows of each split, and the quarantine, in the order of the files' names."""
    from tfx.types import standard_artifacts

    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder), '["train", "eval"]'
    aside = [record for path in sorted(folder.glob("quarantine*")) for record in quarantined(path)]
    return {split: features_of(examples, split) for split in ("train", "eval")}, aside


def test_a_share_is_a_file_or_a_row_group(tmp_path):
    whole = settled(write_log(tmp_path / "log"))

    shares = split_up(whole)

    assert [share.shard for share in shares] == [f"{number:05d}-of-00005" for number in range(5)]
    assert [share.reader.quarantined.rows_in for share in shares] == [25, 25, 10, 10, 10]
    assert sum(share.reader.quarantined.rows for share in shares) == whole.reader.quarantined.rows
    for name in ("train", "eval"):
        assert np.array_equal(np.concatenate([share.in_split[name] for share in shares]), whole.in_split[name])


@pytest.mark.parametrize("seed", range(3))
def test_shares_on_beam_hold_the_rows_of_one_share_here(tmp_path, seed):
    whole = settled(write_log(tmp_path / "log", seed=seed), seed)

    write(whole, target(tmp_path / "here"))
    write_with_beam(whole, target(tmp_path / "beam"), beam.Pipeline(runner=ENGINE))

    assert written(tmp_path / "beam") == written(tmp_path / "here")
    assert sorted(os.listdir(tmp_path / "here")) == ["Split-eval", "Split-train", QUARANTINE]
    assert len(list((tmp_path / "beam/Split-train").iterdir())) == 5
    assert not (tmp_path / "beam/shares").exists()


def test_a_beam_option_makes_the_executor_use_beam(tmp_path):
    write_log(tmp_path / "log")
    examples, resolved, direct = execute(events_example_gen(LAUNCH, str(tmp_path), "code"))
    # A requirements file keeps TFX from packing itself.
    context = BaseBeamExecutor.Context(beam_pipeline_args=[f"--runner={ENGINE}", "--requirements_file=none.txt"])
    results = []
    for executor, name in ((direct, "here"), (type(direct)(context), "beam")):
        examples.uri = str(tmp_path / name)
        executor.Do({}, {"examples": [examples]}, resolved)
        results.append((written(tmp_path / name), examples.get_string_custom_property("figure")))

    assert results[0] == results[1]
    assert len(list((tmp_path / "beam/Split-train").iterdir())) == 5


class Evil:
    """What an attacker with write access to the artifact store would leave: it creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_plan_that_was_changed_in_the_store_is_not_unpickled(tmp_path):
    whole = settled(write_log(tmp_path / "log"))
    path, digest = shares._write_plan(str(tmp_path / "plan"), whole, target(tmp_path))
    (tmp_path / "plan").write_bytes(pickle.dumps(Evil(str(tmp_path / "ran"))))

    with pytest.raises(LogError, match="not the one that the executor wrote"):
        shares._write_planned(path, digest)

    assert not (tmp_path / "ran").exists()
