"""docs/infrastructure.md says what is there."""

import re
from pathlib import Path

from components.integrations import faiss_index, feast_online, pgvector_table, pinecone_index
from components.registry import vector_file
from components.serving.history_store import REMEMBERED_ITEMS
from pipeline import launches
from pipeline.cli import main
from pipeline.local import history_choice

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "infrastructure.md").read_text()
PROSE = " ".join(TEXT.split())


def test_every_export_and_every_extra_is_described():
    extras = re.search(r"optional-dependencies\]\n(.*?)\n\n", (ROOT / "pyproject.toml").read_text(), re.DOTALL).group(1)
    named = set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))

    assert named == set(re.findall(r"'\.\[(\w+)\]'", TEXT)) >= {"faiss", "feast", "pinecone", "vertex", "vespa"}
    for export in ("parquet", "faiss", "pgvector", "qdrant", "vespa", "pinecone", "vertex"):
        assert f"python -m pipeline vectors {export}" in TEXT


def test_numbers_are_the_real_ones():
    assert f"Up to {faiss_index.FLAT_ITEMS:,} items" in PROSE
    assert (
        f"sent again after {', '.join(f'{pause:.0f}' for pause in pinecone_index.PAUSES[:-1])} and {pinecone_index.PAUSES[-1]:.0f} s"
        in PROSE
    )
    assert f"Longer than {pinecone_index.LONGEST_ID} characters" in PROSE
    assert f"the last {REMEMBERED_ITEMS} items" in PROSE and f"a sample of {feast_online.READ_AT_MOST:,}" in PROSE
    assert f"tensor<float>(x[{launches.load('shop').model.dim}])" in PROSE
    assert vector_file.FILE in PROSE


def test_the_defaults_are_those_of_the_options():
    options = main.build_parser().parse_args(["vectors", "pinecone"])
    assert f"`--keep` ({options.keep})" in PROSE and f"`--max-deletes` ({options.max_deletes})" in PROSE
    assert f"`--recall` ({main.build_parser().parse_args(['vectors', 'faiss']).recall})" in PROSE
    for export in ("pgvector", "qdrant"):
        assert f"`--keep` ({main.build_parser().parse_args(['vectors', export]).keep}) of them" in PROSE
    assert (
        pgvector_table.FLAT_ITEMS == faiss_index.FLAT_ITEMS and f"for {pgvector_table._LOCK_SECONDS} s stops" in PROSE
    )
    assert "feast" in history_choice.NAMED
