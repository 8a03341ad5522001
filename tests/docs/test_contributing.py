"""The list of hooks in CONTRIBUTING: every private name of a library that the code uses, with a test that exists."""

import ast
import re
from pathlib import Path

from doc_pages import ROOT, read_page

ROWS = re.findall(r"^\| (`.*) \| `(\S+\.py)` \| `(\S+\.py)` \|$", read_page("CONTRIBUTING.md"), re.MULTILINE)
OF_PYTHON = {"_replace", "_asdict", "_fields", "_exit"}
PRIVATE = re.compile(r"_[A-Za-z]\w*")


def modules():
    return [path for package in ("components", "pipeline") for path in sorted((ROOT / package).rglob("*.py"))]


def names_of(tree):
    """Returns the names that a module defines: functions, classes, and attributes that it assigns."""
    nodes = list(ast.walk(tree))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return defined | {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


def find_hooks():
    """Returns (module, name) of each private attribute that no module of the project defines."""
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in modules()}
    own_names = set().union(*map(names_of, trees.values()))
    return {
        (name, node.attr)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and PRIVATE.fullmatch(node.attr) and node.attr not in own_names | OF_PYTHON
    }


def test_every_hook_is_on_the_list():
    listed = {(module, name) for names, module, _ in ROWS for name in PRIVATE.findall(names)}
    assert find_hooks() and not find_hooks() - listed


def test_the_list_names_files_that_exist():
    assert ROWS and all(Path(ROOT, name).is_file() for _, *files in ROWS for name in files)
