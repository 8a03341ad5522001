"""What kubeflow/README.md tells people to type, and the files it names, exist."""

import re
import shlex
from pathlib import Path

import pytest

from components import run_parameters
from pipeline import commands, kubeflow_errors
from pipeline.compile_command import RESOURCES
from pipeline.kubeflow_spec import UNCACHED
from pipeline.settings import SERVER_VARIABLES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "kubeflow" / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python -m pipeline ([^`\n]*)", README)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    assert commands._parser().parse_args(shlex.split(command))


def test_every_file_of_the_project_that_is_named_is_there():
    named = set(re.findall(r"`((?:pipeline|components|tests|kubeflow)/[\w./]+)`", README))
    assert len(named) > 5
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_steps_that_are_never_cached_are_named():
    (line,) = [line for line in README.splitlines() if line.startswith("- **The cache**")]
    assert all(name in line for name in UNCACHED)


def test_every_variable_parameter_and_exit_status_is_told():
    assert all(f"`{name}`" in README for name in (*SERVER_VARIABLES, *run_parameters.NAMES))
    assert all(f"| {status} | {text} |" in README for status, text in kubeflow_errors.EXITS.items())


def test_the_number_of_mutants_is_that_of_the_tests():
    text = (ROOT / "tests" / "test_kubeflow_contract.py").read_text(encoding="utf-8")
    mutants = text[text.index("MUTANTS = {") : text.index("\n}\n")]
    (said,) = re.findall(r"and (\d+) mutants", README)
    assert len(re.findall(r'^    "', mutants, re.MULTILINE)) == int(said)


def test_the_claim_that_must_exist_is_the_one_that_the_table_mounts():
    assert "{claim: dayone, path:" in RESOURCES.read_text(encoding="utf-8")
