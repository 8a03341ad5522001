"""The local server in a process of its own, and clients that ask it without a pause, for tests and for `bench_serving.py`."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from small_server import Client

PROJECT = Path(__file__).resolve().parents[2]


class ServerProcess:
    """A server process on a workspace; `client` asks it."""

    def __init__(self, workspace, *more, project=PROJECT, launch="shop", program=("-m", "pipeline")):
        command = [
            sys.executable,
            *program,
            "serve",
            "--launch",
            launch,
            "--workspace",
            str(workspace),
            "--port",
            "0",
            *more,
        ]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
        self.errors = (workspace / "stderr.txt").open("ab")
        self.process = subprocess.Popen(
            command, cwd=project, env=environ, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.said = self.process.stdout.readline() + self.process.stdout.readline()
        self.client = Client(int(self.said.split("127.0.0.1:")[1].split("/")[0]))

    def wait_ready(self, version=None, seconds=300):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):  # on a busy machine the import of TensorFlow holds all else up
                answer = self.client.ask("GET", "/readyz")[1]["version"]
                if answer and version in (None, answer):
                    return answer
            time.sleep(0.05)
        raise AssertionError(f"not ready in {seconds} s: {self.client.ask('GET', '/readyz')}")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(30)
        self.process.stdout.close()
        self.errors.close()
        return status


def ask(client, user):
    return client.predict({"instances": [{"user_id": user, "device": "mobile", "country": "NL"}]}, "shop")


class Storm:
    """Clients that ask until it ends; counts answers, failures and versions."""

    def __init__(self, client, clients):
        self.answered, self.failed, self.versions, self._stop = 0, [], set(), threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client, f"u{number}")) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, client, user):
        while not self._stop.is_set():
            try:
                status, answer = ask(client, user)
            except (OSError, http.client.HTTPException) as error:  # killed before or within its answer
                status, answer = 0, error
            if status == 200:
                self.answered += 1
                self.versions.add(answer["model_version"])
            else:
                self.failed.append((status, answer))

    def wait_answered(self, count, seconds=120):
        end = time.monotonic() + seconds
        while self.answered < count:
            assert time.monotonic() < end, f"{self.answered} answers in {seconds} s: {self.failed[:3]}"
            time.sleep(0.01)

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
