"""The menu's programs: each prints its help."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = re.findall(
    r"python ((?:tests|data|kubeflow)/[\w/]+\.py)",
    (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)/", "").replace("$(PYTHON)", "python"),
)

# Some of the benches import TensorFlow before they look at their arguments.
pytestmark = pytest.mark.tensorflow


def test_the_menu_has_programs():
    assert {"data/generate.py", "tests/bench/bench_quality.py", "tests/manifests.py", "kubeflow/run_local.py"} <= set(
        PROGRAMS
    )


def test_each_program_answers_help():
    """All in one process: most of them import TensorFlow, which takes longer than the rest of this test."""
    script = f"""
import runpy, sys
for program in {sorted(set(PROGRAMS))!r}:
    sys.argv, sys.path[:1] = [program, "--help"], [program.rpartition("/")[0]]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        print("status of", program, ended.code or 0)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert answer.returncode == 0, answer.stderr[-500:]
    assert re.findall(r"^status of (\S+) 0$", answer.stdout, re.MULTILINE) == sorted(set(PROGRAMS))
    assert len(re.findall(r"^usage: ", answer.stdout, re.MULTILINE)) == len(set(PROGRAMS))


def test_an_overlay_that_is_not_there_is_told_by_name():
    answer = subprocess.run(
        [sys.executable, "tests/manifests.py", "tf"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 2 and "invalid choice: 'tf' (choose from" in answer.stderr
