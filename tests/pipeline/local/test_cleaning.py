"""Cleaning, on a store of ML Metadata that is written here as TFX writes it: runs, executions, artifacts, events."""

import os
import time
import types
from pathlib import Path

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.cli import main
from pipeline.local import cleaning, run
from pipeline.settings import Settings

STEPS = ("ExampleGen", "Trainer", "Verdict")
OUTPUTS = {"ExampleGen": "examples", "SchemaGate": "passed", "Trainer": "model", "Verdict": "summary"}


class History:
    """Daily runs of three steps: each run reads a new log, trains and judges; a cached step has its old artifact."""

    def __init__(self, folder):
        self.settings = Settings("shop", folder, folder, folder)
        self.settings.logs.mkdir(parents=True)
        (self.settings.serving / "1").mkdir(parents=True)
        (self.settings.serving / "1" / "saved_model.pb").write_bytes(b"model")
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.settings.metadata)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = metadata_store.MetadataStore(config)
        self.types = {
            name: self.store.put_context_type(mlmd.ContextType(name=name)) for name in ("pipeline_run", "node")
        }
        self.execution_type = self.store.put_execution_type(mlmd.ExecutionType(name="step"))
        self.artifact_type = self.store.put_artifact_type(mlmd.ArtifactType(name="artifact"))
        self.nodes = {step: self.context("node", f"shop.{step}") for step in OUTPUTS}
        self.newest = {}

    def context(self, kind, name):
        (number,) = self.store.put_contexts([mlmd.Context(type_id=self.types[kind], name=name)])
        return number

    def artifact(self, step, execution):
        folder = self.settings.pipeline_root / step / OUTPUTS[step] / str(execution)
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(b"x" * 1000)
        (self.settings.pipeline_root / step / ".system/executor_execution" / str(execution)).mkdir(parents=True)
        uri = folder / "value" if OUTPUTS[step] == "passed" else folder  # TFX names the file of a value
        if uri != folder:
            uri.write_text("1")
        artifact = mlmd.Artifact(type_id=self.artifact_type, uri=str(uri), state=mlmd.Artifact.LIVE)
        (number,) = self.store.put_artifacts([artifact])
        return number

    def run(self, name, cached=(), steps=STEPS):
        run, before = self.context("pipeline_run", name), None
        (self.settings.logs / f"{name}.log").write_text(name)
        (self.settings.logs / f"{name}.json").write_text("{}")
        for step in steps:
            state = mlmd.Execution.CACHED if step in cached else mlmd.Execution.COMPLETE
            (execution,) = self.store.put_executions(
                [mlmd.Execution(type_id=self.execution_type, last_known_state=state)]
            )
            artifact = self.newest[step] if step in cached else self.artifact(step, execution)
            contexts = [run, self.nodes[step]]
            self.store.put_attributions_and_associations(
                [], [mlmd.Association(context_id=context, execution_id=execution) for context in contexts]
            )
            events = [mlmd.Event(artifact_id=artifact, execution_id=execution, type=mlmd.Event.OUTPUT)]
            if before:
                events.append(mlmd.Event(artifact_id=before, execution_id=execution, type=mlmd.Event.INPUT))
            self.store.put_events(events)
            self.newest[step] = before = artifact

    def present(self, step):
        folder = self.settings.pipeline_root / step / OUTPUTS[step]
        return sorted(int(path.name) for path in folder.iterdir())

    def uris(self):
        return {artifact.uri for artifact in self.store.get_artifacts() if artifact.state == mlmd.Artifact.LIVE}

    def live(self):
        return {
            Path(artifact.uri).name for artifact in self.store.get_artifacts() if artifact.state == mlmd.Artifact.LIVE
        }


@pytest.fixture
def history(tmp_path):
    history = History(tmp_path)
    history.run("20260101")  # executions 1, 2, 3
    history.run("20260102")  # 4, 5, 6
    history.run("20260103", cached=("ExampleGen",))  # 8, 9; the examples are those of 4
    return history


