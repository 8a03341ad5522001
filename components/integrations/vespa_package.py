"""A Vespa application package and the feed for it, as files: `vespa deploy` and `vespa feed` take them as they are.

    FOLDER/application/schemas/item.sd   fields, the HNSW index over the vector, the rank profile "closeness"
    FOLDER/application/services.xml      one container and one content cluster: enlarge it for production
    FOLDER/feed.jsonl                    one put per item

Documents of different versions have different ids ("<version>.<item>") and lie side by side: a query asks for its own
version by
`model_version`, and the old version's documents go when nobody asks for them any more. Vectors of two versions do not
compare.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa

from components.integrations.sink import WrittenWhole, library
from components.registry.item_vectors import ITEM, MODEL_VERSION, TITLE, VECTOR, ItemVectors, VectorsError

DOCUMENT, PROFILE, QUERY = "item", "closeness", "q"
APPLICATION, FEED = "application", "feed.jsonl"
BATCH = 10_000
# What Vespa refuses in a string: control characters but tab and line ends, and what Unicode calls no character.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufdd0-\ufdef\ufffe\uffff]")


@dataclasses.dataclass(frozen=True)
class VespaPackage:
    """A `Sink` that writes application package and feed to a folder."""

    folder: Path

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        package, directed = application(vectors), _sendable(vectors)
        yield from _left_out(vectors, directed)
        yield f"would write {self.folder / FEED}: {len(directed):,} puts of version {vectors.version}, vectors of {vectors.dim}; the schema:"
        yield package.schema.schema_to_text.strip()

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        package, directed = application(vectors), _sendable(vectors)
        yield from _left_out(vectors, directed)
        with WrittenWhole(self.folder) as half:
            package.to_files(half / APPLICATION)
            with (half / FEED).open("w", encoding="utf-8") as file:
                for batch in directed.batches(BATCH):
                    _write_puts(batch, file)
        yield f"{self.folder / APPLICATION}: schema {DOCUMENT}, rank profile {PROFILE}, tensor<float>(x[{vectors.dim}])"
        yield f"{self.folder / FEED}: {len(directed):,} puts of version {vectors.version}"
        yield f"next: vespa deploy {self.folder / APPLICATION} && vespa feed {self.folder / FEED}"


def application(vectors: ItemVectors) -> Any:
    """The application package, a `vespa.package.ApplicationPackage`.

    Raises:
      VectorsError: if pyvespa is missing, or does not take the launch's name.
    """
    package = library("vespa.package", "vespa")
    tensor = f"tensor<float>(x[{vectors.dim}])"
    kinds = {name: vectors.table.schema.field(name).type for name in vectors.features}
    fields = [
        package.Field(ITEM, "string", ["attribute", "summary"], attribute=["fast-search"]),
        package.Field(MODEL_VERSION, "long", ["attribute", "summary"], attribute=["fast-search"]),
        _field(package, TITLE, pa.string()),
        *(_field(package, name, kind) for name, kind in kinds.items()),
        # Vectors of length 1: this distance orders them as the cosine does.
        package.Field(VECTOR, tensor, ["attribute", "index"], ann=package.HNSW("prenormalized-angular", 16, 200)),
    ]
    texts = [TITLE, *(name for name, kind in kinds.items() if pa.types.is_string(kind))]
    profile = package.RankProfile(PROFILE, f"{PROFILE}(field, {VECTOR})", inputs=[(f"query({QUERY})", tensor)])
    schema = package.Schema(DOCUMENT, package.Document(fields), [package.FieldSet("default", texts)], [profile])
    try:
        return package.ApplicationPackage(vectors.launch, [schema], create_query_profile_by_default=False)
    except ValueError as error:
        raise VectorsError(f"Vespa needs another name than the launch's, got {vectors.launch!r}: {error}.") from error


def put(item: str, version: int, launch: str, fields: dict[str, Any]) -> dict[str, Any]:
    """One document of the feed."""
    return {"put": f"id:{launch}:{DOCUMENT}::{version}.{item}", "fields": fields}


def _field(package: Any, name: str, kind: pa.DataType) -> Any:
    """Words are found and filtered by, numbers are filtered and ranked by."""
    if pa.types.is_string(kind):
        return package.Field(name, "string", ["index", "attribute", "summary"], index="enable-bm25")
    return package.Field(name, "long" if pa.types.is_integer(kind) else "double", ["attribute", "summary"])


def _sendable(vectors: ItemVectors) -> ItemVectors:
    """Items with a direction and an id that Vespa takes.

    Raises:
      VectorsError: for ids with control characters, which no document can have.
    """
    wrong = [item for item in vectors.ids if FORBIDDEN.search(item)]
    if wrong:
        raise VectorsError(
            f"Vespa needs ids without control characters, got {wrong[0]!r} and {len(wrong) - 1:,} more. Nothing was written."
        )
    return vectors.directed()


def _left_out(vectors: ItemVectors, directed: ItemVectors) -> Iterator[str]:
    if len(directed) < len(vectors):
        yield f"left out: {len(vectors) - len(directed):,} items of which the model knows nothing (their vector is zero, and has no direction)"


def _write_puts(batch: ItemVectors, file: TextIO) -> None:
    # A float32 of a unit vector needs no more than 8 decimals; all 17 of a double would double the file.
    values = np.round(batch.matrix.astype(np.float64), 8).tolist()
    for row, vector in zip(batch.records(), values, strict=True):
        known = {
            name: FORBIDDEN.sub(" ", value) if isinstance(value, str) else value
            for name, value in row.items()
            if name != "active"
        }
        fields = known | {MODEL_VERSION: batch.version, VECTOR: {"values": vector}}
        file.write(
            json.dumps(put(row[ITEM], batch.version, batch.launch, fields), ensure_ascii=False, allow_nan=False) + "\n"
        )
