"""Clones of the template for logs that are nothing like the sample: made, held against their log, tested, run to a verdict."""

import json
import os
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
    assert "news_page  (default)" in pipeline(clones["rich"], "launches").splitlines()


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


@pytest.mark.parametrize(("kind", "name"), [("plain", "visits_first"), ("rich", "news_page")])
def test_the_whole_pipeline_runs_in_a_clone_to_a_verdict(clones, kind, name):
    output = pipeline(clones[kind], "run")
    record = json.loads(max((clones[kind] / "runs" / name / "logs").glob("*.json")).read_text())
    assert record["state"] == "done"
    summary = json.loads((Path(record["summary"]) / "summary.json").read_text())
    assert summary["launch"] == name
    assert summary["verdict"]["outcome"] in ("model", "rules")
    assert "serving " in output


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    answer = subprocess.run(["git", *identity, *arguments], cwd=folder, env=CLEAN, text=True, capture_output=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_a_clone_takes_the_templates_updates_by_git_merge(tmp_path):
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
    # Once: as docs/clone.md says.
    for command in (
        ("add", "-A"),
        ("commit", "-qm", "First launch"),
        ("remote", "add", "template", str(template)),
        ("fetch", "-q", "template"),
    ):
        git(clone, *command)
    git(
        clone,
        "merge",
        "-q",
        "-s",
        "ours",
        "--allow-unrelated-histories",
        "-m",
        "Made from the template",
        stamp["commit"],
    )
    # The template changes further.
    for page in ("README.md", "CHANGELOG.md", "docs/log.md", ".github/workflows/ci.yml"):
        (template / page).write_text("News.\n" + (template / page).read_text())
    (template / "components" / "novelty.py").write_text('"""New."""\n')
    git(template, "add", "-A")
    git(template, "commit", "-qm", "News")
    # At every update.
    git(clone, "fetch", "-q", "template")
    git(clone, "merge", "-q", "-m", "Update from the template", "template/main")
    assert (clone / "docs" / "log.md").read_text().startswith("News.\n")
    # What is the project's own stays so, whatever the template does with its own.
    assert (clone / "README.md").read_text().startswith("# visits_first\n")
    assert (clone / "CHANGELOG.md").read_text().startswith("# Changelog of visits_first\n")
    assert "make test-light" in (clone / ".github" / "workflows" / "ci.yml").read_text()
    assert (clone / "components" / "novelty.py").is_file()
    assert "eval_share=0.2" in mine.read_text()
    assert 'LAUNCH = "visits_first"' in (clone / "pipeline" / "default_launch.py").read_text()
    assert git(clone, "status", "--porcelain") == ""
