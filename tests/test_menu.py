"""The menu's programs: each answers when it is asked what it does."""

import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import doc_pages
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


@functools.cache
def ask_help(program):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, program, "--help"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def list_shown_options():
    """Returns (program, option) for every `make TARGET ARGS="--option ..."` that a page shows for a program."""
    shown = set()
    for page in doc_pages.list_pages():
        for call in doc_pages.list_commands(doc_pages.read_page(page), "make"):
            targets, variables = doc_pages.read_make(call)
            options = {word for word in shlex.split(variables.get("ARGS", "")) if word.startswith("--")}
            shown |= {(doc_pages.find_program(target), option) for target in targets for option in options}
    return sorted(pair for pair in shown if pair[0] in PROGRAMS)


@pytest.mark.parametrize(("program", "option"), list_shown_options())
def test_a_program_knows_the_options_that_pages_show(program, option):
    assert re.search(rf"{option}\b", ask_help(program).stdout)


def test_pages_show_options_of_programs():
    assert {("tests/bench/bench_quality.py", "--data"), ("tests/bench/bench_scale.py", "--events")} <= set(
        list_shown_options()
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_answers_help(program):
    answer = ask_help(program)
    assert answer.returncode == 0 and answer.stdout.startswith("usage: "), answer.stderr[-500:]


def test_an_overlay_that_is_not_there_is_told_by_name():
    answer = subprocess.run(
        [sys.executable, "tests/manifests.py", "tf"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 2 and "invalid choice: 'tf' (choose from" in answer.stderr
