"""Writes the pages as a site, with the links that they have in the project: `make docs`.

MkDocs takes the pages of one folder, but ours are also next to what they describe (`kubeflow/README.md`). So pages, and
the files that they link to, are copied to `build/docs` in the project's layout; MkDocs then checks every link.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".", "docs", "kubeflow", "schema", "data")
STAGED = Path("build") / "docs"
STYLE = Path("docs") / "site.css"


def list_pages(root: Path) -> list[Path]:
    """Returns the pages of the project, relative to its root."""
    return sorted(page.relative_to(root) for folder in FOLDERS for page in (root / folder).glob("*.md"))


def list_linked_files(root: Path, page: Path) -> list[Path]:
    """Returns the files that a page links to and that are no pages, relative to the root: pictures, sources."""
    targets = re.findall(r"\]\(([^)\s#]+)", (root / page).read_text(encoding="utf-8"))
    files = [(root / page.parent / target).resolve() for target in targets if "://" not in target]
    return sorted({file.relative_to(root) for file in files if file.is_file() and file.suffix != ".md"})


def stage(root: Path, folder: Path) -> list[Path]:
    """Copies pages, linked files and the style sheet to a folder, which is emptied first; returns the pages."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = list_pages(root)
    for file in {*pages, STYLE, *(file for page in pages for file in list_linked_files(root, page))}:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, folder / file)
    return pages


def main() -> int:
    """Stages the pages and builds the site, strictly: a dead link is an error. Returns MkDocs' exit status."""
    stage(ROOT, ROOT / STAGED)
    # MkDocs 2, of which its theme warns, is excluded in pyproject.toml.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "true"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    status = subprocess.run(command, cwd=ROOT, env=environment).returncode
    if status == 0:
        print("build/site/index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
