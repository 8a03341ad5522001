"""Clones of the template for logs that are nothing like the sample: made, held against their log, tested, run to a verdict."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import clone_logs
import pytest

from pipeline.onboarding import template_files
from pipeline.settings import PROJECT

pytestmark = pytest.mark.slow

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("DAYONE_", "PYTEST_"))}
KINDS = ("plain", "rich")
# What depends on the launches there are, on the default one, and on the files of the project.
LIGHT_TESTS = (
    "house",
    "sample_names",
    "settings",
    "sample",
    "launches",
    "commands",
    "new",
    "template_files",
    "validate",
)


def execute(folder, *arguments, timeout=1200):
    """Runs Python in a folder as a person would; gives the answer, whose output holds what was printed and what went wrong."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=CLEAN, text=True, capture_output=True, timeout=timeout
    )


def pipeline(folder, *arguments):
    answer = execute(folder, "-m", "pipeline", *arguments)
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-4000:]
    return answer.stdout


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """Kind to the folder of its clone."""
    folder = tmp_path_factory.mktemp("clones")
    (folder / "data").mkdir()
    visits = clone_logs.plain_log(folder / "data")
    deeds, articles = clone_logs.rich_log(folder / "data")
    pipeline(PROJECT, "new", str(folder / "visits_first"), "--log", str(visits))
    pipeline(
        PROJECT, "new", str(folder / "news"), "--log", str(deeds), "--catalogue", str(articles), "--name", "news_page"
    )
    return {"plain": folder / "visits_first", "rich": folder / "news"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_clones_declaration_fits_its_log(clones, kind):
    output = pipeline(clones[kind], "validate")
    assert " 0 errors, " in output.splitlines()[-1]
    # The same from anywhere that is told where the log is.
    assert pipeline(clones[kind], "validate", "--log", str(clones[kind].parent / "data")) == output


def test_the_default_launch_is_the_clones(clones):
    (default,) = (line for line in pipeline(clones["rich"], "launches").splitlines() if line.endswith("  (default)"))
    assert default.split()[0] == "news_page"


@pytest.mark.clones
def test_all_light_tests_pass_in_a_clone(clones):
    answer = execute(clones["plain"], "-m", "pytest", "--lane", "light", "-q", "-p", "no:cacheprovider")
    assert answer.returncode == 0, answer.stdout[-4000:]


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_that_a_launch_can_touch_pass_in_a_clone(clones, kind):
    files = [str(next((clones[kind] / "tests").rglob(f"test_{name}.py"))) for name in LIGHT_TESTS]
    answer = execute(clones[kind], "-m", "pytest", "--lane", "light", "-q", "-p", "no:cacheprovider", *files)
    assert answer.returncode == 0, answer.stdout[-4000:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clone_keeps_the_house_rules(clones, kind):
    for check in (["check"], ["format", "--check"]):
        answer = execute(
            clones[kind], "-m", "ruff", *check, "--no-cache", "pipeline/launches", "pipeline/default_launch.py"
        )
        assert answer.returncode == 0, answer.stdout


def test_the_whole_pipeline_runs_in_a_clone_to_a_verdict(clones):
    # The rich log's clone runs in test_every_door.py.
    output = pipeline(clones["plain"], "run")
    record = json.loads(max((clones["plain"] / "runs" / "visits_first" / "logs").glob("*.json")).read_text())
    assert record["state"] == "done"
    summary = json.loads((Path(record["summary"]) / "summary.json").read_text())
    assert summary["launch"] == "visits_first"
    assert summary["verdict"]["outcome"] in ("model", "rules")
    assert "serving " in output


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    answer = subprocess.run(["git", *identity, *arguments], cwd=folder, env=CLEAN, text=True, capture_output=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout.strip()


def release(template, version, edits, renamed=()):
    """A release of the template: a version, edits of files, a renamed file."""
    edits = {"pipeline/__init__.py": (r'__version__ = ".*"', f'__version__ = "{version}"')} | edits
    for path, (old, new) in edits.items():
        text, count = re.subn(old, new, (template / path).read_text(), count=1)
        assert count, (path, old)
        (template / path).write_text(text)
    if renamed:
        git(template, "mv", *renamed)
    git(template, "add", "-A")
    git(template, "commit", "-qm", f"Release {version}")


def update(clone):
    """Merges the template as docs/clone.md says; returns the files in which git asks."""
    git(clone, "fetch", "-q", "template")
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "merge", "-m", "Update", "template/main"]
    answer = subprocess.run(command, cwd=clone, env=CLEAN, text=True, capture_output=True)
    print(answer.stdout)
    return git(clone, "diff", "--name-only", "--diff-filter=U").splitlines()


NEWS = (r"\A", "News.\n")
ITS_OWN = ("README.md", "CHANGELOG.md", ".github/workflows/ci.yml")


@pytest.fixture
def connected(tmp_path):
    """A template with one commit, and a clone of it with edits of its own, connected as docs/clone.md says."""
    template, clone = tmp_path / "template", tmp_path / "visits_first"
    template_files.copy(PROJECT, template_files.list_files(PROJECT), template)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "The template")):
        git(template, *command)
    (tmp_path / "data").mkdir()
    log = clone_logs.plain_log(tmp_path / "data", rows=500)
    pipeline(template, "new", str(clone), "--log", str(log))
    stamp = dict(line.split(" = ") for line in (clone / ".dayone-template").read_text().splitlines() if " = " in line)
    assert stamp["commit"] == git(template, "rev-parse", "HEAD")
    mine = clone / "pipeline" / "launches" / "visits_first.py"
    mine.write_text(mine.read_text().replace("eval_share=0.1", "eval_share=0.2"))
    edits = {"docs/exit.md": (r"\Z", "A line of ours.\n"), "docs/privacy.md": (r"\A.*\n", "# What we keep\n")}
    for path, (old, new) in edits.items():
        (clone / path).write_text(re.sub(old, new, (clone / path).read_text(), count=1))
    connect = ("merge", "-q", "-s", "ours", "--allow-unrelated-histories", "-m", "Made from it", stamp["commit"])
    for command in (("add", "-A"), ("commit", "-qm", "First launch"), ("remote", "add", "template", str(template))):
        git(clone, *command)
    git(clone, "fetch", "-q", "template")
    git(clone, *connect)
    return template, clone


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_a_clone_takes_two_releases_of_the_template_by_git_merge(connected):
    template, clone = connected
    # A release with a new version, another release of a package, a renamed file, and a line that the clone changed, too.
    bumped = {"pyproject.toml": (r"tenacity>=8.5,<10", "tenacity>=8.5,<11"), "uv.lock": (r'0\.25\.0"', '0.25.1"')}
    news = dict.fromkeys(("docs/log.md", *ITS_OWN), NEWS)
    changed = {"docs/privacy.md": (r"\A.*\n", "# Personal data, anew\n")}
    release(template, "0.2.0", bumped | news | changed, ("docs/exit.md", "docs/leave.md"))
    (template / "components" / "novelty.py").write_text('"""New."""\n')
    assert update(clone) == ["docs/privacy.md"]  # the line that both changed, and nothing else
    git(clone, "checkout", "--theirs", "docs/privacy.md")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Update, their title")
    assert "A line of ours." in (clone / "docs" / "leave.md").read_text()
    assert not (clone / "docs" / "exit.md").exists()
    # A second one, in the same places.
    bumped = {"pyproject.toml": (r"tenacity>=8.5,<11", "tenacity>=8.5,<12"), "uv.lock": (r'0\.25\.1"', '0.25.2"')}
    news = dict.fromkeys(("docs/log.md", "docs/privacy.md", "docs/leave.md", *ITS_OWN), NEWS)
    release(template, "0.3.0", bumped | news)
    assert update(clone) == []
    assert git(clone, "status", "--porcelain") == ""
    # What is the project's own stays so, whatever the template does with its own.
    texts = {path: (clone / path).read_text() for path in (*ITS_OWN, "pyproject.toml", "uv.lock", "docs/log.md")}
    assert texts["docs/log.md"].startswith("News.\nNews.\n")
    assert texts["README.md"].startswith("# visits_first\n")
    assert texts["CHANGELOG.md"].startswith("# Changelog of visits_first\n")
    assert "make test-light" in texts[".github/workflows/ci.yml"]
    assert 'name = "visits-first"' in texts["pyproject.toml"] and "<12" in texts["pyproject.toml"]
    assert 'name = "visits-first"' in texts["uv.lock"] and '0.25.2"' in texts["uv.lock"]
    assert "A line of ours." in (clone / "docs" / "leave.md").read_text()
    assert (clone / "components" / "novelty.py").is_file()
    assert "eval_share=0.2" in (clone / "pipeline" / "launches" / "visits_first.py").read_text()
    assert 'LAUNCH = "visits_first"' in (clone / "pipeline" / "default_launch.py").read_text()
    assert pipeline(clone, "--version") == "dayone 0.3.0\n"
