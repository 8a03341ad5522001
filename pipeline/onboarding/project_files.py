"""The files that make a clone a project of its own: README, changelog, CI workflow, a test of its launch, what git does with them.

They replace the template's own; `.gitattributes` keeps the project's side of each when an update is merged
(the driver "ours", which `start_repository` sets up, and docs/clone.md names for everybody else).
"""

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

README, CHANGELOG, WORKFLOW = "README.md", "CHANGELOG.md", ".github/workflows/ci.yml"
ATTRIBUTES = ".gitattributes"
DRIVER = ("config", "merge.ours.driver", "true")


def render(name: str, data: str, log: str, template: Mapping[str, str]) -> dict[str, str]:
    """Returns path to text of the project's own files.

    Args:
      name: of the launch.
      data: the folder of the log, as the project names it.
      log: the declared path of the log in it.
      template: "version" and "commit" of the template.
    """
    values = {"NAME": name, "LOG": shlex.quote(f"{data}/{log}"), "VERSION": template["version"]}
    files = {
        README: _README,
        CHANGELOG: _CHANGELOG,
        WORKFLOW: _WORKFLOW,
        ATTRIBUTES: _ATTRIBUTES,
        f"tests/launches/test_launch_{name}.py": _TEST,
    }
    return {path: _fill(text, values) for path, text in files.items()}


def name_package(folder: Path, name: str) -> str:
    """Gives the project's package the name of the launch, in `pyproject.toml` and `uv.lock`, and returns it.

    Both change on lines of their own: neither the version nor a dependency stands there, so updates merge.
    """
    files = [folder / "pyproject.toml", folder / "uv.lock"]
    texts = {file: file.read_text(encoding="utf-8") for file in files if file.is_file()}
    match = re.search(r'^name = "(.*)"', texts.get(files[0], ""), re.MULTILINE)
    template, package = match[1] if match else "", re.sub(r"_+", "-", name).strip("-")
    if f'name = "{package}"' in texts.get(files[1], ""):
        package += "-launch"  # a package that the project depends on has that name
    for file, text in texts.items():
        renamed = text.replace(f'name = "{template}"', f'name = "{package}"').replace(f'"{template}[', f'"{package}[')
        file.write_text(renamed, encoding="utf-8")
    return package


def start_repository(folder: Path) -> str:
    """Makes a git repository with the branch main; returns "" or why not, in words."""
    if _git(folder.parent, "rev-parse", "--is-inside-work-tree") == 0:
        return "the folder is inside a git repository, so it got none of its own"
    if _git(folder, "init", "-q", "-b", "main") or _git(folder, *DRIVER):
        return "git is missing or older than 2.28: git init"
    return ""


def _git(folder: Path, *arguments: str) -> int:
    try:
        return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True).returncode
    except OSError:
        return -1


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


_README = """\
# @NAME@

A product feature that is launched ML-first with Dayone @VERSION@: rules serve first and every event is logged; a
recommendation model is trained, judged and pushed by the same pipeline, and takes over when it beats the rules.

    make validate    # does the declaration fit the log? seconds
    make run         # the entire pipeline, to a verdict

The first `make run` makes the environment (once, about 3 GB). Each run prints its figures and the path of its report;
`python -m pipeline history` lists the verdicts so far, `make serve` serves the pushed version.

| what | where |
|---|---|
| the declaration: log, catalogue, objectives, criteria | `pipeline/launches/@NAME@.py` |
| the curated schema of the log | `schema/@NAME@/` |
| the log's folder on this machine (never in git) | `pipeline/default_launch.py`, or `DAYONE_LOG` |
| tests of the launch | `tests/launches/` |
| the template's own pages and tests | `docs/`, `tests/` |

[docs/extend.md](docs/extend.md) shows how to add a model, a rule, a metric, a step and more next to the launch;
[docs/clone.md](docs/clone.md#update-from-the-template) how to take updates of the template.
"""
_CHANGELOG = """\
# Changelog of @NAME@

Newest first. The template's own changes are those of its repository.

## Unreleased

- Made from Dayone @VERSION@.
"""
_WORKFLOW = """\
name: check

on:
  push:
    branches: [main]
  pull_request:

permissions:
  contents: read

jobs:
  launch:
    name: declaration, log and light tests
    runs-on: ubuntu-22.04
    timeout-minutes: 40
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.10"
      - uses: actions/cache@v4
        with:
          path: ~/.cache/uv
          key: uv-ubuntu-22.04-3.10-${{ hashFiles('uv.lock') }}
      - run: make setup
      # A log is never in git: fetch one to this path in a step above, and it is compared with the declaration.
      - name: validate
        run: |
          if [ -e @LOG@ ]; then make validate; else echo no log at @LOG@; fi
      - name: light tests, and those of the launch
        run: make test-light
"""
_ATTRIBUTES = """\
# This project's own side is kept when an update of the template is merged; once per checkout:
# git config merge.ours.driver true
/README.md merge=ours
/CHANGELOG.md merge=ours
/.github/workflows/ci.yml merge=ours
"""
_TEST = '''\
"""The launch @NAME@: its declaration is valid, and what it names exists. Add tests of your own functions here."""

from pipeline import launches
from pipeline.checks import rule_checks


def test_declaration_is_valid():
    assert launches.load("@NAME@").name == "@NAME@"


def test_what_it_names_exists():
    assert not list(rule_checks.check(launches.load("@NAME@")))
'''
