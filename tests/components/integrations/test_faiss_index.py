import json
import subprocess
import sys

import numpy as np
import pytest
from small_vectors import random_vectors, vectors

from components.integrations import faiss_index
from components.integrations.faiss_index import FaissIndex

faiss = pytest.importorskip("faiss", reason="the extra `faiss` is not installed")

SEARCH = """
import json, sys, faiss, numpy as np, pyarrow.parquet as pq
index, rows = faiss.read_index(sys.argv[1] + "/index.faiss"), pq.read_table(sys.argv[1] + "/items.parquet")
scores, places = index.search(np.array([[0, 0.8, 0.6]], np.float32), 3)
print(json.dumps([rows["item_id"].take(places[0]).to_pylist(), scores[0].tolist()]))
"""


def test_plain_faiss_answers_from_the_files_alone(tmp_path):
    lines = list(FaissIndex(tmp_path / "out").send(vectors()))

    found = json.loads(
        subprocess.run(
            [sys.executable, "-c", SEARCH, str(tmp_path / "out")], capture_output=True, check=True, timeout=60
        ).stdout
    )
    assert found[0] == ["i3", "i1", "i2"]
    assert found[1] == pytest.approx([0.6 * 0.8 + 0.8 * 0.6, 0.8, 0.6])
    assert lines[1] == "recall@10 against exact search 1.0000, over 4 items' own vectors (themselves left out)"


def test_hnsw_reaches_the_recall_that_was_asked_for_and_keeps_its_width(tmp_path):
    made = random_vectors(3_000)
    list(FaissIndex(tmp_path, kind="hnsw", recall=0.99).send(made))

    facts = json.loads((tmp_path / "index.json").read_text())
    index = faiss.read_index(str(tmp_path / "index.faiss"))
    assert facts["recall@10"] >= 0.99
    assert index.hnsw.efSearch == facts["search_width"]
    # An answer of our own to what recall is: numpy, over every item.
    scores = made.matrix @ made.matrix.T
    np.fill_diagonal(scores, -np.inf)
    bar = np.sort(scores, axis=1)[:, -10]
    found_scores, found = index.search(made.matrix, 11)
    hits = [
        (row_scores[row != item] >= bar[item] - 1e-5)[:10].mean()
        for item, (row, row_scores) in enumerate(zip(found, found_scores, strict=True))
    ]
    assert np.mean(hits) >= 0.98


def test_recall_falls_when_the_index_holds_the_wrong_vectors():
    made, other = random_vectors(500), random_vectors(500, seed=1)
    exact, wrong = faiss_index.build(faiss, made.matrix, "flat"), faiss_index.build(faiss, other.matrix, "flat")
    # Ranked by the wrong vectors: the scores are made comparable by asking the right ones for the places that were
    # found.
    _, places = wrong.search(made.matrix, 11)
    scores = np.einsum("qd,qkd->qk", made.matrix, made.matrix[places])

    class Wrong:
        def search(self, queries, k):
            return scores[:, :k], places[:, :k]

    assert faiss_index.recall(exact, exact, made.matrix, np.arange(500)) == 1.0
    assert faiss_index.recall(Wrong(), exact, made.matrix, np.arange(500)) < 0.3


def test_a_recall_that_is_not_reached_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(faiss_index, "WIDTHS", (1,))
    lines = list(FaissIndex(tmp_path, kind="hnsw", recall=1.0).send(random_vectors(2_000)))

    assert lines[1].startswith("warning: recall@10 0.") and lines[1].endswith(
        "is below the 1.0 asked for; --kind flat is exact"
    )


@pytest.mark.parametrize(("size", "kind"), [(50_000, "flat"), (50_001, "hnsw")])
def test_the_size_chooses_the_kind(tmp_path, size, kind):
    made = vectors(np.ones((size, 1), np.float32))

    assert next(FaissIndex(tmp_path / "out").plan(made)).startswith(
        f"would write {kind} index of {size:,} active items of version 7"
    )
    assert not (tmp_path / "out").exists()


def test_one_item_has_no_neighbours(tmp_path):
    assert "recall@10 against exact search 1.0000, over 1 items" in "\n".join(
        FaissIndex(tmp_path).send(vectors([[1.0, 0.0]]))
    )
