"""Feast on a real Redis and a real Postgres: the values of SQLite, and a server that goes on when its store does not."""

import sys
import time

import numpy as np
import pytest
import store_servers

pytestmark = [
    pytest.mark.engines,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    # Feast never closes a connection to Postgres.
    pytest.mark.filterwarnings("ignore:.*BaseConnection.__del__:pytest.PytestUnraisableExceptionWarning"),
]
if sys.version_info < (3, 11):
    pytest.skip("Feast needs Python 3.11: make test-feast", allow_module_level=True)
pytest.importorskip("feast", reason="the extra `feast` is not installed: make test-feast")

import feast_worlds  # noqa: E402

from components.integrations import feast_histories  # noqa: E402
from components.serving.guarded_history import CLOSED, OPEN, Breaker, GuardedHistories  # noqa: E402

USERS = [f"u{number}".encode() for number in range(400)]
BREAKER = Breaker(pause=0.2, longest_pause=0.5)


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(3)
    return feast_worlds.clicks([(user.decode(), f"i{rng.integers(60)}", step) for user in USERS for step in range(12)])


@pytest.fixture(scope="module")
def expected(log, tmp_path_factory):
    """The histories of SQLite, which needs no server."""
    home = tmp_path_factory.mktemp("sqlite")
    feast_worlds.fill(home, log)
    return feast_histories.from_repository(feast_worlds.LAUNCH, home).get(USERS)


@pytest.fixture(params=["redis", "postgres"])
def store(request, tmp_path_factory):
    # Short, for a socket's path has 107 bytes at most.
    with store_servers.running(request.param, tmp_path_factory.mktemp("s")) as running:
        yield running


@pytest.fixture
def home(store, log, tmp_path):
    feast_worlds.fill(tmp_path, log, store.settings)
    return tmp_path


@pytest.fixture
def guard(home):
    return GuardedHistories(lambda: feast_histories.from_repository(feast_worlds.LAUNCH, home), BREAKER)


def ask(guard):
    """The history of a user or None, and the seconds until then."""
    began = time.monotonic()
    try:
        (answer,) = guard.get(USERS[:1])
    except Exception:  # noqa: BLE001
        answer = None
    return answer, time.monotonic() - began


def until_open(guard):
    """Asks until the breaker is open; returns the seconds of the slowest answer."""
    slowest = 0.0
    for _ in range(20):
        answer, seconds = ask(guard)
        slowest = max(slowest, seconds)
        if guard.state == OPEN:
            return slowest
    raise AssertionError(f"the breaker stays closed: {answer}")


def until_back(guard, expected, seconds=15):
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if ask(guard)[0] == expected[0]:
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"the store is not found again: {guard.problem}")


def test_the_values_are_those_of_sqlite(home, expected):
    assert feast_histories.from_repository(feast_worlds.LAUNCH, home).get(USERS) == expected
    assert all(len(history) == 12 for history in expected)


def test_a_store_that_is_gone_costs_the_history_for_a_moment_and_a_restarted_one_is_found(store, guard, expected):
    assert ask(guard)[0] == expected[0]
    store.stop()
    slowest = until_open(guard)
    at_once = [ask(guard)[1] for _ in range(50)]
    store.start()
    back = until_back(guard, expected)
    print(f"gone: slowest {1e3 * slowest:.0f} ms, then {1e3 * max(at_once):.1f} ms; back after {back:.1f} s")
    assert slowest < 0.5 and max(at_once) < 0.05 and guard.state == CLOSED and not guard.problem


def test_a_store_that_hangs_costs_the_deadline_for_a_moment(store, guard, expected):
    store.hang()
    slowest = until_open(guard)
    at_once = [ask(guard)[1] for _ in range(50)]
    store.go_on()
    back = until_back(guard, expected)
    print(f"hung: slowest {1e3 * slowest:.0f} ms, then {1e3 * max(at_once):.1f} ms; back after {back:.1f} s")
    assert slowest < 0.5 and max(at_once) < 0.05 and guard.state == CLOSED
