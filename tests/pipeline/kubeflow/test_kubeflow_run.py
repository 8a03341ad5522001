"""The entire pipeline in the re-enactment of Kubeflow Pipelines (`kubeflow_cluster.py`), compared with a local run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import launches, steps
from pipeline.kubeflow.spec import kebab

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[3]
EVENTS = 20_000


def python(*arguments, timeout=600):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")} | {
        "PYTHONPATH": str(PROJECT)
    }
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    python("data/generate.py", "--events", EVENTS, "--seed", 7, "--out", folder)
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, data):
    """The folder of a run of the compiled pipeline."""
    folder = tmp_path_factory.mktemp("cluster")
    python("tests/fakes/kubeflow_cluster.py", folder, data)
    return folder


@pytest.fixture(scope="module")
def runs(cluster):
    return json.loads((cluster / "runs.json").read_text())


@pytest.fixture(scope="module")
def run(runs):
    return runs[0]


def stored(cluster, artifact):
    return cluster / "store" / artifact["uri"].removeprefix("minio://")


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


def test_every_step_runs_and_a_killed_one_is_tried_again(run):
    assert sorted(run["order"]) == sorted(kebab(step.name) for step in steps.of(launches.load("shop")))
    assert {name: count for name, count in run["attempts"].items() if count > 1} == {"rules": 2}


def test_what_a_killed_attempt_left_is_not_part_of_the_output(cluster, run):
    files = [path.name for path in stored(cluster, run["artifacts"]["rules"]["model"]).rglob("*") if path.is_file()]
    assert "saved_model.pb" in files and "half_written" not in files


def test_a_model_is_pushed_into_a_numbered_folder(cluster, run):
    version = run["artifacts"]["pusher"]["pushed_model"]["metadata"]["pushed_version"]
    assert version.isdigit() and (cluster / "volume/shop/serving/shop" / version / "saved_model.pb").is_file()


def test_the_next_run_finds_what_was_pushed_since_and_keeps_it(cluster, runs):
    first, second = (summary_of(stored(cluster, run["artifacts"]["verdict"]["summary"])) for run in runs)
    assert first["champion"] is None
    assert second["champion"]["kind"] == first["verdict"]["outcome"]
    assert second["champion_problem"] == ""
    assert second["verdict"]["outcome"] == "champion"
    assert not runs[1]["artifacts"]["pusher"]["pushed_model"]["metadata"]["pushed"]


def test_span_and_fingerprint_are_on_the_examples(run):
    metadata = run["artifacts"]["example-gen"]["examples"]["metadata"]
    assert metadata["custom:span"] == 0 and metadata["input_fingerprint"].startswith("split:files")
    assert json.loads(metadata["split_names"]) == ["train", "eval"]


def test_every_artifact_lies_in_the_store_under_its_own_uri(run):
    uris = [artifact["uri"] for outputs in run["artifacts"].values() for artifact in outputs.values()]
    assert len(set(uris)) == len(uris)
    assert all(uri.startswith("minio://") for uri in uris)


def test_the_verdict_is_that_of_the_local_run(cluster, run, data, tmp_path):
    python("-m", "pipeline", "run", "--launch", "shop", "--log", data, "--workspace", tmp_path)
    (local,) = tmp_path.glob("shop/artifacts/Verdict/summary/*")
    on_cluster, locally = summary_of(stored(cluster, run["artifacts"]["verdict"]["summary"])), summary_of(local)
    assert on_cluster["verdict"] == locally["verdict"]
    assert on_cluster["rolling"] == locally["rolling"]


@pytest.mark.parametrize(("kind", "action", "served"), [("better", "won", "model"), ("worse", "harm", "rules")])
def test_an_experiment_goes_from_its_begin_to_a_decision(cluster, data, kind, action, served):
    python("tests/fakes/kubeflow_experiment.py", cluster, data, kind)
    played = json.loads((cluster / f"{kind}.json").read_text())
    begun, ended = (summary_of(stored(cluster, played[when]["verdict"]["summary"])) for when in ("begun", "ended"))
    state, versions = played["state"], cluster / kind / "volume/shop/serving"

    assert begun["verdict"]["action"] == "start" and begun["verdict"]["outcome"] == "model"
    assert (versions / "shop_control" / str(state["control"]) / "saved_model.pb").is_file()
    assert ended["verdict"]["action"] == action and ended["experiment"]["served_as_assigned"] == 1.0
    assert sum(ended["experiment"]["progress"]["users"]) == 400
    newest = max(
        (folder for folder in (versions / "shop").iterdir() if folder.name.isdigit()), key=lambda one: int(one.name)
    )
    assert json.loads((newest / "assets.extra/dayone.json").read_text())["kind"] == served
    if action == "won":
        assert played["after"] == {"phase": "holdout", "finished": []}
    else:
        assert played["after"] == {"phase": None, "finished": [[state["id"], "harm"]]}
