"""docs/infrastructure.md says what is there."""

import re
import shlex
from pathlib import Path

import pytest

from components.integrations import faiss_index, feast_online, pinecone_index
from components.registry import vector_file
from components.serving.history_store import REMEMBERED_ITEMS
from pipeline import launches
from pipeline.cli import main
from pipeline.local import history_choice

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "infrastructure.md").read_text()


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"^    python -m pipeline (.*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)))
)
def test_commands_can_be_typed_as_they_stand(line):
    assert main._parser().parse_args(shlex.split(line)).command


def test_every_place_and_every_extra_is_described():
    extras = re.search(r"optional-dependencies\]\n(.*?)\n\n", (ROOT / "pyproject.toml").read_text(), re.DOTALL).group(1)
    named = set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))

    assert named == set(re.findall(r"'\.\[(\w+)\]'", TEXT)) >= {"faiss", "feast", "pinecone", "vertex", "vespa"}
    for place in ("parquet", "faiss", "vespa", "pinecone", "vertex"):
        assert f"python -m pipeline vectors {place}" in TEXT


def test_numbers_are_the_real_ones():
    assert f"Up to {faiss_index.FLAT_ITEMS:,} items" in TEXT
    assert (
        f"sent again after {', '.join(f'{pause:.0f}' for pause in pinecone_index.PAUSES[:-1])} and {pinecone_index.PAUSES[-1]:.0f} s"
        in TEXT
    )
    assert f"Longer than {pinecone_index.LONGEST_ID} characters" in TEXT
    assert f"the last {REMEMBERED_ITEMS} items" in TEXT and f"a sample of {feast_online.READ_AT_MOST:,}" in TEXT
    assert f"tensor<float>(x[{launches.load('shop').model.dim}])" in TEXT
    assert vector_file.FILE in TEXT


def test_the_defaults_are_those_of_the_options():
    given = main._parser().parse_args(["vectors", "pinecone"])
    assert f"`--keep` ({given.keep})" in TEXT and f"`--max-deletes` ({given.max_deletes})" in TEXT
    assert f"`--recall` ({main._parser().parse_args(['vectors', 'faiss']).recall})" in TEXT
    assert "feast" in history_choice.NAMED
