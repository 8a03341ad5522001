import dataclasses
import json

import pytest

from components.declaration import Experiment
from components.registry import experiment_state, versions
from components.registry.card_file import CARD
from components.registry.experiment_push import begin_state
from components.registry.experiment_state import find_control, read_state, write_state
from pipeline import launches
from pipeline.cli import main
from pipeline.cli.plan import choose_experiment
from pipeline.launches import shop

DECLARED = dataclasses.replace(shop.LAUNCH, experiment=Experiment("click", ramp=(0.1, 1.0)))


def push(folder, number, kind, name=None):
    version = folder / (name or str(number))
    (version / CARD).parent.mkdir(parents=True)
    (version / versions.MODEL_FILE).write_text(kind)
    (version / CARD).write_text(json.dumps({"kind": kind}))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(launches, "load", lambda name: DECLARED)
    return tmp_path / "shop" / "serving" / "shop"


def call(tmp_path, capsys, *arguments):
    status = main.main([*arguments, "--launch", "shop", "--workspace", str(tmp_path)])
    return status, "".join(capsys.readouterr())


def test_a_life_by_hand_start_status_stop(tmp_path, capsys, folder):
    push(folder, 10, "rules")
    push(folder, 20, "model", "20.withdrawn")

    assert "no experiment runs" in call(tmp_path, capsys, "experiment")[1]
    status, output = call(tmp_path, capsys, "start", "--version", "20")
    assert status == 0 and "model 21 against rules 10: stage 1 of 2, 10% of users enrolled, day 0.0 of 14" in output
    state = read_state(folder).state
    assert (state.control, state.treatment, state.others) == (10, 21, 10)
    assert versions.find_served(folder).number == 21 and versions.find_served(find_control(folder)).number == 10
    assert "no run has read it yet" in call(tmp_path, capsys, "experiment")[1]
    status, output = call(tmp_path, capsys, "stop")
    assert status == 0 and "control serves everybody" in output
    assert (versions.find_served(folder).folder / versions.MODEL_FILE).read_text() == "rules"
    assert "before: shop-21 (stopped)" in call(tmp_path, capsys, "experiment")[1]
    assert "no experiment runs" in call(tmp_path, capsys, "stop")[1]


def test_a_version_that_serves_is_tried_on_the_others_too(tmp_path, capsys, folder):
    push(folder, 20, "model")
    push(find_control(folder), 10, "rules")

    assert call(tmp_path, capsys, "start", "--version", "20")[0] == 0
    assert read_state(folder).state.others == read_state(folder).state.treatment == 20


@pytest.mark.parametrize(
    ("prepare", "version", "reason"),
    [
        (lambda folder: push(folder, 10, "rules"), 20, "There are: 10"),
        (lambda folder: push(folder, 10, "rules"), 10, "needs a model"),
        (lambda folder: [push(folder, 20, "model"), push(folder, 30, "model")], 20, "rules to be served"),
        (lambda folder: push(folder, 20, "model"), 20, "needs rules in"),
    ],
)
def test_what_cannot_begin_says_why(tmp_path, capsys, folder, prepare, version, reason):
    prepare(folder)
    status, output = call(tmp_path, capsys, "start", "--version", str(version))

    assert status == 1 and reason in output and read_state(folder) == experiment_state.Found(None)


def test_a_second_experiment_is_refused(tmp_path, capsys, folder):
    push(folder, 20, "model")
    begin = {"launch": "shop", "ramp": (0.1, 1.0), "days": 14, "holdout": 0.02, "planned_variance": None}
    write_state(folder, begin_state(begin, 10, 20, 100))
    status, output = call(tmp_path, capsys, "start", "--version", "20")

    assert status == 1 and "got shop-20" in output and "pipeline stop" in output


def test_a_torn_state_is_said_and_put_aside_by_stop(tmp_path, capsys, folder):
    push(folder, 20, "model")
    push(find_control(folder), 10, "rules")
    (folder / experiment_state.FILE).write_text("{")

    assert "torn" in call(tmp_path, capsys, "experiment")[1]
    assert "torn" in call(tmp_path, capsys, "start", "--version", "20")[1]
    assert call(tmp_path, capsys, "stop")[0] == 0
    assert (versions.find_served(folder).folder / versions.MODEL_FILE).read_text() == "rules"
    assert read_state(folder) == experiment_state.Found(None)


def test_without_a_declared_experiment_start_says_how_to_declare_one(tmp_path, capsys, folder, monkeypatch):
    monkeypatch.setattr(launches, "load", lambda name: shop.LAUNCH)

    assert "launch.experiment is not declared" in call(tmp_path, capsys, "experiment")[1]
    assert "experiment=Experiment" in call(tmp_path, capsys, "start", "--version", "20")[1]


def test_the_plan_reads_the_log_and_names_the_days(tmp_path, capsys, folder):
    rows = ["user_id,item_id,timestamp,event,request_id,position,policy,propensity,model_version,device,country"]
    for number in range(400):
        common = f"u{number % 200},i1,{1_790_000_000_000 + number * 1_000_000}"
        rest = f"r{number},0,rules,1.0,10,mobile,DE"
        rows.append(f"{common},impression,{rest}")
        if number % 3 == 0:
            rows.append(f"{common},click,{rest}")
    log = tmp_path / "log.csv"
    log.write_text("\n".join(rows) + "\n")
    status, output = call(tmp_path, capsys, "plan", "--log", str(log))

    assert status == 0, output
    assert "200  +" in output and "To see +3.0% takes more than the 5 days of the log" in output


def test_the_plans_objective_is_the_declared_one_or_the_first():
    assert choose_experiment(DECLARED, None) == DECLARED.experiment
    assert choose_experiment(shop.LAUNCH, None) == Experiment("click")
    assert choose_experiment(DECLARED, "purchase") == Experiment("purchase")
