"""A launch that starts empty, through the whole pipeline: without an event, then with what its first day brought."""

import json
import os
import subprocess
import sys
from pathlib import Path

import day_zero_runs
import pytest

from components.registry import card_file
from pipeline import launches, steps
from pipeline.onboarding import new
from pipeline.settings import PROJECT

pytestmark = pytest.mark.slow
SCRIPT = Path(day_zero_runs.__file__)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first_days")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    command = [sys.executable, str(SCRIPT), str(folder)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "stages.json").read_text())


def test_without_an_event_a_rule_of_the_catalogue_is_pushed(stages):
    nothing, _ = stages
    assert (nothing["evidence"]["logged"], nothing["evidence"]["actions"]) == (0, 0)
    assert (nothing["verdict"]["outcome"], nothing["verdict"]["launch_stage"]) == ("rules", "nothing")
    assert (nothing["served"]["rule"], nothing["served"]["launch_stage"]) == ("newest", "nothing")
    assert nothing["served"]["data"]["items"] == 27, "the active ones"
    assert nothing["model_problem"], "what the Trainer exported is no model"


def test_first_actions_are_counted_and_impressions_are_not(stages):
    _, actions = stages
    clicks = day_zero_runs.ANSWERS // day_zero_runs.EVERY
    assert actions["evidence"]["logged"] == day_zero_runs.ANSWERS * day_zero_runs.SHOWN + clicks
    assert actions["evidence"]["actions"] == clicks
    assert actions["verdict"]["launch_stage"] == "actions"
    assert actions["champion"]["kind"] == "rules" and actions["champion"]["stage"] == "nothing"
    assert actions["served"]["rule"] == "newest", "too few to compare rules"


def test_the_same_list_is_not_pushed_again(stages):
    nothing, actions = stages
    assert actions["champion"]["alike"] and actions["verdict"]["outcome"] == "champion"
    assert actions["served"] == nothing["served"]


def test_the_compiled_pipeline_pushes_the_same_rule_without_an_event(tmp_path, stages):
    (tmp_path / "data").mkdir()
    new.make(tmp_path / "mine", None, day_zero_runs.write_catalogue(tmp_path / "data"), None, {})
    launch = tmp_path / "mine" / "pipeline" / "launches" / "mine.py"
    script = SCRIPT.with_name("kubeflow_cluster.py")
    command = [sys.executable, str(script), str(tmp_path / "cluster"), str(tmp_path / "data"), str(launch)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    environ["PYTHONPATH"] = str(PROJECT)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (run,) = json.loads((tmp_path / "cluster" / "runs.json").read_text())
    assert len(run["order"]) == len(steps.of(launches.load_file(launch)))
    (version,) = (tmp_path / "cluster/volume/mine/serving/mine").glob("[0-9]*")
    served = card_file.read(version)
    nothing, _ = stages
    assert {name: served[name] for name in ("kind", "rule", "launch_stage")} == {
        name: nothing["served"][name] for name in ("kind", "rule", "launch_stage")
    }
