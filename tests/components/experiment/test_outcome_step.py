"""Outcome, Verdict and Pusher on real artifacts: an experiment begins, ramps and ends through the steps themselves."""

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_server import LAUNCH
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import json_utils, path_utils, proto_utils

from components.declaration import Experiment
from components.declaration.outcome_view import OutcomeView
from components.declaration.verdict_view import VerdictView
from components.evaluation.evaluation_file import EVALUATION_FILE
from components.evaluation.verdict_step import Verdict
from components.experiment.assignment import assign_users, split_users
from components.experiment.outcome_file import OUTCOME_FILE
from components.experiment.outcome_step import Outcome
from components.ingest.example_files import ExampleFile
from components.registry import experiment_state, pusher, versions
from components.registry.card_file import CARD
from components.registry.experiment_state import find_control, read_state

pytestmark = pytest.mark.tensorflow

DECLARED = dataclasses.replace(LAUNCH, experiment=Experiment("click", ramp=(0.5, 1.0), min_users=20, days=10))
SCHEMA = "\n".join(
    f'feature {{ name: "{name}" type: {kind} }}' for name, kind in (("version", "BYTES"), ("time", "INT"))
)
USERS = [f"u{number}" for number in range(400)]
DAY = 86_400
GAIN = {"point": 0.5, "low": 0.3, "high": 0.7, "level": 0.95, "error": 0.1}


def artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


def write_log(folder, rows):
    """Examples of impressions: (user, second, version, clicked) each."""
    examples = artifact(standard_artifacts.Examples, folder)
    examples.split_names = '["train", "eval"]'
    user, second, version, clicked = zip(*rows, strict=True)
    columns = {
        "user": np.array([name.encode() for name in user], object),
        "time": np.array(second, np.int64) * 1_000_000,
        "request": np.array([f"r{number}".encode() for number in range(len(rows))], object),
        "version": np.array([str(number).encode() for number in version], object),
        "label_click": np.array(clicked, np.int64),
    }
    half = len(rows) // 2
    for split, part in (("train", slice(0, half)), ("eval", slice(half, None))):
        with ExampleFile(f"{examples.uri}/Split-{split}") as file:
            file.write(pa.RecordBatch.from_pydict({name: column[part] for name, column in columns.items()}))
    return examples


def save_model(folder, kind):
    model = artifact(standard_artifacts.Model, folder)
    saved = Path(path_utils.serving_model_dir(model.uri))
    (saved / CARD).parent.mkdir(parents=True, exist_ok=True)
    (saved / versions.MODEL_FILE).write_text(kind)
    (saved / CARD).write_text(json.dumps({"kind": kind}))
    return model


def write_evaluation(folder, champion):
    evaluation = artifact(standard_artifacts.ModelEvaluation, folder)
    gains = {"model_over_rules": GAIN} | (
        {"model_over_champion": GAIN, "rules_over_champion": GAIN} if champion else {}
    )
    rolling = {"model": {"queries": 500, "recall@10": 0.3}, "popularity": {"queries": 500, "recall@10": 0.2}}
    rolling |= {"champion": {"queries": 500, "recall@10": 0.2}} if champion else {}
    content = {
        "launch": "toy", "metric": "recall@10", "queries": 500, "rolling": rolling, "frozen": {}, "gains": gains,
        "rules_name": "popularity", "champion": {"kind": champion} if champion else None, "champion_problem": "",
        "model_problem": "", "slices": {"metric": "recall@10", "tables": {}, "gains": {}, "gains_over_champion": {}},
        "examples": {}, "notes": [],
    }  # fmt: skip
    (folder / EVALUATION_FILE).write_text(json.dumps(content))
    return evaluation


