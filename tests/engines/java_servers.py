"""Beam's job servers on a real Flink and a real Spark, from Maven's jars, each server a process of its own on this machine.

Flink is a session cluster: a job manager and a task manager of two slots, with Beam's jars on their class path, as
the overlay `beam-flink` has them. Spark's job server brings Spark itself, with two cores, as in `beam-spark`.
"""

import contextlib
import functools
import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import NamedTuple

import beam_workers
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
JARS = ROOT / "build" / "engines"
SLOTS = 2
BEAM = "2.62.0"
FLINK = {"flink": f"org.apache.beam:beam-runners-flink-1.19:{BEAM}", "log": "org.slf4j:slf4j-simple:1.7.36"}
SPARK = {
    "beam": f"org.apache.beam:beam-runners-spark-3:{BEAM}",
    "core": "org.apache.spark:spark-core_2.12:3.5.0",
    "streaming": "org.apache.spark:spark-streaming_2.12:3.5.0",
    "sql": "org.apache.spark:spark-sql_2.12:3.5.0",
}
# What Java 17 keeps closed, and Flink, Spark and their serialisers open.
OPENED = (
    *(
        "java.lang",
        "java.lang.invoke",
        "java.lang.reflect",
        "java.io",
        "java.net",
        "java.nio",
        "java.text",
        "java.time",
    ),
    *("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs"),
    *("sun.security.action", "sun.util.calendar"),
)
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>{name}</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>
"""


def fetch_jars(name, artifacts):
    """Returns the folder with some artifacts of Maven's and what they need; skips the test where they are not to be had."""
    folder = JARS / name
    if not shutil.which("mvn") or not shutil.which("java"):
        pytest.skip("needs java and mvn")
    folder.mkdir(parents=True, exist_ok=True)
    parts = [coordinates.split(":") for coordinates in artifacts.values()]
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        for group, artifact, version in parts
    )
    (folder / "pom.xml").write_text(_POM.format(name=name, dependencies=dependencies))
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1_200)
    if done.returncode:
        pytest.skip(f"Maven could not fetch the jars: {done.stdout.strip()[:300]}")
    return folder / "lib"


