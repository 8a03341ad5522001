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
scores, indices = index.search(np.array([[0, 0.8, 0.6]], np.float32), 3)
print(json.dumps([rows["item_id"].take(indices[0]).to_pylist(), scores[0].tolist()]))
"""


def test_plain_faiss_answers_from_the_files_alone(tmp_path):
    lines = list(FaissIndex(tmp_path / "out").send(vectors()))

    items, scores = json.loads(
        subprocess.run(
            [sys.executable, "-c", SEARCH, str(tmp_path / "out")], capture_output=True, check=True, timeout=60
        ).stdout
    )
    assert items == ["i3", "i1", "i2"]
    assert scores == pytest.approx([0.6 * 0.8 + 0.8 * 0.6, 0.8, 0.6])
    assert lines[1] == "recall@10 against exact search 1.0000, over 4 items' own vectors (themselves left out)"


def test_hnsw_reaches_the_requested_recall_and_stores_its_width(tmp_path):
    items = random_vectors(3_000)
    list(FaissIndex(tmp_path, kind="hnsw", recall=0.99).send(items))

    facts = json.loads((tmp_path / "index.json").read_text())
    index = faiss.read_index(str(tmp_path / "index.faiss"))
    assert facts["recall@10"] >= 0.99
    assert index.hnsw.efSearch == facts["search_width"]
    # An independent oracle of recall: numpy, over every item.
    scores = items.matrix @ items.matrix.T
    np.fill_diagonal(scores, -np.inf)
    threshold = np.sort(scores, axis=1)[:, -10]
    index_scores, neighbours = index.search(items.matrix, 11)
    hits = [
        (row_scores[row != item] >= threshold[item] - 1e-5)[:10].mean()
        for item, (row, row_scores) in enumerate(zip(neighbours, index_scores, strict=True))
    ]
    assert np.mean(hits) >= 0.98


def test_recall_falls_when_the_index_holds_the_wrong_vectors():
    items, other = random_vectors(500), random_vectors(500, seed=1)
    exact, wrong = faiss_index.build(faiss, items.matrix, "flat"), faiss_index.build(faiss, other.matrix, "flat")
    # Ranked by the wrong vectors, scored by the right ones, so that the scores are comparable.
    _, indices = wrong.search(items.matrix, 11)
    scores = np.einsum("qd,qkd->qk", items.matrix, items.matrix[indices])

    class Wrong:
        def search(self, queries, k):
            return scores[:, :k], indices[:, :k]

    assert faiss_index.recall(exact, exact, items.matrix, np.arange(500)) == 1.0
    assert faiss_index.recall(Wrong(), exact, items.matrix, np.arange(500)) < 0.3


def test_a_recall_below_the_request_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(faiss_index, "WIDTHS", (1,))
    lines = list(FaissIndex(tmp_path, kind="hnsw", recall=1.0).send(random_vectors(2_000)))

    assert lines[1].startswith("warning: recall@10 0.") and lines[1].endswith(
        "is below the requested 1.0; --kind flat is exact"
    )


@pytest.mark.parametrize(("size", "kind"), [(50_000, "flat"), (50_001, "hnsw")])
def test_the_size_chooses_the_kind(tmp_path, size, kind):
    items = vectors(np.ones((size, 1), np.float32))

    assert next(FaissIndex(tmp_path / "out").plan(items)).startswith(
        f"would write {kind} index of {size:,} active items of version 7"
    )
    assert not (tmp_path / "out").exists()


def test_one_item_has_no_neighbours(tmp_path):
    assert "recall@10 against exact search 1.0000, over 1 items" in "\n".join(
        FaissIndex(tmp_path).send(vectors([[1.0, 0.0]]))
    )
