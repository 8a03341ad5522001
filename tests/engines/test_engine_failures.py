"""What ends in the middle of a step on a real Flink: a task manager, or the step itself. Nothing half-written is published."""

import contextlib
import signal
import time

import engine_runs
import java_servers
import pytest
import whole_runs

pytestmark = pytest.mark.engines

STEP = ("--from", "StatisticsGen", "--to", "StatisticsGen", "--no-cache")
SECONDS = 240


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with java_servers.flink(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def workspace(tmp_path, local_run):
    return engine_runs.copy_records(local_run, tmp_path / "runs")


def wait_until(condition, process):
    end = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[0][-3_000:]
        time.sleep(0.2)


@contextlib.contextmanager
def in_the_middle(cluster, workspace, local_run):
    """A step whose job has finished some of its tasks and runs others."""
    before = {job["jid"] for job in cluster.jobs()}

    def is_in_the_middle():
        tasks = [job["tasks"] for job in cluster.jobs() if job["jid"] not in before]
        return bool(tasks) and tasks[0]["finished"] > 0 and tasks[0]["running"] > 0

    with engine_runs.start(workspace, local_run, "flink", cluster.addresses, *STEP) as process:
        try:
            wait_until(is_in_the_middle, process)
            yield process
        finally:
            process.kill()


def published(workspace):
    """The states of the executions of both steps that count statistics, oldest first, and the addresses of the workspace's artifacts that count."""
    from ml_metadata import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as pb2

    file = str(workspace / "shop" / "metadata.sqlite")
    store = metadata_store.MetadataStore(pb2.ConnectionConfig(sqlite=pb2.SqliteMetadataSourceConfig(filename_uri=file)))
    types = [kind.name for kind in store.get_execution_types() if kind.name.endswith("StatisticsGen")]
    executions = [execution for kind in types for execution in store.get_executions_by_type(kind)]
    artifacts = [artifact for artifact in store.get_artifacts() if artifact.uri.startswith(str(workspace))]
    states = [pb2.Execution.State.Name(one.last_known_state) for one in sorted(executions, key=lambda one: one.id)]
    return states, [artifact.uri for artifact in artifacts if artifact.state == pb2.Artifact.LIVE]


def files(workspace):
    return [path for path in (workspace / "shop" / "artifacts").rglob("*") if path.is_file()]


def check_next_run(cluster, workspace, local_run):
    """The next run begins the step anew, and has the figures of the local run."""
    import run_comparison

    status, printed, record = engine_runs.run(workspace, local_run, "flink", cluster.addresses, *STEP)
    assert status == 0, printed[-3_000:]
    assert whole_runs.step_states(record) == {"StatisticsGen": "done"}
    statistics = [run_comparison.statistics(folder) for folder in (local_run.workspace, workspace)]
    assert run_comparison.largest_difference(*statistics) < 1e-9
    states, artifacts = published(workspace)
    assert states[-1] == "COMPLETE" and len(artifacts) == 1
    assert all(path.is_relative_to(artifacts[0]) for path in files(workspace))


def test_a_task_manager_that_dies_fails_the_step_and_the_next_run_begins_it_anew(cluster, workspace, local_run):
    with in_the_middle(cluster, workspace, local_run) as process:
        cluster.task_manager.kill()
        cluster.task_manager.wait()
        began = time.monotonic()
        printed, _ = process.communicate(timeout=SECONDS)
    error = printed[printed.index("error: ") :]
    print(f"{time.monotonic() - began:.0f} s after the kill: {error}")
    assert process.returncode == 1 and "Traceback" not in printed
    assert "no longer reachable" in error and "A task manager was lost" in error and "flink-job-manager" in error
    states, artifacts = published(workspace)
    assert states[-1] == "FAILED" and artifacts == []
    assert files(workspace) == [] and cluster.states()[0] == "FAILED"

    cluster.start_task_manager()
    check_next_run(cluster, workspace, local_run)


def test_ctrl_c_ends_the_job_and_leaves_nothing_that_counts(cluster, workspace, local_run):
    if cluster.task_manager.poll() is not None:
        cluster.start_task_manager()
    with in_the_middle(cluster, workspace, local_run) as process:
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        printed, _ = process.communicate(timeout=SECONDS)
        print(f"ended after {time.monotonic() - began:.1f} s: {printed.splitlines()[-1]}; jobs {cluster.states()}")
    assert process.returncode == 130 and "stopped; the next run continues from the cache" in printed
    end = time.monotonic() + 30
    while cluster.states()[0] != "CANCELED" and time.monotonic() < end:
        time.sleep(0.2)
    assert cluster.states()[0] == "CANCELED"
    states, artifacts = published(workspace)
    assert states[-1] == "RUNNING" and artifacts == []
    assert not list(workspace.rglob("beam-temp*"))


def test_a_job_server_that_dies_fails_the_step_and_flinks_job_ends_with_it(cluster, workspace, local_run):
    if cluster.task_manager.poll() is not None:
        cluster.start_task_manager()
    with in_the_middle(cluster, workspace, local_run) as process:
        cluster.job_server.kill()
        began = time.monotonic()
        printed, _ = process.communicate(timeout=SECONDS)
    error = printed[printed.index("error: ") :]
    print(f"{time.monotonic() - began:.1f} s after the kill: {error}; jobs {cluster.states()}")
    assert process.returncode == 1 and "Beam's job server no longer answers" in error
    assert cluster.states()[0] == "CANCELED"
    states, artifacts = published(workspace)
    assert states[-1] == "FAILED" and artifacts == [] and files(workspace) == []


def test_ctrl_c_ends_the_job_on_spark_and_the_next_one_finds_it_free(tmp_path, workspace, local_run):
    with java_servers.spark(tmp_path) as engine:
        with engine_runs.start(workspace, local_run, "spark", engine.addresses, *STEP) as process:
            try:
                wait_until(lambda: "RUNNING" in (engine.jobs() or ()), process)
                process.send_signal(signal.SIGINT)
                began = time.monotonic()
                printed, _ = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        print(f"ended after {time.monotonic() - began:.1f} s: {printed.splitlines()[-1]}; jobs {engine.jobs()}")
        assert process.returncode == 130 and "stopped; the next run continues from the cache" in printed
        end = time.monotonic() + 30
        while "RUNNING" in (engine.jobs() or ()) and time.monotonic() < end:
            time.sleep(0.2)
        print(f"{time.monotonic() - began:.1f} s later: jobs {engine.jobs()}")
        assert "RUNNING" not in (engine.jobs() or ())
        states, artifacts = published(workspace)
        assert states[-1] == "RUNNING" and artifacts == [] and not list(workspace.rglob("beam-temp*"))

        status, printed, record = engine_runs.run(workspace, local_run, "spark", engine.addresses, *STEP)
        assert status == 0, printed[-3_000:]
        assert whole_runs.step_states(record) == {"StatisticsGen": "done"}