def run(tmp_path, name, rows, champion=None):
    """A run's last three steps; returns outcome.json, the summary, and what the Pusher's artifact says."""
    folder, serving = tmp_path / name, tmp_path / "serving" / "toy"
    serving.mkdir(parents=True, exist_ok=True)
    schema = artifact(standard_artifacts.Schema, folder / "schema")
    (folder / "schema" / "schema.pbtxt").write_text(SCHEMA)
    outcome = artifact(standard_artifacts.ModelEvaluation, folder / "outcome")
    Outcome.test_call(
        examples=write_log(folder / "examples", rows), schema=schema, outcome=outcome,
        launch=OutcomeView.of(DECLARED).to_json(), serving=str(serving), code="", seen="",
    )  # fmt: skip
    outputs = {
        "winner": artifact(standard_artifacts.Model, folder / "winner"),
        "blessing": artifact(standard_artifacts.ModelBlessing, folder / "blessing"),
        "summary": artifact(standard_artifacts.ModelEvaluation, folder / "summary"),
    }
    Verdict.test_call(
        evaluation=write_evaluation(folder / "evaluation", champion), model=save_model(folder / "model", "model"),
        rules=save_model(folder / "rules", "rules"), launch=VerdictView.of(DECLARED).to_json(), code="", outcome=outcome,
        **outputs,
    )  # fmt: skip
    pushed = artifact(standard_artifacts.PushedModel, folder / "pushed")
    destination = pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(serving))
    )
    properties = {
        "push_destination": proto_utils.proto_to_json(destination),
        "custom_config": json_utils.dumps({pusher.KEEP: 5}),
    }
    inputs = {"model": [outputs["winner"]], "model_blessing": [outputs["blessing"]]}
    pusher.VersionPusherExecutor().Do(inputs, {"pushed_model": [pushed]}, properties)
    summary = json.loads((folder / "summary" / "summary.json").read_text(), parse_constant=pytest.fail)
    return json.loads((folder / "outcome" / OUTCOME_FILE).read_text(), parse_constant=pytest.fail), summary, pushed


def make_rows(state, seconds, clicks, seed=0):
    """One request per user and moment, served as the state says; `clicks` are the chances under rules and model."""
    rng, rows = np.random.default_rng(seed), []
    arm = assign_users(state.id, state.share, USERS) if state else np.full(len(USERS), -1)
    for second in seconds:
        for user, treated in zip(USERS, arm.tolist(), strict=True):
            version = state.treatment if treated == 1 else state.control if state else 1
            rows.append((user, second, version, int(rng.random() < clicks[treated == 1])))
    return rows


def test_an_experiment_begins_ramps_and_is_rolled_back_through_the_steps(tmp_path):
    serving = tmp_path / "serving" / "toy"
    outcome, summary, pushed = run(
        tmp_path, "first", make_rows(None, range(1_000_000, 1_000_000 + 5 * DAY, DAY), (0.4, 0.4))
    )
    state = read_state(serving).state

    assert outcome["experiment"] is None and len(outcome["plan"]) == 5 and summary["verdict"]["action"] == "start"
    assert (
        versions.find_served(serving).number
        == state.treatment
        == int(pushed.get_string_custom_property("pushed_version"))
    )
    assert versions.find_served(find_control(serving)).number == state.control
    assert state.planned_variance == pytest.approx(outcome["begin"]["planned_variance"])

    days = [state.began[0] + 60, state.began[0] + DAY]
    time.sleep(1.1)  # a stage begins in a second of its own, as the next run's does
    outcome, summary, pushed = run(tmp_path, "second", make_rows(state, days, (0.4, 0.4)), "model")
    assert outcome["decision"]["kind"] == "ramp" and outcome["served_as_assigned"] == 1.0
    assert (
        outcome["progress"]["users"]
        == np.bincount(split_users(state.id, USERS)[assign_users(state.id, 0.5, USERS) >= 0]).tolist()
    )
    ramped = read_state(serving).state
    assert ramped.stage == 1 and len(ramped.looks) == 1 and pushed.get_int_custom_property("pushed") == 0
    assert summary["verdict"]["headline"] == outcome["decision"]["headline"]

    # Without the first stage's rows: its days are later than the second stage's start, as both begin within seconds here.
    rows = make_rows(ramped, [ramped.began[1] + 60, ramped.began[1] + DAY], (0.6, 0.1))
    outcome, summary, _ = run(tmp_path, "third", rows, "model")
    assert outcome["decision"]["kind"] == "harm"
    assert read_state(serving).state is None
    assert experiment_state.list_finished(serving) == [(state.id, "harm")]
    assert (versions.find_served(serving).folder / versions.MODEL_FILE).read_text() == "rules"

    _, summary, pushed = run(tmp_path, "fourth", rows, "rules")
    assert summary["verdict"]["action"] == "candidate" and pushed.get_int_custom_property("pushed") == 0
    assert (versions.find_served(serving).folder / versions.MODEL_FILE).read_text() == "rules"


def test_a_torn_state_keeps_the_model_as_a_candidate(tmp_path):
    serving = tmp_path / "serving" / "toy"
    serving.mkdir(parents=True)
    (serving / experiment_state.FILE).write_text("{")
    outcome, summary, _ = run(tmp_path, "torn", make_rows(None, [1_000_000], (0.4, 0.4)))

    assert "torn" in outcome["problem"] and "torn" in summary["verdict"]["reasons"][0]
    assert versions.find_served(serving) is None