def test_the_newest_runs_keep_what_they_wrote_and_read(history):
    removal = cleaning.clean(history.settings, runs=1)
    assert history.present("ExampleGen") == [4], "read by the newest run, from the cache"
    assert history.present("Trainer") == [8]
    assert history.present("Verdict") == [3, 6, 9], "summaries are the history"
    assert len(removal.folders) == 3 + 5, "three artifacts, and the executors' folders of executions 1, 2, 3, 5, 6"
    assert (history.settings.serving / "1" / "saved_model.pb").read_bytes() == b"model"
    assert sorted(path.name for path in history.settings.logs.iterdir()) == [
        "20260101.json",
        "20260102.json",
        "20260103.json",
        "20260103.log",
    ]


def test_metadata_knows_what_is_gone(history):
    cleaning.clean(history.settings, runs=1)
    assert history.live() == {"3", "4", "6", "8", "9"}


def test_bytes_add_up(history):
    before = cleaning.plan(history.settings, runs=9)
    assert (before.folders, before.logs, before.removed) == ((), (), 0)
    removal = cleaning.plan(history.settings, runs=1)
    assert removal.removed == 3 * 1000 + 2 * len("20260101")
    assert removal.removed + removal.kept == before.kept


def test_a_part_that_ran_last_leaves_the_newest_results_of_the_other_steps(history):
    history.run("20260104", steps=("Verdict",))
    cleaning.clean(history.settings, runs=1)
    assert history.present("Trainer") == [8] and history.present("ExampleGen") == [4]


def test_what_is_young_stays(history):
    old = history.settings.pipeline_root / "Trainer" / "model" / "2"
    os.utime(old, times=(time.time() - 3 * 86_400,) * 2)
    assert cleaning.clean(history.settings, runs=1, days=2).folders == (old,)


def test_a_value_is_kept_as_other_artifacts_are(history):
    history.run("20260104", steps=("SchemaGate",))  # execution 10
    history.run("20260105", steps=("SchemaGate",))  # execution 11
    cleaning.clean(history.settings, runs=1)
    assert history.present("SchemaGate") == [11]
    assert {path.parent.name for path in map(Path, history.uris()) if path.name == "value"} == {"11"}


def test_a_workspace_that_was_moved_keeps_what_its_newest_run_needs(history, tmp_path):
    home = history.settings.home.rename(tmp_path / "elsewhere")
    (tmp_path / "other").mkdir()
    home = home.rename(tmp_path / "other" / "shop")
    moved = Settings("shop", tmp_path / "other", tmp_path, tmp_path)
    cleaning.clean(moved, runs=1)
    assert sorted(path.parent.name + path.name for path in home.glob("artifacts/*/[!.]*/*")) == [
        "examples4",
        "model8",
        "summary3",
        "summary6",
        "summary9",
    ]


def test_artifacts_on_another_disk_are_moved_on_that_disk(history, tmp_path):
    big = history.settings.pipeline_root.rename(tmp_path / "big")
    history.settings.pipeline_root.symlink_to(big)
    cleaning.clean(history.settings, runs=1)
    assert history.present("Trainer") == [8]
    assert not list(tmp_path.rglob(".removed*"))


def test_an_artifact_that_is_a_link_goes_without_what_it_points_to(history, tmp_path):
    old = history.settings.pipeline_root / "Trainer/model/2"
    target = old.rename(tmp_path / "target")
    old.symlink_to(target)
    (history.settings.pipeline_root / "Trainer/.DS_Store").touch()
    cleaning.clean(history.settings, runs=1)
    assert history.present("Trainer") == [8] and (target / "data").stat().st_size == 1000


def test_a_stopped_run_counts_and_leaves_the_results_that_a_part_reads(history):
    history.run("20260104", steps=("ExampleGen",))  # stopped after execution 10
    cleaning.clean(history.settings, runs=1)
    assert (history.present("ExampleGen"), history.present("Trainer")) == ([4, 10], [8])


@pytest.mark.parametrize("killed", ["rename", "unlink"])
def test_a_clean_that_ends_early_leaves_no_missing_artifact_that_the_cache_would_serve(history, monkeypatch, killed):
    def kill(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, killed, kill)
    with pytest.raises(KeyboardInterrupt):
        cleaning.clean(history.settings, runs=1)
    assert history.live() == {"3", "4", "6", "8", "9"}
    assert all(Path(uri).is_dir() for uri in history.uris())


def garbage(file):
    file.write_bytes(b"no database" * 500)


