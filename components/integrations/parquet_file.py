"""The items of a version as one Parquet file with the version in every row, for any system that loads tables."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from components.integrations.sink import AtomicFolder
from components.registry.item_vectors import MODEL_VERSION, ItemVectors
from components.safe_parquet import parquet as pq

ITEMS_FILE = "items.parquet"


@dataclasses.dataclass(frozen=True)
class ParquetFile:
    """A `Sink` that writes FOLDER/items.parquet: active items, vectors, catalogue columns, model_version int64."""

    folder: Path

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        yield f"would write {len(vectors):,} active items of version {vectors.version}, vectors of {vectors.dim}, to {self.folder / ITEMS_FILE}"

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        with AtomicFolder(self.folder) as staging:
            write(vectors, staging / ITEMS_FILE)
        yield f"{len(vectors):,} active items of version {vectors.version}, vectors of {vectors.dim}: {self.folder / ITEMS_FILE}"


def write(vectors: ItemVectors, file: Path | BinaryIO) -> None:
    """Writes the rows with the column model_version."""
    version = pa.array([vectors.version], pa.int64()).take(pa.array([0] * len(vectors)))
    pq.write_table(vectors.table.append_column(MODEL_VERSION, version), file)
