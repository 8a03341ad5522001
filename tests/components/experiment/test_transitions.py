import dataclasses
import math

import pytest
from simulated_experiment import DECLARED, START

from components.experiment.decision import Decision, Metric, Progress
from components.experiment.outcome import Outcome
from components.experiment.state import Look
from components.experiment.transitions import advance, is_final, start

STATE = start("shop", DECLARED, (10, 20), 0.001, START)


def outcome(kind):
    progress = Progress(0, 3, 1.0, 14.0, 1.0, (50, 50), 30)
    metric = Metric("click", None, math.inf, math.inf)
    return Outcome(Decision(kind), progress, metric, (), (), (), None, (Look(5.0, 0.1),))


def test_a_start_enrols_the_first_share_and_serves_the_control_to_others():
    assert STATE.id == "shop-20" and STATE.others == STATE.control == 10 and STATE.share == DECLARED.ramp[0]
    assert STATE.began == (START,) and STATE.phase == "ramp" and STATE.looks == ()


@pytest.mark.parametrize("kind", ["wait", "ramp", "won"])
def test_the_looks_of_a_run_are_kept(kind):
    assert advance(STATE, outcome(kind), START + 5).looks == (Look(5.0, 0.1),)


def test_a_ramp_begins_the_next_stage_now_and_never_before_the_last():
    assert advance(STATE, outcome("ramp"), START + 5).began == (START, START + 5)
    assert advance(STATE, outcome("ramp"), START - 5).began == (START, START)
    assert advance(STATE, outcome("ramp"), START + 5).stage == 1


def test_a_win_becomes_the_holdout_and_stays():
    held = advance(STATE, outcome("won"), START + 5)

    assert held.phase == "holdout"
    assert advance(held, outcome("harm"), START + 9) == held


@pytest.mark.parametrize("kind", ["harm", "ended"])
def test_what_ends_it_leaves_no_state(kind):
    assert advance(STATE, outcome(kind), START + 5) is None and is_final(Decision(kind))


def test_nothing_else_moves_while_it_waits():
    assert dataclasses.replace(advance(STATE, outcome("wait"), START + 5), looks=()) == STATE
