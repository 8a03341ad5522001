"""The steps that the profiles send out, on a real Flink and a real Spark: the figures of a local run.

The log is 20,000 rows in 4 row groups. ExampleGen, StatisticsGen and Transform begin with the log; Evaluator judges the
local run's model by the local run's examples. What the profiles keep in the pod runs in one process, as there.
"""

import time

import engine_runs
import java_servers
import pytest
import whole_runs

from pipeline import beam_profiles

pytestmark = pytest.mark.engines

PARTS = (("--to", "Transform"), ("--from", "Evaluator", "--to", "Evaluator"))
SENT = ("ExampleGen", "StatisticsGen", "Transform", "Evaluator")


def run_steps(folder, local_run, name, addresses):
    """Runs the steps by a profile; returns the workspace and the seconds of each step that it sent out."""
    profile, began, seconds = beam_profiles.load()[name], time.monotonic(), {}
    assert tuple(step for step in beam_profiles.BEAM_STEPS if profile.args_of(step)) == SENT
    workspace = engine_runs.copy_records(local_run, folder / name)
    for part in PARTS:
        status, printed, record = engine_runs.run(workspace, local_run, name, addresses, "--no-cache", *part)
        assert status == 0, printed[-3_000:]
        assert set(whole_runs.step_states(record).values()) == {"done"}
        seconds |= {step["step"]: step["wall"] for step in record["steps"] if step["step"] in SENT}
    assert tuple(seconds) == SENT
    return workspace, seconds, time.monotonic() - began


def check(name, local_run, workspace, seconds, whole):
    """Compares with the local run, and prints how well and how fast."""
    import run_comparison

    files = list(run_comparison.artifact(workspace, "ExampleGen", "examples").glob("Split-train/*.gz"))
    assert len(files) == local_run.groups
    here = local_run.step_seconds
    each = ", ".join(f"{step} {value:.0f} s (local {here[step]:.0f})" for step, value in seconds.items())
    print(
        f"{name}: {run_comparison.compare(local_run.workspace, workspace)}; {each}; {whole:.0f} s with the start of TFX"
    )


def test_flink_gives_the_figures_of_a_local_run(tmp_path, local_run):
    with java_servers.flink(tmp_path) as cluster:
        workspace, seconds, whole = run_steps(tmp_path, local_run, "flink", cluster.addresses)
        states = cluster.states()
    assert states == ["FINISHED"] * len(SENT)
    check("Flink", local_run, workspace, seconds, whole)


def test_spark_gives_the_figures_of_a_local_run(tmp_path, local_run):
    with java_servers.spark(tmp_path) as engine:
        workspace, seconds, whole = run_steps(tmp_path, local_run, "spark", engine.addresses)
    check("Spark", local_run, workspace, seconds, whole)
