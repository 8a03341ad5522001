"""The files of the template that a clone gets, and which version of it they are."""

import fnmatch
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from components.ingest.log_files import CSV_ENDINGS, JSONL_ENDINGS, PARQUET_ENDINGS

STAMP = ".dayone-template"
_DATA = JSONL_ENDINGS + PARQUET_ENDINGS + CSV_ENDINGS


def list_files(project: Path) -> list[Path]:
    """Returns the files to copy, relative to the project, sorted.

    In a git checkout what git knows, and new source files that it does not ignore, so that a template that is being
    worked on is cloned as it stands; elsewhere what .gitignore does not name. Data files count only where git tracks
    them or below tests/: a log may lie next to the template.
    """
    tracked_files = _git_files(project, "--cached")
    others = _git_files(project, "--others", "--exclude-standard") if tracked_files else _walk(project)
    chosen = {*tracked_files, *(path for path in others if path.parts[0] == "tests" or not _is_data(path))}
    return sorted(
        path
        for path in chosen
        if (project / path).is_file() and not (project / path).is_symlink() and path.name != STAMP
    )


def _git_files(project: Path, *options: str) -> list[Path]:
    if not (project / ".git").exists():
        return []
    answer = _git(project, "ls-files", "-z", *options)
    return [Path(name) for name in answer.split("\0") if name]


def _walk(project: Path) -> Iterable[Path]:
    ignored = [
        line.strip().strip("/")
        for line in (project / ".gitignore").read_text().splitlines()
        if line.strip() and line[0] != "#"
    ]
    waiting = [project]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name == ".git" or any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored):
                continue
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)
            else:
                yield path.relative_to(project)


def _is_data(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(_DATA)


def copy(project: Path, files: Iterable[Path], into: Path) -> int:
    """Copies the files with their permissions; returns how many."""
    chosen = list(files)
    for path in chosen:
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(project / path, target)
    return len(chosen)


def version(project: Path) -> dict[str, str]:
    """Returns the template's version, its commit ("unknown" without git), and whether other files were copied, too."""
    text = (project / "pipeline" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.*)"', text, re.MULTILINE)
    commit = _git(project, "rev-parse", "HEAD").strip() if (project / ".git").exists() else ""
    changed = {"changes": "uncommitted"} if commit and _git(project, "status", "--porcelain").strip() else {}
    return {"version": match.group(1) if match else "unknown", "commit": commit or "unknown"} | changed


def stamp(found: dict[str, str]) -> str:
    """Returns the text of the file that says which template a clone was made from."""
    head = "# The template that this project was made from: docs/clone.md says how to take its updates."
    return "\n".join([head, *(f"{name} = {value}" for name, value in found.items()), ""])


def _git(project: Path, *arguments: str) -> str:
    """Returns git's output; "" if git is missing or fails: a template needs no git."""
    try:
        answer = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, text=True)
    except OSError:
        return ""
    return answer.stdout if answer.returncode == 0 else ""
