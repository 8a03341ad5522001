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
EXPORTED, EXPORTS = {"item_id"}, "vectors"


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_names_a_column_of_the_sample(path, columns):
    found = strings(path)
    allowed = {SERVED} if SERVED_BESIDE in found else set()
    allowed |= REQUEST_KEYS if SERVER in path.parts else set()
    allowed |= EXPORTED if EXPORTS in path.parts else set()
    assert not found & (columns - allowed)
