"""A faiss index file, with its recall against exact search measured and written beside it.

    FOLDER/index.faiss     `faiss.read_index` loads it; the inner product of unit vectors is the cosine that the model ranks by
    FOLDER/items.parquet   row i of the index is row i of this table
    FOLDER/index.json      version, kind, size, recall

Up to `FLAT_ITEMS` items the index is exact (flat). Beyond it is HNSW (Malkov & Yashunin 2018, arXiv:1603.09320), whose
search width grows until the recall is what was asked for; the width is stored in the index file.

Letters: n items, D vector size, q queries, k answers.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from components.integrations.parquet_file import ITEMS_FILE, write
from components.integrations.sink import WrittenWhole, library
from components.registry.item_vectors import ItemVectors

FLAT_ITEMS = 50_000
NEIGHBOURS, BUILD_WIDTH = 32, 100
WIDTHS = (32, 64, 128, 256, 512)
ASKED, K, SEED = 1_000, 10, 7
INDEX_FILE, FACTS_FILE = "index.faiss", "index.json"
_TIE = 1e-5


@dataclasses.dataclass(frozen=True)
class FaissIndex:
    """A `Sink` that writes an index to a folder.

    Attributes:
      folder: of the three files.
      kind: "flat", "hnsw", or "auto" to choose by size.
      recall: the recall@10 up to which the search width of HNSW grows.
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
        found = reached(faiss, index, matrix, self.recall)
        if found < self.recall:
            yield f"warning: recall@{K} {found:.4f} is below the {self.recall} asked for; --kind flat is exact"
        facts = {
            "launch": vectors.launch,
            "model_version": vectors.version,
            "kind": kind,
            "items": len(vectors),
            "dim": vectors.dim,
        }
        measured = {
            "metric": "inner product",
            f"recall@{K}": round(found, 4),
            "search_width": index.hnsw.efSearch if kind == "hnsw" else None,
        }
        with WrittenWhole(self.folder) as half:
            faiss.write_index(index, str(half / INDEX_FILE))
            write(vectors, half / ITEMS_FILE)
            (half / FACTS_FILE).write_text(json.dumps(facts | measured, indent=2), encoding="utf-8")
        size = (self.folder / INDEX_FILE).stat().st_size
        yield f"recall@{K} against exact search {found:.4f}, over {min(ASKED, len(vectors)):,} items' own vectors (themselves left out)"
        yield f"{self.folder / INDEX_FILE}: {size / 1e6:.1f} MB; row i is row i of {ITEMS_FILE}"

    def _kind(self, vectors: ItemVectors) -> str:
        if self.kind != "auto":
            return self.kind
        return "flat" if len(vectors) <= FLAT_ITEMS else "hnsw"


def build(faiss: Any, matrix: np.ndarray, kind: str) -> Any:
    """The index of [n, D] float32 vectors, in their order."""
    if kind == "flat":
        index = faiss.IndexFlatIP(matrix.shape[1])
    else:
        index = faiss.IndexHNSWFlat(matrix.shape[1], NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD_WIDTH
    index.add(matrix)
    return index


def reached(faiss: Any, index: Any, matrix: np.ndarray, wanted: float) -> float:
    """Widens the search of an HNSW index until its recall is what is wanted; the recall it then has."""
    asked = np.sort(np.random.default_rng(SEED).choice(len(matrix), min(ASKED, len(matrix)), replace=False))
    exact = build(faiss, matrix, "flat")
    if not hasattr(index, "hnsw"):
        return recall(index, exact, matrix, asked)
    found = 0.0
    for width in WIDTHS:
        index.hnsw.efSearch = width
        found = recall(index, exact, matrix, asked)
        if found >= wanted:
            break
    return found


def recall(index: Any, exact: Any, matrix: np.ndarray, asked: np.ndarray, k: int = K) -> float:
    """recall@k = share of the answers that score at least what the k-th exact answer scores; each item is asked for its neighbours.

    Args:
      index, exact: both hold `matrix` [n, D] in its order.
      asked: [q] int rows; an item itself is no answer to its own vector.
      k: how many answers count; fewer where there are fewer other items.
    """
    k = min(k, len(matrix) - 1)
    if k < 1:
        return 1.0
    bar = _others(exact, matrix, asked, k)[:, -1]
    return float((_others(index, matrix, asked, k) >= bar[:, None] - _TIE).mean())


def _others(index: Any, matrix: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    """The scores of the k best items other than the asked ones: [q, k], best first; -inf where the index found fewer."""
    scores, rows = index.search(matrix[asked], k + 1)
    scores = np.where((rows < 0) | (rows == asked[:, None]), -np.inf, scores)
    return -np.sort(-scores, axis=1)[:, :k]
