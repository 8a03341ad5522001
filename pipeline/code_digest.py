"""Digests of what a step's outcome depends on beside its data: code and curated files.

TFX's cache compares a step's inputs and parameters only: it would serve yesterday's model after its training code was
edited, and yesterday's schema after the file was. So each step gets the digest of the code it runs as a parameter, and an
edit reruns just the steps that run it. What only checks, words or carries a declaration is left out, and so are docstrings,
comments, layout and the texts of errors: none of them changes what a step that succeeds has made.
"""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("components", "pipeline.launches")
DIGEST_LETTERS = 16
# A step's view of the declaration is a parameter of its own; these modules make, check and carry it.
NOT_RUN = frozenset(
    (
        "components.errors",
        "components.progress",
        "pipeline.launches",
        "components.declaration",
        *(
            f"components.declaration.{name}"
            for name in ("checks", "data_checks", "criteria_checks", "json_form", "launch", "views")
        ),
    )
)


def of_file(path: str | Path) -> str:
    """Returns the digest of a file's content; "" where there is none, as the step that reads it says so better."""
    path = Path(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LETTERS] if path.is_file() else ""


@functools.cache
def of_module(name: str) -> str:
    """Returns the digest of what a module runs: its own code and that of all modules of ours that it imports."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in reached and module not in NOT_RUN:
            reached.add(module)
            waiting.extend(_imports(module))
    code = (module.encode() + _code(module) for module in sorted(reached))
    return hashlib.sha256(b"".join(code)).hexdigest()[:DIGEST_LETTERS]


def _source(module: str) -> Path:
    path = PROJECT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _code(module: str) -> bytes:
    """Returns a module's syntax tree as bytes, without docstrings and the texts of errors."""
    return ast.dump(_Bare().visit(ast.parse(_source(module).read_text()))).encode()


class _Bare(ast.NodeTransformer):
    """Removes what a reader sees and a run does not."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drops docstrings and other constants that stand alone."""
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keeps which error is raised, and drops its text."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node


def _imports(module: str) -> list[str]:
    """Returns the modules of our package that a module's source imports, wherever in it, and the packages that hold them."""
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
    holders = {".".join(part[:size]) for part in parts for size in range(1, len(part) + 1)}
    ours = [
        name for name in holders if name.startswith(tuple(f"{package}." for package in PACKAGES)) or name in PACKAGES
    ]
    return [name for name in ours if _source(name).is_file()]
