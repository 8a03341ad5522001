"""Only the launch files and the sample's generator name the sample's columns: a log may name its columns freely."""

import ast
import dataclasses
from pathlib import Path

import pytest

from components.declaration import Catalogue, Log
from pipeline import launches
from pipeline.local import sample

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("components", "pipeline")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "launches" not in path.parts
]
# A role may have the same name as the sample's column: it is a field of the declaration.
ROLES = {field.name for record in (Log, Catalogue) for field in dataclasses.fields(record)}
# The inputs of the served model, which occur in one dictionary with its other input.
SERVED, SERVED_WITH = "user_id", "history"
# The keys of the server's requests, which do not depend on the log's column names.
REQUEST_KEYS, SERVER = {"user_id", "item_id", "request_id"}, "serving"
# The columns of the exported tables, which do not depend on the catalogue's column names.
EXPORTED, EXPORTS = {"item_id"}, "item_vectors.py"
# The columns of a log that our own server begins: there is none yet that could name them.
BEGUN, BEGINS = {"user_id", "item_id", "timestamp", "request_id"}, "day_zero.py"


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """Returns the names of the sample's columns that are not names of roles."""
    folder = tmp_path_factory.mktemp("sample")
    sample.make(folder, events=2_000)
    parquet = pytest.importorskip("pyarrow.parquet")
    shop = launches.load("shop")
    names = {name for path in (shop.log.path, shop.catalogue.path) for name in parquet.read_schema(folder / path).names}
    return names - ROLES


def strings(path):
    """Returns all string constants of a module, each as one value."""
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_check_detects_column_names(columns):
    assert {"user_id", "item_id", "timestamp", "request_id", "device", "price"} <= columns
    assert {"item_id", "timestamp"} <= strings(ROOT / "pipeline" / "launches" / "shop.py") & columns


def test_no_module_names_a_column_of_the_sample(columns):
    named = {str(path.relative_to(ROOT)): sorted(strings(path) & (columns - allowed(path))) for path in SOURCES}
    assert not {name: words for name, words in named.items() if words}


def allowed(path):
    """The names that a module may use, because they are those of a contract of the project's own."""
    names = {SERVED} if SERVED_WITH in strings(path) else set()
    names |= REQUEST_KEYS if SERVER in path.parts else set()
    names |= BEGUN if BEGINS in path.parts else set()
    return names | (EXPORTED if EXPORTS in path.parts else set())