def empty(file):
    file.write_bytes(b"")


@pytest.mark.parametrize(("damage", "status"), [(garbage, 1), (empty, 0), (Path.unlink, 0)])
def test_without_the_runs_metadata_nothing_is_removed(history, damage, status, capsys):
    damage(history.settings.metadata)
    assert call(history, "--keep-runs", "1") == status
    assert (str(history.settings.metadata) in capsys.readouterr().err) == bool(status)
    assert history.present("Trainer") == [2, 5, 8] and len(list(history.settings.logs.iterdir())) == 6


def test_a_run_that_is_done_does_not_fail_because_of_its_clean_up(history):
    lines = []
    garbage(history.settings.metadata)
    run._clean(history.settings, types.SimpleNamespace(line=lines.append))
    assert len(lines) == 1 and str(history.settings.metadata) in lines[0]


def test_a_killed_clean_is_finished_by_the_next(history, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cleaning.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        cleaning.clean(history.settings, runs=1)
    monkeypatch.undo()
    assert history.present("Trainer") == [8], "nothing half deleted is where a run looks"
    assert cleaning.plan(history.settings, runs=1).removed > 0
    cleaning.clean(history.settings, runs=1)
    assert cleaning.plan(history.settings, runs=1).removed == 0
    assert not list(history.settings.home.rglob(".removed*"))


def call(history, *options):
    return main.main(["clean", "--launch", "shop", "--workspace", str(history.settings.workspace), *options])


def test_a_dry_run_removes_nothing(history, capsys):
    assert call(history, "--keep-runs", "1", "--dry-run") == 0
    assert "would remove 0.0 MB (8 folders, 2 logs)" in capsys.readouterr().out
    assert history.present("Trainer") == [2, 5, 8]
    assert call(history, "--keep-runs", "1") == 0
    assert history.present("Trainer") == [8]


@pytest.mark.parametrize("options", [("--keep-runs", "0"), ("--keep-days", "-1"), ("--keep-days", "nan")])
def test_a_wrong_number_is_one_message(history, options, capsys):
    assert call(history, *options) == 1
    assert options[0] in capsys.readouterr().err
    assert history.present("Trainer") == [2, 5, 8]


def test_without_a_run_there_is_nothing_to_remove(tmp_path, capsys):
    assert main.main(["clean", "--launch", "shop", "--workspace", str(tmp_path)]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_a_run_at_work_is_not_disturbed(history, capsys):
    from pipeline.local import child_process

    with child_process.lock(history.settings.home):
        assert call(history) == 1
    assert "another run is at work" in capsys.readouterr().err


def write_traffic(history, name, days):
    """A closed traffic file of some age, with one row."""
    folder = history.settings.home / "traffic" / "2026-01-01"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text('{"user_id": "u1"}\n')
    os.utime(folder / name, (time.time() - days * 86_400,) * 2)
    return folder / name


def test_old_traffic_goes_where_a_version_has_learnt_from_it(history, capsys):
    (history.settings.serving / "1").rename(history.settings.serving / str(int(time.time() - 10 * 86_400)))
    old, learnt, young = (write_traffic(history, f"traffic-{days}-0a.jsonl", days) for days in (100, 11, 9))
    mine = write_traffic(history, "traffic-mine.jsonl", 100)
    opened = write_traffic(history, ".open-1-0b.jsonl", 100)
    assert call(history, "--traffic-days", "90", "--dry-run") == 0
    assert "would remove 0.0 MB of the traffic log (1 files)" in capsys.readouterr().out
    assert old.exists()
    assert call(history, "--traffic-days", "90") == 0
    assert [path.exists() for path in (old, learnt, young, mine, opened)] == [False, True, True, True, True]
    assert call(history, "--traffic-days", "1") == 0
    assert [path.exists() for path in (learnt, young, mine, opened)] == [False, True, True, True]


def test_traffic_stays_without_the_option_and_before_the_first_version(history):
    old = write_traffic(history, "traffic-100-0a.jsonl", 100)
    assert call(history) == 0
    assert old.exists()
    assert call(history, "--traffic-days", "90") == 0
    assert old.exists(), "version 1 was pushed in 1970: it has learnt from nothing"
    assert call(history, "--traffic-days", "0") == 1
