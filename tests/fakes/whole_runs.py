"""Complete pipeline runs as a user starts them, for tests: a process of its own, real files, its output."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run(workspace, *options, log=None, beam_args=()):
    """Runs the pipeline, its Beam steps with those options; returns (exit status, what was printed, the run's record)."""
    command = [sys.executable, "-m", "pipeline", "run", "--launch", "shop", "--workspace", str(workspace), *options]
    command += ["--log", str(log)] if log else []
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    environ |= {"DAYONE_BEAM_ARGS": " ".join(beam_args)} if beam_args else {}
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=900, check=False)
    records = sorted(Path(workspace).glob("*/logs/*.json"))
    return done.returncode, done.stdout + done.stderr, json.loads(records[-1].read_text()) if records else {}


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