def java(jars, main, *arguments, options=()):
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", "-cp", f"{jars}/*", quiet, *opened, *options, main, *map(str, arguments)]


@contextlib.contextmanager
def running(log, command):
    """A process until the end of the block; its output goes to a file."""
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            end(process)


def end(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)


def job_server_ports(folder):
    ports = {name: beam_workers.free_port() for name in ("job", "artifact", "expansion")}
    staged = (f"--artifacts-dir={folder / 'staged'}", "--job-host=localhost")
    return ports, [*staged, *(f"--{name}-port={port}" for name, port in ports.items())]


@contextlib.contextmanager
def with_workers(folder, ports, slots=SLOTS):
    """Waits for the job server, starts a pool of Python workers, and yields where both are."""
    pool = beam_workers.free_port()
    arguments = ("apache_beam.runners.worker.worker_pool_main", f"--service_port={pool}")
    with beam_workers.process(folder / "pool.log", *arguments):
        for port in (ports["job"], ports["artifact"], pool):
            beam_workers.wait_for(port, folder)
        yield {
            "--job_endpoint": f"localhost:{ports['job']}",
            "--artifact_endpoint": f"localhost:{ports['artifact']}",
            "--environment_config": f"localhost:{pool}",
            "--parallelism": slots,
            "--sdk_worker_parallelism": slots,
        }


class Flink:
    """A session cluster: a job manager, and a task manager that can be killed and replaced.

    Attributes:
      addresses: the options by which a step reaches its job server and its Python workers.
      task_manager, job_server: their processes; the second one is Beam's.
    """

    def __init__(self, folder, jars, port, addresses, job_server):
        self.addresses, self.task_manager = addresses | {"--flink_master": f"localhost:{port}"}, None
        self.job_server = job_server
        self._folder, self._jars, self._port = folder, jars, port

    def start_task_manager(self):
        """Starts one with the properties of the overlay, in place of one that is gone."""
        runner = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        options = ("--configDir", self._folder, *self._sizes["dynamic"])
        log = self._folder / f"task_manager_{len(list(self._folder.glob('task_manager_*')))}.log"
        with log.open("w") as out:
            self.task_manager = subprocess.Popen(
                java(self._jars, runner, *options, options=self._sizes["heap"]), stdout=out, stderr=subprocess.STDOUT
            )

    def jobs(self):
        """What Flink tells of its jobs, the newest first."""
        with urllib.request.urlopen(f"http://localhost:{self._port}/jobs/overview", timeout=10) as answer:
            return sorted(json.load(answer)["jobs"], key=lambda job: -job["start-time"])

    def states(self):
        return [job["state"] for job in self.jobs()]

    @functools.cached_property
    def _sizes(self):
        """The JVM's options and Flink's own, which Flink computes from the memory that it is given."""
        program = ("org.apache.flink.runtime.util.bash.BashJavaUtils", "GET_TM_RESOURCE_PARAMS", "-c", self._folder)
        done = subprocess.run(java(self._jars, *program), capture_output=True, text=True, check=True, timeout=120)
        heap, dynamic = re.findall(r"^BASH_JAVA_UTILS_EXEC_RESULT:(.*)$", done.stdout, re.MULTILINE)
        return {"heap": heap.split(), "dynamic": dynamic.split()}


@contextlib.contextmanager
def flink(folder, memory="1600m", slots=SLOTS):
    """The task manager has the properties of the overlay, with the memory of a laptop, and that many slots."""
    jars, folder = fetch_jars("flink", FLINK), folder / "flink"
    folder.mkdir()
    rpc, rest = beam_workers.free_port(), beam_workers.free_port()
    own = {"jobmanager.rpc.address": "localhost", "jobmanager.rpc.port": rpc, "rest.port": rest}
    own["taskmanager.numberOfTaskSlots"] = slots
    sizes = {"jobmanager.memory.process.size": "1200m", "taskmanager.memory.process.size": memory}
    (folder / "config.yaml").write_text(yaml.safe_dump(overlay_properties() | own | sizes))
    session, ports = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", job_server_ports(folder)
    manager = java(jars, session, "--configDir", folder, options=["-Xmx600m"])
    driver = "org.apache.beam.runners.flink.FlinkJobServerDriver"
    server = java(jars, driver, f"--flink-master=localhost:{rest}", *ports[1], options=["-Xmx600m"])
    with (
        running(folder / "job_manager.log", manager),
        running(folder / "job_server.log", server) as job_server,
        with_workers(folder, ports[0], slots) as addresses,
    ):
        beam_workers.wait_for(rest, folder)
        cluster = Flink(folder, jars, rest, addresses, job_server)
        cluster.start_task_manager()
        try:
            yield cluster
        finally:
            end(cluster.task_manager)


def overlay_properties():
    """The properties of the overlay's task manager."""
    path = ROOT / "kubeflow" / "overlays" / "beam-flink" / "task-manager.yaml"
    (container, *_) = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]["containers"]
    (properties,) = [entry["value"] for entry in container["env"] if entry["name"] == "FLINK_PROPERTIES"]
    return yaml.safe_load(properties)


@contextlib.contextmanager
def spark(folder):
    """Spark in its job server."""
    jars, folder = fetch_jars("spark", SPARK), folder / "spark"
    folder.mkdir()
    (ports, arguments), page = job_server_ports(folder), beam_workers.free_port()
    driver = "org.apache.beam.runners.spark.SparkJobServerDriver"
    options = ["-Xmx1500m", f"-Dspark.ui.port={page}"]
    server = java(jars, driver, f"--spark-master-url=local[{SLOTS}]", *arguments, options=options)
    with running(folder / "job_server.log", server), with_workers(folder, ports) as addresses:
        yield Spark(addresses, page)


class Spark(NamedTuple):
    """Spark in its job server.

    Attributes:
      addresses: the options by which a step reaches the job server and its Python workers.
      page: the port of Spark's own pages and REST API, there while it works for a Beam job.
    """

    addresses: dict
    page: int

    def jobs(self):
        """The states of the jobs that Spark has made of the Beam job that it works for; None where it works for none."""
        url = f"http://localhost:{self.page}/api/v1/applications"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                (application, *_) = json.load(answer)
            with urllib.request.urlopen(f"{url}/{application['id']}/jobs", timeout=10) as answer:
                return [job["status"] for job in json.load(answer)]
        except (OSError, ValueError):  # "Spark is starting up" is no JSON
            return None
