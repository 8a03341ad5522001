import pytest

from components.evaluation.launch_action import choose, merge
from components.registry.experiment_state import Look

BEGIN = {"launch": "shop", "ramp": [0.02, 1.0], "days": 14, "holdout": 0.02, "planned_variance": 0.001}
NOTHING = {
    "experiment": None, "problem": "", "finished": [], "missing": [], "holdout": None, "decision": None, "looks": [],
    "begin": BEGIN, "days_to_see": 23, "effect": 0.03, "plan": [],
}  # fmt: skip


def running(kind, **more):
    decision = {"kind": kind, "headline": f"{kind} headline", "details": ["detail."]}
    state = {"id": "shop-20", "phase": "ramp"}
    return NOTHING | {"experiment": state, "decision": decision, "looks": [{"information": 5.0, "share": 0.1}]} | more


HOLDOUT = NOTHING | {
    "experiment": {"id": "shop-20", "phase": "holdout"},
    "holdout": {"gain": 0.05, "low": 0.01, "high": 0.09},
}


@pytest.mark.parametrize(
    ("winner", "served", "outcome", "kind", "pushes"),
    [
        ("model", None, NOTHING, "start", True),
        ("model", "rules", NOTHING, "start", True),
        ("model", "model", NOTHING, "push", True),
        ("rules", None, NOTHING, "push", True),
        ("champion", "rules", NOTHING, "keep", False),
        ("model", "rules", NOTHING | {"finished": [["shop-20", "harm"]]}, "candidate", True),
        ("model", "rules", NOTHING | {"problem": "experiment.json is torn"}, "candidate", True),
        ("rules", None, NOTHING | {"problem": "experiment.json is torn"}, "push", True),
        ("model", "model", HOLDOUT, "push", True),
        ("champion", "model", HOLDOUT, "keep", False),
        ("model", "model", running("wait"), "wait", False),
        ("rules", "model", running("ramp"), "ramp", False),
        ("champion", "model", running("harm"), "harm", False),
        ("model", None, running("void", missing=[["treatment", 20]]), "start", True),
        ("champion", None, running("void", missing=[["treatment", 20]]), "void", False),
        ("model", None, running("void", missing=[["control", 10]]), "void", False),
    ],
)
def test_what_the_run_does(winner, served, outcome, kind, pushes):
    choice = choose(winner, served, outcome)

    assert (choice.action.kind, choice.pushes) == (kind, pushes)


def test_a_start_carries_what_the_state_needs():
    action = choose("model", "rules", NOTHING).action

    assert action.begin == BEGIN
    assert choose("model", "rules", NOTHING | {"finished": [["shop-9", "unfinished"]]}).action.kind == "start"


def test_a_decision_carries_the_experiment_and_its_looks():
    action = choose("model", "model", running("ramp")).action

    assert action.experiment == "shop-20" and action.looks == (Look(5.0, 0.1),)


def test_the_words_of_what_decided_come_first_and_the_others_stay():
    verdict = {"outcome": "model", "headline": "Model pushed.", "reasons": ["+5%."], "advice": "Watch."}

    ours = merge(verdict, choose("model", "model", running("harm")))
    assert ours["headline"] == "harm headline" and ours["action"] == "harm"
    assert ours["reasons"] == ["detail.", "Offline verdict: the model wins.", "+5%."]
    assert merge(verdict, None) == verdict
    held = merge(verdict, choose("model", "model", HOLDOUT))
    assert held["headline"] == verdict["headline"]
    assert held["reasons"][0] == "+5%.", "what decided this push"
    assert held["reasons"][1] == "On users the model is worth +5.0% today, against the holdout (95% CI +1.0% to +9.0%)."
