"""The steps that run Beam, on a real Flink and a real Spark by the project's own profiles: the figures of a local run."""

import time

import java_servers
import pytest
import whole_runs

from pipeline import beam_profiles

pytestmark = pytest.mark.engines


def profile_options(name, addresses):
    """The options of a profile, with the addresses and sizes of this machine."""
    split = [option.partition("=") for option in beam_profiles.choose(name).with_image("dayone:0.1.0").args]
    assert {option for option, _, _ in split} >= {"--job_endpoint", "--environment_cache_millis"}
    return [f"{option}={addresses.get(option, value)}" for option, _, value in split]


def run(folder, data, name, addresses):
    """Runs the pipeline with all its Beam steps on an engine; returns the workspace and the seconds."""
    began = time.monotonic()
    workspace = folder / name
    status, printed, record = whole_runs.run(workspace, log=data, beam_args=profile_options(name, addresses))
    assert status == 0, printed[-3_000:]
    assert set(whole_runs.step_states(record).values()) == {"done"}
    return workspace, time.monotonic() - began


def test_flink_gives_the_figures_of_a_local_run(tmp_path, local_run):
    import run_comparison

    with java_servers.flink(tmp_path) as cluster:
        workspace, seconds = run(tmp_path, local_run.data, "flink", cluster.addresses)
        states = cluster.jobs()
    assert states == ["FINISHED"] * len(beam_profiles.BEAM_STEPS)
    files = list(run_comparison.artifact(workspace, "ExampleGen", "examples").glob("Split-train/*.gz"))
    assert len(files) == local_run.groups
    print(
        f"Flink: {run_comparison.compare(local_run.workspace, workspace)}; {seconds:.0f} s, local {local_run.seconds:.0f} s"
    )


def test_spark_gives_the_figures_of_a_local_run(tmp_path, local_run):
    import run_comparison

    with java_servers.spark(tmp_path) as addresses:
        workspace, seconds = run(tmp_path, local_run.data, "spark", addresses)
    files = list(run_comparison.artifact(workspace, "ExampleGen", "examples").glob("Split-train/*.gz"))
    assert len(files) == local_run.groups
    print(
        f"Spark: {run_comparison.compare(local_run.workspace, workspace)}; {seconds:.0f} s, local {local_run.seconds:.0f} s"
    )
