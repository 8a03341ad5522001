"""A Parquet file that names a pickled type runs nothing, wherever a file is read (CVE-2023-47248)."""

import ast
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[2]
# Writes a file whose schema runs a command when an unprotected pyarrow reads it; in a process of its own, which has no protection.
WRITER = """
import os, sys
import pyarrow as pa
import pyarrow.parquet as pq

class Evil(pa.PyExtensionType):
    def __init__(self):
        pa.PyExtensionType.__init__(self, pa.string())

    def __reduce__(self):
        return os.system, (f"touch {sys.argv[2]}",)

columns = {"user_id": ["u1", "u2"], "item_id": ["i1", "i2"], "timestamp": [1_700_000_000, 1_700_000_001]}
columns["note"] = pa.ExtensionArray.from_storage(Evil(), pa.array(["x", "x"]))
pq.write_table(pa.table(columns), sys.argv[1])
"""
READER = "import sys, pyarrow.parquet as pq; pq.read_table(sys.argv[1])"
SCHEMA = "from components.ingest import parquet_blocks; parquet_blocks.first_schema(sys.argv[1])"
ROWS = "from components.ingest import parquet_blocks; list(parquet_blocks.blocks(sys.argv[1]))"
NEW = "from pipeline.cli import main; main.main(['new', sys.argv[1] + '-project/mine', '--log', sys.argv[1]])"
old = pytest.mark.skipif(
    int(pa.__version__.split(".")[0]) >= 14, reason="this pyarrow runs nothing and cannot write such a file"
)


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def crafted(tmp_path):
    done = python(WRITER, tmp_path / "events.parquet", tmp_path / "ran")
    assert done.returncode == 0, done.stderr
    return tmp_path / "events.parquet"


@old
def test_the_crafted_file_runs_a_command_where_nothing_protects(crafted):
    python(READER, crafted)
    assert (crafted.parent / "ran").exists()


@old
@pytest.mark.parametrize("code", [SCHEMA, ROWS, NEW], ids=["schema", "rows", "new"])
def test_the_crafted_file_runs_nothing_and_is_refused_in_words(crafted, code):
    done = python(f"import sys; {code}", crafted)
    assert not (crafted.parent / "ran").exists()
    message = done.stderr.splitlines()[-1]
    assert str(crafted) in message and "would run code" in message, done.stderr
    assert code != NEW or "Traceback" not in done.stderr


def test_every_module_takes_parquet_from_the_safe_one():
    readers = {"pyarrow.parquet", "pyarrow.dataset", "pyarrow.feather", "pyarrow.ipc", "pyarrow.orc"}
    importers = set()
    for path in (*(ROOT / "components").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if readers.intersection(named) or (isinstance(node, ast.ImportFrom) and node.module == "pyarrow"):
                importers.add(path.name)
    assert importers == {"safe_parquet.py"}
