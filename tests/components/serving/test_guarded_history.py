"""Stores that are down, hang, are slow or were restarted, behind the guard."""

import dataclasses
import threading
import time

import numpy as np
import pytest

from components.serving.guarded_history import CLOSED, OPEN, Breaker, GuardedHistories, HistoryUnavailable

BREAKER = Breaker(deadline=0.05, failures=3, pause=0.05, longest_pause=0.1, probe_seconds=0.2, workers=4)


class World:
    """Where the store lives: what is done here happens to every store that was opened."""

    def __init__(self):
        self.down, self.seconds, self.hang, self.opened, self.told = False, 0.0, None, 0, []

    def open(self):
        if self.down:
            raise ConnectionError("refused")
        self.opened += 1
        return Store(self)


class Store:
    def __init__(self, world):
        self.world, self.dead = world, False

    def get(self, users):
        if self.world.hang:
            self.world.hang.wait()
        time.sleep(self.world.seconds)
        if self.world.down or self.dead:
            self.dead = True  # as a connection that is not opened again
            raise ConnectionError("gone")
        return [[b"item", user] for user in users]

    def add(self, user, item):
        self.world.told.append((user, item))


@pytest.fixture
def world():
    return World()


def ask(guard, count=1):
    """What each of some requests got, and its seconds."""
    answers = []
    for _ in range(count):
        began = time.perf_counter()
        try:
            answer = guard.get([b"u"])
        except (HistoryUnavailable, ConnectionError) as error:
            answer = error
        answers.append((answer, time.perf_counter() - began))
    return answers


def eventually(condition, seconds=3.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_a_store_that_works_answers_through_the_guard(world):
    guard = GuardedHistories(world.open, BREAKER)
    assert guard.get([b"a", b"b"]) == [[b"item", b"a"], [b"item", b"b"]]
    guard.add(b"a", b"x")
    assert world.told == [(b"a", b"x")] and (guard.state, guard.failed, world.opened) == (CLOSED, 0, 1)


def test_a_store_that_does_not_work_at_the_start_is_told_at_the_start(world):
    world.down = True
    with pytest.raises(ConnectionError):
        GuardedHistories(world.open, BREAKER)


def test_a_store_that_hangs_costs_the_deadline_and_soon_nothing(world):
    guard = GuardedHistories(world.open, BREAKER)
    world.hang = threading.Event()
    answers = ask(guard, 30)
    assert all(isinstance(answer, HistoryUnavailable) for answer, _ in answers)
    assert guard.state == OPEN and guard.failed == 30
    seconds = [spent for _, spent in answers]
    assert max(seconds[:3]) < 5 and np.median(seconds) < 0.005  # it hangs for ever; a busy machine wakes late
    world.hang.set()


def test_a_slow_store_is_not_waited_for(world):
    guard = GuardedHistories(world.open, BREAKER)
    world.seconds = 4.0
    (answer, spent), *_ = ask(guard)
    assert isinstance(answer, HistoryUnavailable) and "50 ms" in str(answer) and spent < 3


def test_two_failures_are_no_reason_to_give_up_and_an_answer_forgives_them(world):
    # Far apart and with a thread for each, as a busy machine wakes late.
    guard = GuardedHistories(world.open, dataclasses.replace(BREAKER, deadline=0.3, workers=8))
    for _ in range(3):
        world.seconds = 3.0
        ask(guard, 2)
        world.seconds = 0.0
        assert ask(guard)[0][0] == [[b"item", b"u"]]
    assert guard.state == CLOSED and guard.failed == 6


def test_a_restarted_store_is_opened_anew(world):
    """As Feast's on Postgres, which never drops the dead connection."""
    guard = GuardedHistories(world.open, BREAKER)
    world.down = True
    ask(guard, 5)
    assert guard.state == OPEN
    world.down = False
    assert eventually(lambda: ask(guard)[0][0] == [[b"item", b"u"]])
    assert guard.state == CLOSED and world.opened == 2


def test_the_guard_tells_why_a_store_is_not_asked_and_finds_out_without_requests_that_it_is_back(world):
    guard = GuardedHistories(world.open, BREAKER)
    world.down = True
    ask(guard, 2)
    assert guard.problem == ""  # too few failures
    ask(guard)
    assert guard.problem == "ConnectionError"
    world.down = False
    assert eventually(lambda: guard.problem == "") and guard.state == CLOSED


def test_events_wait_for_a_store_that_is_gone_and_are_told_once(world):
    guard = GuardedHistories(world.open, BREAKER)
    world.down = True
    ask(guard, 5)
    for item in (b"x", b"y"):
        guard.add(b"u", item)
    assert world.told == []
    world.down = False
    assert eventually(lambda: ask(guard)[0][0] == [[b"item", b"u"]])
    assert world.told == [(b"u", b"x"), (b"u", b"y")]


def test_a_store_that_is_opened_anew_takes_over_from_the_old_one(world):
    adopted = []
    Adopting = type("Adopting", (Store,), {"adopt": lambda self, other: adopted.append(other)})
    stores = []
    guard = GuardedHistories(lambda: stores.append(Adopting(world)) or stores[-1], BREAKER)
    world.down = True
    ask(guard, 5)
    world.down = False
    assert eventually(lambda: ask(guard)[0][0] == [[b"item", b"u"]])
    assert adopted == [stores[0]]


def test_a_store_that_hangs_while_it_is_opened_anew_is_tried_again(world):
    guard = GuardedHistories(world.open, BREAKER)
    world.hang = threading.Event()
    ask(guard, 3)
    assert eventually(lambda: ask(guard) and world.opened >= 2)
    hung, world.hang = world.hang, None
    assert eventually(lambda: ask(guard)[0][0] == [[b"item", b"u"]])
    hung.set()


def test_more_requests_than_connections_fail_at_once(world):
    guard = GuardedHistories(world.open, Breaker(deadline=1.0, failures=100, workers=2))
    world.hang = threading.Event()
    waiting = [threading.Thread(target=ask, args=(guard,)) for _ in range(2)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    (answer, spent), *_ = ask(guard)
    assert isinstance(answer, HistoryUnavailable) and spent < 0.5
    world.hang.set()
    for thread in waiting:
        thread.join()
    world.hang = None
    assert ask(guard)[0][0] == [[b"item", b"u"]]
