import dataclasses

import numpy as np
import pytest
from simulated_experiment import DECLARED, START, World, advance, make_traffic, play_launch, start_experiment

from components.experiment import outcome as outcomes
from components.experiment.assignment import assign_users, hash_users, split_users
from components.experiment.outcome import DAY, Traffic, assess
from components.registry.experiment_push import move_state


def small_traffic(state):
    users = [f"u{index}" for index in range(400)] + [""]
    user = np.tile(np.arange(401), 3)
    time = np.repeat([START - DAY, START + 60, START + 2 * DAY], 401)
    clicks = np.random.default_rng(0).poisson(0.5, len(user)).astype(float)
    served = np.where(np.append(split_users(state.id, users[:-1]), 0)[user] == 1, state.treatment, state.control)
    return Traffic(users, user, time, {"click": clicks}, served)


def test_a_request_belongs_to_the_stage_and_arm_of_its_time_and_user():
    state = dataclasses.replace(start_experiment("e", DECLARED), stage=1, began=(START, START + DAY))
    traffic = small_traffic(state)
    place = outcomes.enrol(traffic, state)
    drawn = hash_users("e/in", traffic.users)

    assert np.bincount(place.stage + 1).tolist() == [401, 401, 401]
    expected = np.concatenate([np.zeros(401, bool), drawn < 0.1, drawn < 0.4])
    expected[[400, 801, 1202]] = False
    assert np.array_equal(place.member, expected)
    assert np.array_equal(place.arm[:400], assign_users("e", 1.0, traffic.users[:400]))


def test_the_share_served_as_assigned_is_counted():
    state = start_experiment("e", dataclasses.replace(DECLARED, ramp=(1.0,)))
    traffic = small_traffic(state)
    assert outcomes.share_served(traffic, state, outcomes.enrol(traffic, state)) == 1.0

    wrong = dataclasses.replace(traffic, version=np.full(len(traffic.time), state.control))
    treated = np.mean(split_users("e", traffic.users[:400]) == 1)
    assert outcomes.share_served(wrong, state, outcomes.enrol(wrong, state)) == pytest.approx(1 - treated)
    unknown = dataclasses.replace(traffic, version=np.full(len(traffic.time), -1))
    assert outcomes.share_served(unknown, state, outcomes.enrol(unknown, state)) is None


def test_below_the_minimum_of_users_there_is_no_look():
    declared = dataclasses.replace(DECLARED, ramp=(1.0,), min_users=300)
    state = start_experiment("e", declared)
    read = assess(small_traffic(state), state, declared)

    assert read.objective.gain is None and read.looks == () and read.decision.kind == "wait"


def test_every_run_adds_its_look_and_the_same_day_again_adds_none():
    declared = dataclasses.replace(DECLARED, ramp=(1.0,), min_users=50)
    state = start_experiment("e", declared)
    first = assess(small_traffic(state), state, declared)
    again = assess(small_traffic(state), dataclasses.replace(state, looks=first.looks), declared)

    assert len(first.looks) == 1 and again.looks == first.looks
    assert again.objective == first.objective


def test_one_empty_arm_is_void_and_keeps_the_looks():
    declared = dataclasses.replace(DECLARED, ramp=(1.0,))
    state = start_experiment("e", declared)
    traffic = small_traffic(state)
    kept = split_users("e", traffic.users)[traffic.user] == 0
    lost = Traffic(
        traffic.users,
        traffic.user[kept],
        traffic.time[kept],
        {"click": traffic.actions["click"][kept]},
        traffic.version[kept],
    )
    read = assess(lost, state, declared)

    assert read.decision.kind == "void" and "p = " in read.decision.cause[0] and read.looks == ()


def test_a_log_without_users_or_without_rows_since_the_start_waits():
    state = start_experiment("e", DECLARED)
    anonymous = Traffic([""], np.zeros(50, int), np.full(50, START + DAY), {"click": np.ones(50)}, np.full(50, 10))
    none = Traffic([], np.zeros(0, int), np.zeros(0, int), {"click": np.zeros(0)}, np.zeros(0, int))

    assert assess(anonymous, state, DECLARED).decision.kind == "wait"
    assert assess(none, state, DECLARED).decision.kind == "wait"


def test_a_clock_that_went_back_waits_instead_of_ramping():
    state = dataclasses.replace(start_experiment("e", DECLARED), began=(START + 30 * DAY,))
    read = assess(small_traffic(state), state, DECLARED)

    assert read.decision.kind == "wait" and read.progress.day == 0


def test_a_good_model_ramps_and_wins_and_an_inverted_one_is_rolled_back():
    won, state, _ = play_launch(World(1), DECLARED, 0.6, "good")
    harmed, stopped, treated = play_launch(World(2), DECLARED, -0.6, "inverted")

    assert won.decision.kind == "won" and state.stage == 2
    low, high = won.objective.gain.bounds(won.objective.boundary)
    assert low < 0.6 < high
    assert harmed.decision.kind == "harm" and harmed.decision.cause == ("click",)
    assert treated < 0.25 and stopped.stage < 2


def test_rows_lost_in_one_arm_are_void_not_a_win():
    def lose(arm):
        return (arm == 1) & (np.arange(len(arm)) % 3 == 0)

    read, _, _ = play_launch(World(3, users=4000), dataclasses.replace(DECLARED, ramp=(1.0,)), 0.0, "lost", lost=lose)

    assert read.decision.kind == "void"


def test_the_holdout_is_read_from_the_win_on():
    world, stage = World(4, users=4000), dataclasses.replace(start_experiment("e", DECLARED), holdout=0.3, ramp=(1.0,))
    state = move_state(stage, "won", (), START + 14 * DAY)
    held, arm = hash_users("sim/hold", world.ids) < 0.3, assign_users("e", 1.0, world.ids)
    days = []
    for day in range(28):
        treated = arm == 1 if day < 14 else ~held
        played = world.play_day(np.where(treated, 1.2, 1.0))
        days.append((START + day * DAY + 60, *played, np.where(treated, 20, 10)))
    gain = outcomes.read_holdout(make_traffic(world, days), state, "click")
    low, high = gain.bounds(1.96)
    since_the_stage = outcomes.read_holdout(
        make_traffic(world, days), dataclasses.replace(state, began=(START, START)), "click"
    )

    assert low < 0.2 < high and gain.z > 1.96
    assert since_the_stage.relative < 0.7 * gain.relative, "half of each group had the model until then"


def test_the_next_state_keeps_looks_and_moves_the_stage():
    state = start_experiment("e", dataclasses.replace(DECLARED, min_users=2))
    read = assess(small_traffic(state), state, dataclasses.replace(DECLARED, min_users=2))
    moved = advance(state, read, START + 3 * DAY)

    assert read.decision.kind == "ramp"
    assert moved.stage == 1 and moved.began == (START, START + 3 * DAY) and moved.looks == read.looks
