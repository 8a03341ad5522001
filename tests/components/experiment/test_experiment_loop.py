"""The complete loop over HTTP, a run a day: users, two arms, the traffic log, the reading, the decision, the served folders."""

import dataclasses
import time

import pytest
from daily_server import DAY, MODEL, RULES, DailyServer

from components.registry import experiment_state, versions
from components.registry.experiment_state import Found, read_state, write_state


@pytest.fixture
def start():
    return int(time.time()) // DAY * DAY - 40 * DAY


def kinds(outcomes):
    return [outcome["decision"]["kind"] for outcome in outcomes]


def test_a_better_model_wins_and_leaves_a_holdout(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, clicks=(0.3, 0.5))
    outcomes = launch.play()
    first, last = outcomes[0], outcomes[-1]

    assert kinds(outcomes)[0] == "ramp" and kinds(outcomes)[-1] == "won"
    assert first["served_as_assigned"] == last["served_as_assigned"] == 1.0
    assert last["metrics"][0]["low"] < 0.5 / 0.3 - 1 < last["metrics"][0]["high"]
    assert launch.state.phase == "holdout" and versions.find_served(launch.served).number == MODEL
    arms = launch.live()
    assert set(arms) == {"holdout", "outside"}
    held = launch.run()
    assert held["decision"] is None and held["holdout"]["gain"] is not None


def test_an_inverted_model_is_rolled_back_and_the_rules_serve_everybody(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, clicks=(0.5, 0.1), ramp=(0.3, 1.0))
    outcomes = launch.play()

    assert kinds(outcomes) == ["harm"]
    assert "Rolled back" in outcomes[0]["decision"]["headline"]
    assert read_state(launch.served) == Found(None)
    assert experiment_state.list_finished(launch.served) == [("toy-20", "harm")]
    assert versions.find_served(launch.served).number != MODEL
    assert launch.live() == {"outside": 300}
    assert set(launch.chances) == {str(RULES)}


def test_equal_models_end_without_a_winner(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=60)
    outcomes = launch.play(days=20)

    assert kinds(outcomes)[-1] == "ended" and "won" not in kinds(outcomes)
    assert len(outcomes[-1]["looks"]) <= len(outcomes)
    assert versions.find_served(launch.served).number != MODEL


def test_a_version_that_was_deleted_is_void(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=120)
    launch.live()
    versions.find_served(launch.served).folder.rename(tmp_path / "deleted")
    outcome = launch.run()

    assert outcome["decision"]["kind"] == "void" and outcome["missing"] == [("treatment", MODEL)]
    assert any("version 20 of the treatment is gone" in text for text in outcome["decision"]["details"])


def test_a_torn_state_is_a_stated_outcome(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=60)
    (launch.served / experiment_state.FILE).write_text('{"format"')
    launch.live()
    outcome = launch.run()

    assert outcome["decision"] is None and "torn" in outcome["problem"]


def test_the_state_of_another_launch_is_a_stated_outcome(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=60)
    write_state(launch.served, dataclasses.replace(launch.state, launch="other"))
    launch.live()

    assert "of the launch 'other'" in launch.run()["problem"]


def test_without_user_ids_the_rules_answer_and_the_experiment_waits(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=40)
    launch.now -= 2 * DAY
    launch.live()
    launch.users, launch.chances = [""] * 40, {str(RULES): 0.0}  # an action needs a user, else the server refuses it
    launch.model_chance = 1.0
    arms = [launch.live() for _ in range(3)]
    outcome = launch.run()

    assert arms == [{"outside": 40}] * 3
    assert outcome["decision"]["kind"] == "wait" and sum(outcome["progress"]["users"]) == 0
    assert outcome["metrics"][0]["gain"] is None and launch.state.phase == "ramp"


def test_an_arm_that_never_reaches_the_log_is_void(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=120)
    launch.live()
    for file in launch.log.rglob("*.jsonl"):
        rows = file.read_text().splitlines(keepends=True)
        file.write_text("".join(row for row in rows if f'"{MODEL}"' not in row))
    outcome = launch.run()

    assert outcome["decision"]["kind"] == "void" and outcome["sample_ratio"][0]["treatment"] == 0
    assert [metric["gain"] for metric in outcome["metrics"]] == [None], "not to be read, so not written"
    assert launch.state.phase == "ramp" and launch.state.looks == ()


def test_days_before_the_start_are_no_days_of_the_experiment(tmp_path, monkeypatch, start):
    launch = DailyServer(tmp_path, monkeypatch, start, users=120)
    launch.now -= 30 * DAY
    outcomes = launch.play(days=3)

    assert kinds(outcomes) == ["wait"] * 3
    assert [outcome["progress"]["day"] for outcome in outcomes] == [0.0] * 3
