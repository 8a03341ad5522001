"""Writes a Vespa application package and its feed, ready for `vespa deploy` and `vespa feed`.

    FOLDER/application/schemas/item.sd   fields, the HNSW index over the vector, the rank profile "closeness"
    FOLDER/application/services.xml      one container and one content cluster: enlarge it for production
    FOLDER/feed.jsonl                    one put per item

Documents of different versions have different ids ("<version>.<item>") and coexist. A query filters by `model_version`,
as vectors of two versions are not comparable; delete a version's documents once it is no longer queried.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa

from components.integrations.sink import AtomicFolder, library
from components.registry.item_vectors import ITEM, MODEL_VERSION, TITLE, VECTOR, ItemVectors, VectorsError

DOCUMENT, PROFILE, QUERY = "item", "closeness", "q"
APPLICATION, FEED = "application", "feed.jsonl"
BATCH = 10_000
# Names of fields that `vespa deploy` refuses.
RESERVED = frozenset(
    (
        "attribute",
        "index",
        "position",
        "summary",
        "documentid",
        "relevancy",
        "sddocname",
        "rankfeatures",
        "summaryfeatures",
    )
)
# What Vespa refuses in a string: control characters but tab and line ends, and what Unicode calls no character.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufdd0-\ufdef\ufffe\uffff]")


@dataclasses.dataclass(frozen=True)
class VespaPackage:
    """A `Sink` that writes application package and feed to a folder."""

    folder: Path

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        package, directed = application(vectors), _sendable(vectors)
        yield from _report_left_out(vectors, directed)
        yield f"would write {self.folder / FEED}: {len(directed):,} puts of version {vectors.version}, vectors of {vectors.dim}; the schema:"
        yield package.schema.schema_to_text.strip()

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        package, directed = application(vectors), _sendable(vectors)
        yield from _report_left_out(vectors, directed)
        with AtomicFolder(self.folder) as staging:
            package.to_files(staging / APPLICATION)
            with (staging / FEED).open("w", encoding="utf-8") as file:
                for batch in directed.batches(BATCH):
                    _write_puts(batch, file)
        yield f"{self.folder / APPLICATION}: schema {DOCUMENT}, rank profile {PROFILE}, tensor<float>(x[{vectors.dim}])"
        yield f"{self.folder / FEED}: {len(directed):,} puts of version {vectors.version}"
        yield f"next: vespa deploy {self.folder / APPLICATION} && vespa feed {self.folder / FEED}"
        # `vespa feed` ends with status 0 also when documents were refused.
        yield f"then: feeder.ok.count in its answer must be {len(directed)}, see feeder.error.count for what was refused"


def application(vectors: ItemVectors) -> Any:
    """Builds the application package, a `vespa.package.ApplicationPackage`.

    Raises:
      VectorsError: if pyvespa is not installed, or rejects the launch's name.
    """
    package = library("vespa.package", "vespa")
    tensor = f"tensor<float>(x[{vectors.dim}])"
    kinds = {name: vectors.table.schema.field(name).type for name in vectors.features}
    fields = [
        package.Field(ITEM, "string", ["attribute", "summary"], attribute=["fast-search"]),
        package.Field(MODEL_VERSION, "long", ["attribute", "summary"], attribute=["fast-search"]),
        _field(package, TITLE, pa.string()),
        *(_field(package, escape(name), kind) for name, kind in kinds.items()),
        # Vectors of length 1: this distance orders them as the cosine does.
        package.Field(VECTOR, tensor, ["attribute", "index"], ann=package.HNSW("prenormalized-angular", 16, 200)),
    ]
    texts = [TITLE, *(escape(name) for name, kind in kinds.items() if pa.types.is_string(kind))]
    profile = package.RankProfile(PROFILE, f"{PROFILE}(field, {VECTOR})", inputs=[(f"query({QUERY})", tensor)])
    schema = package.Schema(DOCUMENT, package.Document(fields), [package.FieldSet("default", texts)], [profile])
    try:
        return package.ApplicationPackage(vectors.launch, [schema], create_query_profile_by_default=False)
    except ValueError as error:
        raise VectorsError(f"Vespa needs another name than the launch's, got {vectors.launch!r}: {error}.") from error


def escape(name: str) -> str:
    """Returns the field's name for a column: with one more underscore at the end where Vespa has a use of its own for the name.

    Two columns never share a field: "position" is "position_", and a column "position_" is "position__".
    """
    return f"{name}_" if name.rstrip("_") in RESERVED else name


def put(item: str, version: int, launch: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Returns one document of the feed."""
    return {"put": f"id:{launch}:{DOCUMENT}::{version}.{item}", "fields": fields}


def _field(package: Any, name: str, kind: pa.DataType) -> Any:
    """Returns a field that can be searched and filtered (text), or filtered and ranked by (numbers)."""
    if pa.types.is_string(kind):
        return package.Field(name, "string", ["index", "attribute", "summary"], index="enable-bm25")
    return package.Field(name, "long" if pa.types.is_integer(kind) else "double", ["attribute", "summary"])


def _sendable(vectors: ItemVectors) -> ItemVectors:
    """Returns the items whose vector is not zero.

    Raises:
      VectorsError: for ids with control characters, which Vespa rejects.
    """
    invalid = [item for item in vectors.ids if FORBIDDEN.search(item)]
    if invalid:
        raise VectorsError(
            f"Vespa needs ids without control characters, got {invalid[0]!r} and {len(invalid) - 1:,} more. Nothing was written."
        )
    return vectors.select_nonzero()


def _report_left_out(vectors: ItemVectors, directed: ItemVectors) -> Iterator[str]:
    if len(directed) < len(vectors):
        yield f"left out: {len(vectors) - len(directed):,} items of which the model knows nothing (their vector is zero, and has no direction)"


def _write_puts(batch: ItemVectors, file: TextIO) -> None:
    # 8 decimals represent a float32 of a unit vector; the 17 of a float64 would double the file's size.
    values = np.round(batch.matrix.astype(np.float64), 8).tolist()
    for row, vector in zip(batch.records(), values, strict=True):
        columns = {
            escape(name): FORBIDDEN.sub(" ", value) if isinstance(value, str) else value
            for name, value in row.items()
            if name != "active"
        }
        fields = columns | {MODEL_VERSION: batch.version, VECTOR: {"values": vector}}
        file.write(
            json.dumps(put(row[ITEM], batch.version, batch.launch, fields), ensure_ascii=False, allow_nan=False) + "\n"
        )
