"""docs/log.md says what is there."""

import re
import shlex
from pathlib import Path

import pytest
import source_logs

from components.declaration import Drift, Launch, Log, Objective, Split
from components.ingest import csv_blocks
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.spans import input_files
from pipeline import steps
from pipeline.cli import main
from pipeline.onboarding import new
from pipeline.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "log.md").read_text()
LOG = Log("log.csv", "user", "item", "time")
SOURCES = ("ga4", "segment", "snowplow", "shopify", "postgres", "kafka")
RECIPES = re.findall(r"^### .*?```python\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("line", re.findall(r"`python -m pipeline (.*?)`", TEXT))
def test_commands_can_be_typed_as_they_stand(line):
    assert main.build_parser().parse_args(shlex.split(line)).command


@pytest.mark.parametrize(("source", "recipe"), list(zip(SOURCES, RECIPES, strict=True)), ids=SOURCES)
def test_a_recipe_is_what_new_declares_for_a_log_of_that_form(tmp_path, source, recipe):
    proposed = new.propose("tea", getattr(source_logs, source)(tmp_path), None, {})

    assert proposed.launch.log == eval(recipe, {"Log": Log})
    files = input_files(proposed.launch.log.path, str(proposed.data), proposed.launch.log.spans)
    reader = LogReader(files, Layout.of_log(proposed.launch.log))
    kept = reader.settle((proposed.launch.log.user, proposed.launch.log.item))
    assert reader.quarantined.share == 0
    assert kept.num_rows == {"ga4": 360}.get(source, 240)
    assert new._schemas(proposed)


def test_make_targets_variables_and_steps_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) <= targets
    assert set(re.findall(r"DAYONE_\w+", TEXT)) <= set(VARIABLES)
    assert set(re.findall(r"\bDrift(?:Gate|Baseline|Validator)\b", TEXT)) <= {step.name for step in steps.STEPS}


def test_fields_are_those_of_the_declaration():
    assert set(re.findall(r"`log\.(\w+)", TEXT)) <= set(Log.__dataclass_fields__)
    assert "A row of CSV may be 2 MB long" in TEXT and csv_blocks._BLOCK_BYTES == 2 << 20
    assert "`log.max_quarantined` (1%)" in TEXT and LOG.max_quarantined == 0.01
    assert "with `Drift(stop=True)` it stops the run" in TEXT and not Drift().stop


@pytest.mark.parametrize("path", re.findall(r'log\.path="([^"]+)"', TEXT))
def test_paths_can_be_declared(path):
    log = Log(path, "user", "item", "time", spans=int(re.search(r"log\.spans=(\d+)", TEXT).group(1)))
    assert Launch("a", log, Split(eval_days=1), (Objective("any"),)).log.path == path
