"""Digests of code and curated files, which the result of a step depends on in addition to its data.

TFX's cache compares only the inputs and parameters of a step: after an edit of the training code or of a schema file it
would still return the old result. So each step gets the digest of the code it runs as a parameter, and an edit reruns
just the steps that run it. Docstrings, comments, layout, error messages, and modules that only check, word or carry the
declaration are excluded, as they do not change the result of a step that succeeds.
"""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path

from components.declaration.functions import is_own
from pipeline import steps

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("components", "pipeline.launches")
DIGEST_LETTERS = 16
# A step's view of the declaration is a separate parameter; these modules build, check and carry it.
NOT_RUN = frozenset(
    (
        "components.errors",
        "components.progress",
        "pipeline.launches",
        "components.declaration",
        *(
            f"components.declaration.{name}"
            for name in (
                "checks",
                "data_checks",
                "criteria_checks",
                "promotion_checks",
                "json_form",
                "launch",
                "ranking_views",
                "triangle_view",
                "views",
            )
        ),
    )
)


def of_file(path: str | Path) -> str:
    """Returns the digest of a file's content; "" for a missing file, which the step that reads it reports."""
    path = Path(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LETTERS] if path.is_file() else ""


def of_step(step: str, *functions: str) -> str:
    """Returns the digest of the code that a step runs, and of a team's functions given by their dotted paths."""
    modules = dict.fromkeys(function.rpartition(".")[0] for function in functions if is_own(function))
    return "-".join(map(of_module, (*steps.find_step(step).code, *modules)))


@functools.cache
def of_module(name: str) -> str:
    """Returns the digest of a module's code and of all modules of this project that it imports."""
    modules: set[str] = set()
    queue = [name]
    while queue:
        module = queue.pop()
        if module not in modules and module not in NOT_RUN:
            modules.add(module)
            queue.extend(_imports(module))
    code = (module.encode() + _code(module) for module in sorted(modules))
    return hashlib.sha256(b"".join(code)).hexdigest()[:DIGEST_LETTERS]


def _source(module: str) -> Path:
    path = PROJECT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _code(module: str) -> bytes:
    """Returns a module's syntax tree as bytes, without docstrings and error messages."""
    return _parse(_source(module).read_text())[0]


def _imports(module: str) -> list[str]:
    """Returns the modules of this project that a module imports anywhere in its source, and their parent packages."""
    source = _source(module)
    package = module if source.name == "__init__.py" else module.rpartition(".")[0]
    origins = [(importlib.util.resolve_name(origin, package), names) for origin, names in _parse(source.read_text())[1]]
    paths = [name.split(".") for origin, names in origins for name in (origin, *(f"{origin}.{name}" for name in names))]
    packages = {".".join(path[:size]) for path in paths for size in range(1, len(path) + 1)}
    project_modules = [
        name for name in packages if name.startswith(tuple(f"{package}." for package in PACKAGES)) or name in PACKAGES
    ]
    return [name for name in project_modules if _source(name).is_file()]


# By the text, because the steps share most of their modules: parsing them for each step took 2 CPU-s of a run.
@functools.cache
def _parse(text: str) -> tuple[bytes, list[tuple[str, list[str]]]]:
    """Returns a source's bare syntax tree, and what it imports: origin (relative ones with their dots) and names."""
    bare = _Bare()
    tree = ast.dump(bare.visit(ast.parse(text)), annotate_fields=False)
    return tree.encode(), bare.imports


class _Bare(ast.NodeTransformer):
    """Removes docstrings and error messages, which do not change the result of a step, and collects the imports."""

    def __init__(self) -> None:
        self.imports: list[tuple[str, list[str]]] = []

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drops docstrings and other constant expressions."""
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keeps the class of an error, and drops its message."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        """Collects `import a.b`."""
        self.imports += [(alias.name, []) for alias in node.names]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """Collects `from .a import b`."""
        self.imports.append(("." * node.level + (node.module or ""), [alias.name for alias in node.names]))
        return node
