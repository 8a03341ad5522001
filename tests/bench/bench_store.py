"""What callers get while the store of histories is slow, hangs, is gone or was restarted: `make bench-store`.

The local server answers 16 clients from a made-up model of 1,000 items; their histories are in Feast on a real Redis
and a real Postgres. Each state lasts 10 seconds. "Unguarded" is the same server without the deadline, without the
circuit breaker, and with the clients' own retries.

    make bench-store ARGS="--stores redis --seconds 5"
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / name) for name in ("fakes", "engines"))]

CLIENTS, USERS, ITEMS = 16, 1_000, 1_000
SLOW_SECONDS = 0.2
PATIENCE = 30.0  # seconds until a store that answers again counts as not found
STATES = ("works", "restarted", "gone", "hangs")
GUARDED, UNGUARDED = "guarded", "unguarded"


def prepare(folder):
    """A version for the server, made here because its warm-up requests need the package of TF Serving's API."""
    import bench_serving

    bench_serving.save(folder / "shop" / "serving" / "shop" / "1", ITEMS)


def fill(folder, store):
    """A workspace whose Feast repository is in the store; all users have ten items."""
    import feast_worlds

    rng = np.random.default_rng(5)
    rows = [(f"u{user}", f"{rng.integers(1, ITEMS)}", step) for user in range(USERS) for step in range(10)]
    launch = dataclasses.replace(feast_worlds.LAUNCH, name="shop")
    feast_worlds.fill(folder / "shop", feast_worlds.clicks(rows), store.settings, launch)


def serve_unguarded(arguments):
    """Serves without a deadline and a breaker around the store, and with its client as Feast makes it."""
    from components.integrations import feast_clients
    from pipeline.cli import main
    from pipeline.local import history_choice

    endless = history_choice.Breaker(deadline=3_600, failures=10**9)
    history_choice.Breaker = lambda deadline: endless
    feast_clients.limit = lambda store: None
    return main.main(["serve", *arguments])


