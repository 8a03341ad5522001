"""A clone that uses each door of docs/extend.md once: to a verdict with own towers, then with an own model, and served."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import door_clone
import pytest
from server_process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")]

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("DAYONE_", "PYTEST_"))}
NAME = "my_feature"


def pipeline(clone, *arguments):
    command = [sys.executable, "-m", "pipeline", *arguments]
    answer = subprocess.run(command, cwd=clone, env=CLEAN, text=True, capture_output=True, timeout=1200)
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-4000:]
    return answer.stdout


def run(clone):
    """Runs the pipeline; returns the record's figures by step, and the summary."""
    pipeline(clone, "run")
    record = json.loads(max((clone / "runs" / NAME / "logs").glob("*.json")).read_text())
    assert record["state"] == "done"
    figures = {step["step"]: step["figure"] for step in record["steps"]}
    return figures, json.loads((Path(record["summary"]) / "summary.json").read_text())


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The clone, its launch with own towers and all that goes with them, run to a verdict: folder, figures, summary."""
    clone = door_clone.make(tmp_path_factory.mktemp("doors"))
    door_clone.declare(clone, own_model=False)
    pipeline(clone, "schema", "--accept")
    assert " 0 errors, " in pipeline(clone, "validate").splitlines()[-1]
    return clone, *run(clone)


def test_every_door_of_the_page_is_used(clone):
    assert {file for files, _ in door_clone.DOORS.values() for file in files} == set(door_clone.BLOCKS)
    text = (clone[0] / "pipeline" / "launches" / NAME / "launch.py").read_text()
    assert all(declared in text for door, (_, declared) in door_clone.DOORS.items() if door != "model")


def test_own_towers_labels_metrics_slices_rules_and_steps_reach_a_verdict(clone):
    _, figures, summary = clone
    assert figures["ExampleGen"].endswith(", users known for 100%")
    assert "events a user" in figures["BotGate"]
    assert figures["RetrievalEvaluator"].startswith("recall@5: ")
    rows = summary["rolling"]
    assert {"model", "covisitation", "popularity", "cheapest"} <= set(rows)
    assert all(0 <= row["first_screen"] <= 1 for row in rows.values())
    assert {"evening", "section=s1", "plan=plan 1"} <= set(summary["slices"]["tables"])
    assert set(summary["ranking"]) >= {"click", "quick"}
    assert summary["verdict"]["outcome"] in ("model", "rules")


def test_the_clone_compiles_with_the_folder_of_the_table(clone):
    folder = clone[0]
    pipeline(folder, "compile", "--image", "registry.example/shop:1")
    assert (folder / "runs" / NAME / f"{NAME}.yaml").is_file()


def test_the_stores_and_the_policy_serve_and_the_vectors_go_to_the_sink(clone, tmp_path):
    folder, launch = clone[0], f"pipeline.launches.{NAME}"
    workspace = folder / "runs"
    options = ["--history", f"{launch}.stores.Remembered", "--users", f"{launch}.profiles.Profiles"]
    assert logged_plans(folder, tmp_path / "own", *options, "--explore-policy", f"{launch}.policies.rotate") == {"free"}
    assert logged_plans(folder, tmp_path / "table") == {"plan 1"}
    kinds = {path.parent.name for path in workspace.glob(f"{NAME}/serving/{NAME}/*/assets.extra/item_vectors.parquet")}
    if kinds:  # rules have no vectors
        assert "wrote " in pipeline(folder, "vectors", "own", f"{launch}.vectors.numpy_file")


def logged_plans(folder, traffic, *options):
    """The plans with which a server answers the visitor v1, as it logs them."""
    options = ("--traffic", str(traffic), "--timeout", "60", *options)
    server = ServerProcess(folder / "runs", *options, project=folder, launch=NAME)
    try:
        server.wait_ready(seconds=400)
        for _ in range(50):  # the table is read in the background
            status, answer = server.client.predict({"instances": [{"user_id": "v1"}], "n": 3}, NAME)
            assert (status, len(answer["predictions"][0]["item_ids"])) == (200, 3)
    finally:
        server.end()
    rows = [json.loads(line) for file in traffic.glob("traffic-*.jsonl") for line in file.read_text().splitlines()]
    assert len(rows) == 150
    return {row["plan"] for row in rows[-30:]}


def test_an_own_model_reaches_a_verdict_in_the_same_clone_and_only_the_launchs_files_differ(clone):
    folder = clone[0]
    door_clone.declare(folder, own_model=True)
    figures, summary = run(folder)
    assert {"model", "covisitation"} <= set(summary["rolling"])
    # The page's two towers learn more than chance.
    items, rows = int(re.search(r"(\d+) items to recommend", figures["Trainer"])[1]), summary["rolling"]
    print({name: row["recall@10"] for name, row in rows.items()}, items)
    assert rows["model"]["recall@10"] > 1.5 * 10 / items
    changed = {line[3:] for line in door_clone.git(folder, "status", "--porcelain", "-uall").splitlines()}
    assert changed == {
        f"pipeline/launches/{NAME}.py",  # now in the folder
        *(f"pipeline/launches/{NAME}/{file}" for file in ("__init__.py", "launch.py", *door_clone.BLOCKS)),
        f"schema/{NAME}/log/schema.pbtxt",
    }
