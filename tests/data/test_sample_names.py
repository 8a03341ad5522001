"""Nothing but the launch files and the sample's generator knows what the sample's columns are called: a log may call them anything."""

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
# A role may have the name that the sample gives its column: it is then a field of the declaration.
ROLES = {field.name for record in (Log, Catalogue) for field in dataclasses.fields(record)}
# The served model's own inputs, which stand in one dictionary with its other input.
SERVED, SERVED_BESIDE = "user_id", "history"
# The keys of the server's own requests, which are the same whatever the log calls its columns.
REQUEST_KEYS, SERVER = {"user_id", "item_id", "request_id"}, "serving"
# The columns of the tables that the project exports, which are the same whatever the catalogue calls its own.
EXPORTED, EXPORTS = {"item_id"}, {"integrations", "registry"}


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """The names of the sample's columns that are no role."""
    folder = tmp_path_factory.mktemp("sample")
    sample.make(folder, events=2_000)
    parquet = pytest.importorskip("pyarrow.parquet")
    shop = launches.load("shop")
    names = {name for path in (shop.log.path, shop.catalogue.path) for name in parquet.read_schema(folder / path).names}
    return names - ROLES


def strings(path):
    """Every string of a module that is exactly a value in it: not a word in a docstring or a message."""
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_rule_sees_what_it_forbids(columns):
    assert {"user_id", "item_id", "timestamp", "request_id", "device", "price"} <= columns
    assert {"item_id", "timestamp"} <= strings(ROOT / "pipeline" / "launches" / "shop.py") & columns


def test_no_module_names_a_column_of_the_sample(columns):
    named = {str(path.relative_to(ROOT)): sorted(strings(path) & (columns - allowed(path))) for path in SOURCES}
    assert not {name: words for name, words in named.items() if words}


def allowed(path):
    """The names that a module may use, because they are those of a contract of the project's own."""
    names = {SERVED} if SERVED_BESIDE in strings(path) else set()
    names |= REQUEST_KEYS if SERVER in path.parts else set()
    return names | (EXPORTED if EXPORTS & set(path.parts) else set())
