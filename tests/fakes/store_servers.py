"""Real Redis and Postgres on this machine, which can be stopped, made to hang and started again; data outlives that."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from beam_workers import free_port


class Redis:
    """Debian's `redis-server`, or any other on the path.

    Attributes:
      settings: of `online_store` in feature_store.yaml.
    """

    def __init__(self, folder):
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("needs redis-server on the path (Debian's package redis-server)")
        folder.mkdir(parents=True)
        self.port = free_port()
        options = ("--appendonly", "yes", "--save", "", "--dir", folder, "--bind", "127.0.0.1")
        self._command = [program, "--port", str(self.port), *map(str, options)]
        self._log, self._process = folder / "redis.log", None

    @property
    def settings(self):
        return {"type": "redis", "connection_string": f"localhost:{self.port}"}

    def start(self):
        with self._log.open("a") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=subprocess.STDOUT)
        wait_for(("127.0.0.1", self.port))

    def stop(self):
        self._process.kill()
        self._process.wait()

    def hang(self):
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)


class Postgres:
    """The one of the package `pgserver`, on a socket of the file system."""

    def __init__(self, folder):
        pgserver = pytest.importorskip("pgserver", reason="the package pgserver is not installed")
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))  # short: a socket's path has 107 bytes at most
        folder.mkdir(parents=True)
        self._server, self._folder = pgserver.get_server(folder, cleanup_mode=None), folder

    @property
    def settings(self):
        host = str(self._server.get_postmaster_info().socket_dir)
        return {
            "type": "postgres",
            "host": host,
            "port": 5432,
            "database": "postgres",
            "db_schema": "public",
            "user": "postgres",
            "password": "none",
        }

    def start(self):
        self._server.ensure_postgres_running()

    def stop(self):
        """Ends it at once, as a crash does: connections break, data are recovered at the next start."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._server.get_pid(), signal.SIGQUIT)
        while (self._folder / "postmaster.pid").exists():
            time.sleep(0.05)

    def hang(self):
        self._signal(signal.SIGSTOP)

    def go_on(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        """Signals the server and its processes, one for each connection."""
        from process_meter import descendants

        for pid in (self._server.get_pid(), *descendants(self._server.get_pid())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextlib.contextmanager
def running(kind, folder):
    store = {"redis": Redis, "postgres": Postgres}[kind](folder / kind)
    store.start()
    try:
        yield store
    finally:
        store.go_on()
        store.stop()


class SlowWire:
    """A port, or a socket of the file system, before a store: what the store answers arrives some seconds later."""

    def __init__(self, inner, outer):
        """Both are addresses as `socket.connect` takes them."""
        self.seconds, self._inner = 0.0, inner
        family = socket.AF_UNIX if isinstance(outer, str) else socket.AF_INET
        self._listening = socket.socket(family)
        self._listening.bind(outer)
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                store = socket.socket(socket.AF_UNIX if isinstance(self._inner, str) else socket.AF_INET)
                store.connect(self._inner)
                threading.Thread(target=self._carry, args=(client, store, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(store, client, True), daemon=True).start()

    def _carry(self, source, target, late):
        with contextlib.suppress(OSError), source, target:
            while part := source.recv(65_536):
                if late:
                    time.sleep(self.seconds)
                target.sendall(part)


def wait_for(address, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(address, 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens at {address}")
