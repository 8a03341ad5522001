"""The menu's programs: each answers when it is asked what it does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = re.findall(
    r"python ((?:tests|data|kubeflow)/\w+\.py)",
    (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)/", "").replace("$(PYTHON)", "python"),
)

# Some of the benches import TensorFlow before they look at their arguments.
pytestmark = pytest.mark.tensorflow


def test_the_menu_has_programs():
    assert {"data/generate.py", "tests/bench/bench_quality.py", "tests/manifests.py", "kubeflow/run_local.py"} <= set(
        PROGRAMS
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_answers_help(program):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, program, "--help"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0 and answer.stdout.startswith("usage: "), answer.stderr[-500:]


def test_an_overlay_that_is_not_there_is_told_by_name():
    answer = subprocess.run(
        [sys.executable, "tests/manifests.py", "tf"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 2 and "invalid choice: 'tf' (choose from" in answer.stderr
