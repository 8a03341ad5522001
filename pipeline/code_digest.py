"""Digests of what a step's outcome depends on beside its data: code and curated files.

TFX's cache looks at a step's inputs and parameters only: it would serve yesterday's model after its training code was edited, and
yesterday's schema after the file was. So each step gets the digest of its own code as a parameter, and edits run again just the
steps that they touch.
"""

import ast
import functools
import hashlib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = "components"
DIGEST_LETTERS = 16


def of_file(path: str | Path) -> str:
    """The digest of a file's content; "" where there is none, as the step that reads it says so better."""
    path = Path(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LETTERS] if path.is_file() else ""


@functools.cache
def of_module(name: str) -> str:
    """The digest of a module's source and of all modules of ours that it imports, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(_imports(module))
    sources = {module: _source(module).read_bytes() for module in found}
    return hashlib.sha256(b"".join(module.encode() + sources[module] for module in sorted(sources))).hexdigest()[:DIGEST_LETTERS]


def _source(module: str) -> Path:
    path = PROJECT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(module: str) -> list[str]:
    """The modules of our package that a module's source imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(_source(module).read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == PACKAGE and _source(name).is_file()]
