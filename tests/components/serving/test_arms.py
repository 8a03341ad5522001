import dataclasses
import json

import pytest
from small_server import LAUNCH, SmallModel, push, serving

from components.declaration import Experiment
from components.experiment.assignment import assign_user, hold_out_user
from components.registry.experiment_push import begin_state, move_state
from components.registry.experiment_state import FILE, find_control, finish_state, write_state
from components.serving.arms import CONTROL, HOLDOUT, OUTSIDE, TREATMENT, Arms
from components.serving.model_holder import ModelHolder
from components.serving.predict_request import Limits
from components.serving.prometheus_metrics import Metrics
from components.serving.service import Service

RULES, MODEL = 10, 20
BEGIN = {"launch": "toy", "ramp": (0.4, 1.0), "days": 14, "holdout": 0.2, "planned_variance": None}
STATE = begin_state(BEGIN, RULES, MODEL, now=100)
USERS = [f"u{number}" for number in range(200)]
DECLARED = dataclasses.replace(LAUNCH, experiment=Experiment("click"))


def small(version):
    model = SmallModel(version.number)
    model.card = {"kind": "rules" if version.number in (RULES, RULES + 1) else "model"}
    return model


@pytest.fixture
def folder(tmp_path):
    push(tmp_path / "toy", MODEL)
    push(find_control(tmp_path / "toy"), RULES)
    return tmp_path / "toy"


def make_arms(folder):
    arms = Arms(ModelHolder(folder, small), ModelHolder(find_control(folder), small))
    arms.served.check()
    arms.control.check()
    arms.check()
    return arms


def chosen(arms):
    return {user: (arm, holder.number) for user, (arm, holder) in ((user, arms.choose(user)) for user in USERS)}


def test_without_an_experiment_the_served_version_answers_everybody(folder):
    assert set(chosen(make_arms(folder)).values()) == {(OUTSIDE, MODEL)}


def test_users_are_served_as_they_are_assigned(folder):
    write_state(folder, STATE)
    expected = {-1: (OUTSIDE, RULES), 0: (CONTROL, RULES), 1: (TREATMENT, MODEL)}

    assert chosen(make_arms(folder)) == {user: expected[assign_user("toy-20", 0.4, user)] for user in USERS}
    assert make_arms(folder).choose("")[1].number == RULES


def test_where_the_model_served_before_it_serves_those_outside(folder):
    write_state(folder, dataclasses.replace(STATE, others=MODEL))
    arms = make_arms(folder)

    assert {pair for user, pair in chosen(arms).items() if assign_user("toy-20", 0.4, user) < 0} == {(OUTSIDE, MODEL)}
    assert arms.choose("")[1].number == RULES


def test_the_state_is_followed_without_a_restart(folder):
    arms = make_arms(folder)
    write_state(folder, STATE)
    assert arms.check() and not arms.check()
    treated = {user for user, (arm, _) in chosen(arms).items() if arm == TREATMENT}
    write_state(folder, move_state(STATE, "ramp", (), 200))
    assert arms.check()
    assert treated < {user for user, (arm, _) in chosen(arms).items() if arm == TREATMENT}
    finish_state(folder, "stopped")
    assert arms.check() and set(chosen(arms).values()) == {(OUTSIDE, MODEL)}


def test_after_a_win_the_holdout_keeps_the_rules(folder):
    write_state(folder, move_state(STATE, "won", (), 200))
    expected = {True: (HOLDOUT, RULES), False: (OUTSIDE, MODEL)}

    assert chosen(make_arms(folder)) == {user: expected[hold_out_user("toy", 0.2, user)] for user in USERS}


@pytest.mark.parametrize("content", ["", "{", '{"format": "other"}'])
def test_a_torn_or_foreign_state_gives_the_control_to_everybody(folder, content):
    (folder / FILE).write_text(content)

    assert set(chosen(make_arms(folder)).values()) == {(OUTSIDE, RULES)}


def test_until_the_treatment_is_held_its_users_get_the_control(folder):
    write_state(folder, dataclasses.replace(STATE, id="toy-21", treatment=21))
    arms = make_arms(folder)

    assert {number for _, number in chosen(arms).values()} == {RULES}
    push(folder, 21)
    arms.served.check()
    assert {number for arm, number in chosen(arms).values() if arm == TREATMENT} == {21}


class Collected:
    """A log in memory."""

    dropped = problem = written = 0

    def __init__(self):
        self.rows = []

    def add(self, rows):
        self.rows += [dict(row) for row in rows]


def test_over_http_each_user_gets_its_arm_and_the_log_says_who_answered(folder):
    write_state(folder, STATE)
    arms, log = make_arms(folder), Collected()
    answering = Service(DECLARED, arms.served, log, Metrics(), Limits(), arms=arms)
    expected = {user: MODEL if assign_user("toy-20", 0.4, user) == 1 else RULES for user in USERS}

    with serving(answering) as client:
        status, answer = client.predict({"instances": [{"user_id": user} for user in USERS]})
        single = {user: client.predict({"instances": [{"user_id": user}]})[1] for user in USERS[:20]}
        text = client.ask("GET", "/metrics")[1]

    assert status == 200 and len(answer["predictions"]) == len(USERS)
    assert answer["model_versions"] == [str(expected[user]) for user in USERS]
    assert {user: one["model_version"] for user, one in single.items()} == {
        user: str(expected[user]) for user in single
    }
    logged = {(row["user"], row["version"], row["policy"]) for row in log.rows}
    assert logged == {(user, str(number), "rules" if number == RULES else "model") for user, number in expected.items()}
    requests = {row["request"]: row["user"] for row in log.rows}
    assert [requests[request] for request in answer["request_ids"]] == USERS
    treated = answer["arms"].count(TREATMENT) + [one["arms"] for one in single.values()].count([TREATMENT])
    assert f'dayone_arm_requests_total{{arm="treatment"}} {float(treated)}' in text


def test_other_signatures_and_named_versions_are_asked_of_the_served_version(folder):
    write_state(folder, STATE)
    arms = make_arms(folder)
    answering = Service(DECLARED, arms.served, None, Metrics(), Limits(), arms=arms)
    body = json.dumps({"signature_name": "embed_items", "instances": ["A"]}).encode()

    assert json.loads(answering.predict(body))["model_version"] == str(MODEL)
    one = json.dumps({"instances": [{"user_id": USERS[0]}]}).encode()
    assert json.loads(answering.predict(one, MODEL))["model_version"] == str(MODEL)


def test_while_nothing_but_the_control_is_pushed_it_answers(tmp_path):
    folder = tmp_path / "toy"
    push(find_control(folder), RULES)
    write_state(folder, STATE)
    arms = make_arms(folder)
    answering = Service(DECLARED, arms.served, None, Metrics(), Limits(), arms=arms)

    answer = json.loads(answering.predict(json.dumps({"instances": [{"user_id": "u1"}]}).encode()))
    assert answer["model_version"] == str(RULES)
