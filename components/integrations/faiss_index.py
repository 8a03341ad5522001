"""A faiss index file, next to a file with its measured recall against exact search.

    FOLDER/index.faiss     `faiss.read_index` loads it; the inner product of unit vectors is the model's cosine score
    FOLDER/items.parquet   row i of the index is row i of this table
    FOLDER/index.json      version, kind, size, recall

Up to `FLAT_ITEMS` items the index is exact (flat). Larger indexes are HNSW (Malkov & Yashunin 2018, arXiv:1603.09320):
the search width grows until the index reaches the requested recall, and is stored in the index file.

Letters: n items, D vector size, q queries, k answers.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from components.integrations.parquet_file import ITEMS_FILE, write
from components.integrations.sink import AtomicFolder, library
from components.registry.item_vectors import ItemVectors

FLAT_ITEMS = 50_000
NEIGHBOURS, BUILD_WIDTH = 32, 100
WIDTHS = (32, 64, 128, 256, 512)
QUERIES, K, SEED = 1_000, 10, 7
INDEX_FILE, FACTS_FILE = "index.faiss", "index.json"
_TIE = 1e-5


@dataclasses.dataclass(frozen=True)
class FaissIndex:
    """A `Sink` that writes an index to a folder.

    Attributes:
      folder: where the three files are written.
      kind: "flat", "hnsw", or "auto" to choose by the number of items.
      recall: the recall@10 that HNSW must reach.
    """

    folder: Path
    kind: Literal["auto", "flat", "hnsw"] = "auto"
    recall: float = 0.95

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        library("faiss", "faiss")
        kind = self._kind(vectors)
        yield f"would write {kind} index of {len(vectors):,} active items of version {vectors.version}, vectors of {vectors.dim}, to {self.folder}"

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        faiss, kind, matrix = library("faiss", "faiss"), self._kind(vectors), vectors.matrix
        yield f"building {kind} index of {len(vectors):,} items, vectors of {vectors.dim}"
        index = build(faiss, matrix, kind)
        measured_recall = widen_search(faiss, index, matrix, self.recall)
        if measured_recall < self.recall:
            yield f"warning: recall@{K} {measured_recall:.4f} is below the requested {self.recall}; --kind flat is exact"
        facts = {
            "launch": vectors.launch,
            "model_version": vectors.version,
            "kind": kind,
            "items": len(vectors),
            "dim": vectors.dim,
        }
        measured = {
            "metric": "inner product",
            f"recall@{K}": round(measured_recall, 4),
            "search_width": index.hnsw.efSearch if kind == "hnsw" else None,
        }
        with AtomicFolder(self.folder) as staging:
            faiss.write_index(index, str(staging / INDEX_FILE))
            write(vectors, staging / ITEMS_FILE)
            (staging / FACTS_FILE).write_text(json.dumps(facts | measured, indent=2), encoding="utf-8")
        size = (self.folder / INDEX_FILE).stat().st_size
        yield f"recall@{K} against exact search {measured_recall:.4f}, over {min(QUERIES, len(vectors)):,} items' own vectors (themselves left out)"
        yield f"{self.folder / INDEX_FILE}: {size / 1e6:.1f} MB; row i is row i of {ITEMS_FILE}"

    def _kind(self, vectors: ItemVectors) -> str:
        if self.kind != "auto":
            return self.kind
        return "flat" if len(vectors) <= FLAT_ITEMS else "hnsw"


def build(faiss: Any, matrix: np.ndarray, kind: str) -> Any:
    """Builds an index of [n, D] float32 vectors, in their order."""
    if kind == "flat":
        index = faiss.IndexFlatIP(matrix.shape[1])
    else:
        index = faiss.IndexHNSWFlat(matrix.shape[1], NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD_WIDTH
    index.add(matrix)
    return index


def widen_search(faiss: Any, index: Any, matrix: np.ndarray, target: float) -> float:
    """Widens the search of an HNSW index until it reaches the target recall; returns the measured recall."""
    queries = np.sort(np.random.default_rng(SEED).choice(len(matrix), min(QUERIES, len(matrix)), replace=False))
    exact = build(faiss, matrix, "flat")
    if not hasattr(index, "hnsw"):
        return recall(index, exact, matrix, queries)
    measured = 0.0
    for width in WIDTHS:
        index.hnsw.efSearch = width
        measured = recall(index, exact, matrix, queries)
        if measured >= target:
            break
    return measured


def recall(index: Any, exact: Any, matrix: np.ndarray, queries: np.ndarray, k: int = K) -> float:
    """Returns recall@k of an index for queries that are items' own vectors.

    recall@k = share of the results that score at least as high as the k-th exact result, so that ties count.

    Args:
      index, exact: both hold `matrix` [n, D] in its order.
      queries: [q] int rows of `matrix`; an item is no result of its own query.
      k: number of results; at most n - 1.
    """
    k = min(k, len(matrix) - 1)
    if k < 1:
        return 1.0
    threshold = _neighbour_scores(exact, matrix, queries, k)[:, -1]
    return float((_neighbour_scores(index, matrix, queries, k) >= threshold[:, None] - _TIE).mean())


def _neighbour_scores(index: Any, matrix: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """Returns the scores of the k best items other than the query's own: [q, k], best first, padded with -inf."""
    scores, rows = index.search(matrix[queries], k + 1)
    scores = np.where((rows < 0) | (rows == queries[:, None]), -np.inf, scores)
    return -np.sort(-scores, axis=1)[:, :k]
