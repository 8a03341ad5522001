"""The compiled pipeline in real containers, by kfp's `DockerRunner`, as `make kubeflow-local` runs it: `make test-containers`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.containers

SCRIPT = Path(__file__).resolve().parents[2] / "kubeflow" / "run_local.py"
MINUTES = 30


@pytest.fixture(scope="module")
def image(pytestconfig):
    return pytestconfig.getoption("image")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, image):
    """What a run left."""
    folder = tmp_path_factory.mktemp("containers") / "run"
    command = [sys.executable, str(SCRIPT), "--image", image, "--folder", str(folder), "--events", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def steps(folder):
    return json.loads((folder / "steps.json").read_text())


def test_every_step_succeeds_in_a_container_of_its_own(folder, steps, image):
    spec = next(yaml.safe_load_all((folder / "pipeline.yaml").read_text()))
    assert sorted(step["name"] for step in steps) == sorted(spec["root"]["dag"]["tasks"])
    assert [step for step in steps if step["status"] != 0] == []
    assert len({step["container"] for step in steps}) == len(steps)
    assert {executor["container"]["image"] for executor in spec["deploymentSpec"]["executors"].values()} == {image}


def test_no_step_runs_as_root(folder, steps):
    (user,) = {step["user"] for step in steps}
    assert user.split(":")[0] not in ("", "0")
    assert {file.stat().st_uid for file in (folder / "artifacts").rglob("*") if file.is_file()} == {
        int(user.split(":")[0])
    }


def test_a_model_is_pushed_into_a_numbered_folder(folder):
    (version,) = (folder / "volumes/dayone/runs/shop/serving/shop").glob("[0-9]*")
    assert (version / "saved_model.pb").is_file()
