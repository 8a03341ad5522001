"""docs/log.md says what is there."""

import re
import shlex
from pathlib import Path

import pytest

from components.declaration import Drift, Launch, Log, Objective, Split
from components.ingest import csv_blocks
from pipeline import steps
from pipeline.cli import main
from pipeline.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "log.md").read_text()
LOG = Log("log.csv", "user", "item", "time")


@pytest.mark.parametrize("line", re.findall(r"`python -m pipeline (.*?)`", TEXT))
def test_commands_can_be_typed_as_they_stand(line):
    assert main._parser().parse_args(shlex.split(line)).command


def test_make_targets_variables_and_steps_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) <= targets
    assert set(re.findall(r"DAYONE_\w+", TEXT)) <= set(VARIABLES)
    assert set(re.findall(r"\bDrift(?:Gate|Baseline|Validator)\b", TEXT)) <= {step.name for step in steps.STEPS}


def test_fields_are_those_of_the_declaration():
    assert set(re.findall(r"`log\.(\w+)", TEXT)) <= set(Log.__dataclass_fields__)
    assert "A row of CSV may be 2 MB long" in TEXT and csv_blocks._BLOCK_BYTES == 2 << 20
    assert "`log.max_quarantined` (1 %)" in TEXT and LOG.max_quarantined == 0.01
    assert "by default drift is told" in TEXT and not Drift().stop


@pytest.mark.parametrize("path", re.findall(r'log\.path="([^"]+)"', TEXT))
def test_paths_can_be_declared(path):
    log = Log(path, "user", "item", "time", spans=int(re.search(r"log\.spans=(\d+)", TEXT).group(1)))
    assert Launch("a", log, Split(eval_days=1), (Objective("any"),)).log.path == path
