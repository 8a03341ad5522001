"""Complete pipeline runs as a user starts them, for tests: a process of its own, real files, its output."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run(workspace, *options, seconds=900, **settings):
    """Runs the pipeline; returns (exit status, what was printed, the run's record)."""
    with start(workspace, *options, **settings) as process:
        try:
            printed, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
    return process.returncode, printed, newest_record(workspace)


def start(workspace, *options, log=None, beam_profile="", beam_args=()):
    """Starts the pipeline, its Beam steps by that profile and with those options; returns the process."""
    command = [sys.executable, "-m", "pipeline", "run", "--launch", "shop", "--workspace", str(workspace), *options]
    command += ["--log", str(log)] if log else []
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    environ |= {"DAYONE_BEAM_ARGS": " ".join(beam_args)} if beam_args else {}
    environ |= {"DAYONE_BEAM_PROFILE": beam_profile} if beam_profile else {}
    # A shell ignores SIGINT for its jobs in the background, and what ignores it hands that on.
    restore = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=PROJECT, env=environ, preexec_fn=restore, **pipes)  # noqa: PLW1509


def newest_record(workspace):
    records = sorted(Path(workspace).glob("*/logs/*.json"))
    return json.loads(records[-1].read_text()) if records else {}


def generate(folder, events, seed=7):
    command = [
        sys.executable,
        str(PROJECT / "data" / "generate.py"),
        "--events",
        str(events),
        "--seed",
        str(seed),
        "--out",
        str(folder),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def versions(workspace):
    return sorted(folder.name for folder in Path(workspace).glob("shop/serving/shop/*"))


def card(workspace, version):
    return json.loads((Path(workspace) / "shop/serving/shop" / version / "assets.extra/dayone.json").read_text())


def summary(workspace):
    folders = Path(workspace).glob("*/artifacts/Verdict/summary/*")
    return json.loads((max(folders, key=lambda folder: int(folder.name)) / "summary.json").read_text())


def step_states(record):
    return {step["step"]: step["state"] for step in record["steps"]}
