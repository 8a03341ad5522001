import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.onboarding import template_files

FILES = {
    "pyproject.toml": 'name = "dayone"\n',
    "pipeline/__init__.py": '__version__ = "1.2.3"\n',
    ".gitignore": "/runs/\n__pycache__/\n*.egg-info/\n# a comment\n\n/.venv/\n",
    ".github/ci.yml": "",
    "pipeline/a.py": "a = 1\n",
    "tests/bad.csv": "x\n",
}
NOISE = {
    "runs/shop/log.txt": "",
    ".venv/bin/python": "",
    "pipeline/__pycache__/a.pyc": "",
    "x.egg-info/y": "",
    "my_events.parquet": "",
    "data/big.csv.gz": "",
}


@pytest.fixture
def project(tmp_path):
    for name, text in (FILES | NOISE).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def git(project, *arguments):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", "-C", str(project), *name, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def names(project):
    return {path.as_posix() for path in template_files.list_files(project)}


def test_without_git_what_gitignore_does_not_name_is_copied_and_data_is_not(project):
    assert names(project) == set(FILES)
    assert template_files.version(project) == {"version": "1.2.3", "commit": "unknown"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_with_git_what_it_knows_and_new_sources_are_copied(project):
    git(project, "init", "-q")
    git(project, "add", *FILES, "--force")
    git(project, "commit", "-qm", "one")
    assert names(project) == set(FILES)
    (project / "pipeline" / "new.py").touch()
    (project / "pipeline" / "a.py").unlink()
    assert names(project) == {*FILES, "pipeline/new.py"} - {"pipeline/a.py"}
    git(project, "add", "--force", "my_events.parquet")
    assert "my_events.parquet" in names(project)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_the_version_is_the_commit_and_whether_there_is_more(project):
    for name in NOISE:
        (project / name).unlink()
    git(project, "init", "-q")
    git(project, "add", "--all")
    git(project, "commit", "-qm", "one")
    expected = {"version": "1.2.3", "commit": git(project, "rev-parse", "HEAD")}
    assert template_files.version(project) == expected
    (project / "pipeline" / "a.py").write_text("a = 2\n")
    assert template_files.version(project) == expected | {"changes": "uncommitted"}
    assert template_files.stamp(expected).splitlines()[1:] == ["version = 1.2.3", f"commit = {expected['commit']}"]


def test_files_keep_their_permissions(project, tmp_path_factory):
    (project / "pipeline" / "a.py").chmod(0o755)
    into = tmp_path_factory.mktemp("clone")
    assert template_files.copy(project, [Path("pipeline/a.py"), Path(".gitignore")], into) == 2
    assert (into / "pipeline" / "a.py").stat().st_mode & 0o111
