"""Beam's own local job server and worker pool, each a process of its own: what Flink's and Spark's job servers are to a step, on one machine."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


class Servers:
    """Where they listen; `log` is what the job server has written."""

    def __init__(self, folder, jobs, workers):
        self.jobs, self.workers, self._folder = f"localhost:{jobs}", f"localhost:{workers}", folder

    @property
    def log(self):
        return (self._folder / "jobs.log").read_text()

    def here(self, arguments):
        """Options of a cluster's profile, with these addresses instead of the cluster's."""
        addresses = {"--job_endpoint": self.jobs, "--artifact_endpoint": "", "--environment_config": self.workers}
        split = [argument.partition("=") for argument in arguments]
        return [f"{name}={addresses.get(name, value)}" for name, _, value in split if addresses.get(name, value)]


@contextlib.contextmanager
def servers(folder):
    """Both of them, until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs, workers = free_port(), free_port()
    runners = "apache_beam.runners"
    with (
        process(
            folder / "jobs.log",
            f"{runners}.portability.local_job_service_main",
            f"--port={jobs}",
            f"--staging_dir={folder / 'staged'}",
        ),
        process(folder / "workers.log", f"{runners}.worker.worker_pool_main", f"--service_port={workers}"),
    ):
        for port in (jobs, workers):
            wait_for(port, folder)
        yield Servers(folder, jobs, workers)


@contextlib.contextmanager
def process(log, module, *arguments):
    # The pool starts its workers as `python`, and they import our code.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    with log.open("w") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(20)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def wait_for(port, folder):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.2)
    raise AssertionError(
        f"nothing listens at {port}: {[(path.name, path.read_text()[-500:]) for path in folder.glob('*.log')]}"
    )