@contextlib.contextmanager
def serving(folder, how, port):
    """A server that gives a user's history; yields a function that tells whether it does."""
    module = ["-m", "pipeline", "serve"] if how == GUARDED else [__file__, "--serve-unguarded"]
    options = ["--launch", "shop", "--workspace", folder, "--port", port, "--history", "feast", "--no-log", "--no-demo"]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, *module, *map(str, options)]
    with (folder / f"{how}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        yield Caller(port)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


class Caller:
    """Asks a server for users with histories, and knows the answer for one without."""

    def __init__(self, port):
        self._port, self._without = port, None
        assert until(lambda: self.ask("nobody")[0], 300) is not None, "the server does not start"
        self._without = self.ask("nobody")[2]
        assert self._without and until(lambda: self.ask("u1")[1], 60) is not None, "the server has no history of a user"

    def ask(self, user, connection=None):
        """Whether there was an answer, whether it used a history, and its items."""
        from bench_client import PATH, Connection, message

        try:
            connection = connection or Connection(self._port, b"")
            status, body = connection.send(message(PATH, json.dumps({"instances": [{"user_id": user}]}).encode()))
        except OSError:
            return False, False, None
        items = json.loads(body)["predictions"][0]["item_ids"] if status == 200 else None
        return status == 200, status == 200 and items != self._without, items

    def load(self, seconds):
        """(milliseconds, answered, with history) of every request that clients send in that time, each after the other's answer."""
        found, end = [], time.monotonic() + seconds

        def client(number):
            rng = np.random.default_rng(number)
            while time.monotonic() < end:
                began = time.monotonic()
                answered, known, _ = self.ask(f"u{rng.integers(USERS)}", self._kept(number))
                found.append((1e3 * (time.monotonic() - began), answered, known))
                if not answered:
                    self._connections.pop(number, None)

        self._connections = {}
        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return np.array(found)

    def _kept(self, number):
        from bench_client import Connection

        if number not in self._connections:
            with contextlib.suppress(OSError):
                self._connections[number] = Connection(self._port, b"")
        return self._connections.get(number)


def until(condition, seconds):
    """Waits; returns the seconds it took, or None."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def enter(state, store, wire):
    """Puts the store into a state."""
    if state == "slow":
        wire.seconds = SLOW_SECONDS
    if state == "hangs":
        store.hang()
    if state in ("gone", "restarted"):
        store.stop()
    if state == "restarted":
        store.start()


def leave(state, store, wire):
    wire.seconds = 0.0
    if state == "hangs":
        store.go_on()
    if state == "gone":
        store.start()


def measure(named, state, caller, store, wire, seconds):
    """Prints a row of the table; returns whether the history was found again afterwards."""
    enter(state, store, wire)
    found = caller.load(seconds)
    leave(state, store, wire)
    back = until(lambda: caller.ask("u2")[1], PATIENCE)
    shares = [f"{share:.1%}" for share in found[:, 1:].mean(axis=0)]
    p50, p99 = np.quantile(found[:, 0], (0.5, 0.99))
    ended = "not found again" if back is None else f"{back:.1f} s"
    row = (*named, state, f"{p50:,.1f}", f"{p99:,.1f}", *shares, f"{len(found) / seconds:,.0f}", ended)
    print("| " + " | ".join(row) + " |", flush=True)
    return back is not None


def measure_all(folder, named, states, store, wire, seconds, port):
    """The rows of some states with one server, and a new one after a state from which it does not come back."""
    left = list(states)
    while left:
        with serving(folder, named[1], port) as caller:
            while left and measure(named, left.pop(0), caller, store, wire, seconds):
                pass


@contextlib.contextmanager
def wired(folder, kind, store):
    """A second workspace, whose way to the store can be made slow."""
    import beam_workers
    import store_servers
    import yaml

    from components.integrations.feast_repository import YAML

    copy = folder.with_name("wired")
    shutil.copytree(folder, copy)
    if kind == "redis":
        port = beam_workers.free_port()
        wire = store_servers.SlowWire(("127.0.0.1", store.port), ("127.0.0.1", port))
        changed = {"connection_string": f"localhost:{port}"}
    else:
        (copy / "s").mkdir()
        name = ".s.PGSQL.5432"
        wire = store_servers.SlowWire(f"{store.settings['host']}/{name}", f"{copy / 's'}/{name}")
        changed = {"host": str(copy / "s")}
    file = copy / "shop" / "feast" / YAML
    settings = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(settings | {"online_store": settings["online_store"] | changed}))
    yield copy, wire
    wire.close()


def inside(folder, stores, seconds, port):
    """All rows, in the environment that has Feast."""
    import store_servers

    print("| store | server | state | p50 ms | p99 ms | answered | with history | requests/s | history back after |")
    print("|" + "---|" * 9, flush=True)
    for kind in stores:
        home = folder / kind / "work"
        shutil.copytree(folder / "shop", home / "shop")
        with store_servers.running(kind, folder / f"{kind}-data") as store:
            fill(home, store)
            with wired(home, kind, store) as (slow_home, wire):
                for how in (UNGUARDED, GUARDED):
                    measure_all(home, (kind, how), STATES, store, wire, seconds, port)
                    measure_all(slow_home, (kind, how), ("slow",), store, wire, seconds, port)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stores", nargs="+", default=["redis", "postgres"], choices=("redis", "postgres"))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each state (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8598, help="a free port (default: %(default)s)")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside, options.stores, options.seconds, options.port)
        return
    import feast_environment

    python = feast_environment.make("tensorflow", "tf-keras", "tensorflow-serving-api")
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        given = ("--stores", *options.stores, "--seconds", str(options.seconds), "--port", str(options.port))
        environ = os.environ | {"TF_USE_LEGACY_KERAS": "1"}
        subprocess.run([python, __file__, "--inside", folder, *given], check=True, env=environ)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve-unguarded"]:
        sys.exit(serve_unguarded(sys.argv[2:]))
    main()
