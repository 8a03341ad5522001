"""Digests of what a step's outcome depends on beside its data: code and curated files.

TFX's cache looks at a step's inputs and parameters only: it would serve yesterday's model after its training code was
edited, and
yesterday's schema after the file was. So each step gets the digest of its own code as a parameter, and edits run again
just the
steps that they touch.
"""

import ast
import functools
import hashlib
import importlib.util
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
    return hashlib.sha256(b"".join(module.encode() + sources[module] for module in sorted(sources))).hexdigest()[
        :DIGEST_LETTERS
    ]


def _source(module: str) -> Path:
    path = PROJECT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(module: str) -> list[str]:
    """The modules of our package that a module's source imports, wherever in it, and the packages that hold them."""
    source = _source(module)
    package = module if source.name == "__init__.py" else module.rpartition(".")[0]
    names = []
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    parts = [name.split(".") for name in names]
    holders = {".".join(part[:size]) for part in parts for size in range(1, len(part) + 1) if part[0] == PACKAGE}
    return [name for name in holders if _source(name).is_file()]
