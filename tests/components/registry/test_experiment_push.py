import dataclasses
import math

import pytest

from components.registry import experiment_state, versions
from components.registry.experiment_push import (
    CANDIDATE,
    PUSH,
    START,
    Action,
    apply_decision,
    begin_state,
    move_state,
    push_winner,
)
from components.registry.experiment_state import Found, Look, find_control, read_state, write_state

BEGIN = {"launch": "shop", "ramp": (0.1, 1.0), "days": 14, "holdout": 0.02, "planned_variance": None}
STATE = begin_state(BEGIN, control=10, treatment=20, now=100)
LOOKS = (Look(5.0, 0.1),)
STARTED = Action(START, begin=BEGIN)


def save(folder, text):
    folder.mkdir(parents=True)
    (folder / versions.MODEL_FILE).write_text(text)
    return folder


def push(tmp_path, action=STARTED, control=True, number=50):
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    rules = save(tmp_path / f"rules-{number}", "rules") if control else None
    return folder, push_winner(folder, save(folder / ".pushing-1" / str(number), "model"), rules, action, now=100)


def live(folder):
    return {version.number: (version.folder / versions.MODEL_FILE).read_text() for version in versions.find_all(folder)}


def test_an_action_survives_its_json():
    for action in (Action(START, begin=BEGIN), Action("wait", "shop-20", LOOKS), Action(PUSH)):
        again = Action.from_json(action.to_json())
        assert dataclasses.replace(again, begin=None) == dataclasses.replace(action, begin=None)
        assert again.begin is None or begin_state(again.begin, 10, 20, 100) == STATE


@pytest.mark.parametrize("kind", ["wait", "ramp", "won", "void"])
def test_the_looks_of_a_run_are_kept(kind):
    assert move_state(STATE, kind, LOOKS, 105).looks == LOOKS


def test_a_ramp_begins_the_next_stage_now_and_never_before_the_last():
    assert move_state(STATE, "ramp", LOOKS, 105).began == (100, 105)
    assert move_state(STATE, "ramp", LOOKS, 95).began == (100, 100)


def test_a_win_becomes_the_holdout_and_stays():
    held = move_state(STATE, "won", LOOKS, 105)

    assert held.phase == "holdout" and move_state(held, "harm", LOOKS, 109) == held


def test_a_start_writes_control_state_and_treatment(tmp_path):
    folder, number = push(tmp_path)
    state = read_state(folder).state

    assert live(folder) == {number: "model"} and live(find_control(folder)) == {state.control: "rules"}
    assert state == dataclasses.replace(
        STATE, id=f"shop-{number}", treatment=number, control=number - 1, others=number - 1
    )
    assert state.planned_variance == math.inf


def test_a_plain_push_without_a_declared_experiment_writes_one_version(tmp_path):
    folder, number = push(tmp_path, Action(PUSH), control=False)

    assert number == 50 and live(folder) == {50: "model"} and not find_control(folder).exists()
    assert read_state(folder) == Found(None)


def test_a_candidate_is_kept_and_not_served(tmp_path):
    folder, number = push(tmp_path, Action(CANDIDATE))

    assert versions.find_served(folder) is None
    assert [(version.number, version.state) for version in versions.find_all(folder)] == [(number, "withdrawn")]


def test_a_run_that_was_killed_between_state_and_push_is_started_over(tmp_path):
    folder = tmp_path / "shop"
    write_state(folder, STATE)

    _, number = push(tmp_path)

    assert read_state(folder).state.treatment == number and number in live(folder)
    assert experiment_state.list_finished(folder) == [("shop-20", "unfinished")]


@pytest.mark.parametrize("kind", ["harm", "ended"])
def test_an_end_lets_the_control_serve_everybody(tmp_path, kind):
    folder, number = push(tmp_path)
    message = apply_decision(folder, Action(kind, f"shop-{number}", LOOKS), now=200)

    assert versions.find_served(folder).number == number + 1 and live(folder)[number + 1] == "rules"
    assert {version.number: version.state for version in versions.find_all(folder)}[number] == "withdrawn"
    assert read_state(folder) == Found(None) and experiment_state.list_finished(folder) == [(f"shop-{number}", kind)]
    assert "control serves everybody" in message


@pytest.mark.parametrize("killed_after", ["publish_copy", "finish_state"])
def test_an_end_that_was_killed_is_finished_by_the_next_run(tmp_path, monkeypatch, killed_after):
    from components.registry import experiment_push

    folder, number = push(tmp_path)
    action = Action("harm", f"shop-{number}", LOOKS)
    owner = experiment_push if killed_after == "publish_copy" else experiment_state
    original = getattr(owner, killed_after)

    def die(*arguments):
        original(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, killed_after, die)
    with pytest.raises(KeyboardInterrupt):
        apply_decision(folder, action, now=200)
    monkeypatch.undo()
    apply_decision(folder, action, now=300)

    assert live(folder)[versions.find_served(folder).number] == "rules"
    assert sum(text == "rules" for text in live(folder).values()) == 1
    assert read_state(folder) == Found(None)


def test_a_decision_about_another_experiment_does_nothing(tmp_path):
    folder, number = push(tmp_path)
    before = read_state(folder)

    assert apply_decision(folder, Action("harm", "shop-1", LOOKS), now=200).startswith("nothing")
    assert read_state(folder) == before and versions.find_served(folder).number == number


def test_waiting_writes_the_looks_once(tmp_path):
    folder, number = push(tmp_path)
    action = Action("wait", f"shop-{number}", LOOKS)
    apply_decision(folder, action, now=200)
    written = (folder / experiment_state.FILE).stat().st_mtime_ns
    apply_decision(folder, action, now=300)

    assert read_state(folder).state.looks == LOOKS
    assert (folder / experiment_state.FILE).stat().st_mtime_ns == written


def test_the_treatment_is_never_numbered_like_the_control(tmp_path):
    folder, first = push(tmp_path, Action(PUSH))
    _, second = push(tmp_path, Action(PUSH), number=51)

    assert second > first and not set(live(folder)) & set(live(find_control(folder)))
