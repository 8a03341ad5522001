"""Fills a Qdrant collection with item vectors.

Each version has its own alias, `<launch>_items_v<version>`, as vectors of two versions are not comparable. An export
fills a new collection and then points the alias to it, so that no query meets half of the items. The oldest versions'
collections are deleted.
"""

import contextlib
import dataclasses
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from components.integrations import neighbour_recall
from components.integrations.sink import library, list_names
from components.registry.item_vectors import ACTIVE, ITEM, MODEL_VERSION, ItemVectors, VectorsError

ATTEMPTS, SETTLE_SECONDS, POLL_SECONDS = 3, 600.0, 2.0
GREEN = "green"
# Qdrant's ids are numbers or UUIDs: the payload has the item's own id.
NAMESPACE = uuid.UUID("6f1cf4f0-41c6-5a52-9d4b-0b6f4a1f7c11")


@dataclasses.dataclass(frozen=True)
class QdrantCollection:
    """A `Sink` that fills a collection.

    Attributes:
      url: of the server; or a folder, for the client's own store in this process.
      api_key: of the server; "" for none.
      keep: how many versions' collections are kept, including this one.
      batch: vectors per request.
      timeout: seconds per request.
      sleep: waits for a number of seconds; tests replace it.
    """

    url: str
    api_key: str = dataclasses.field(default="", repr=False)
    keep: int = 2
    batch: int = 256
    timeout: int = 30
    sleep: Callable[[float], None] = time.sleep

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`; reads the names of the aliases."""
        with self._open() as client:
            old = self._old(client, vectors)
        yield f"would upload {len(vectors):,} vectors of {vectors.dim} to a new collection and point {alias(vectors)} to it"
        yield f"would delete the collections of {len(old)} old versions{list_names(old)}"

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        name = alias(vectors)
        with self._open() as client:
            served = _aliases(client)
            for leftover in _collections(client, name) - set(served.values()):
                client.delete_collection(leftover)
            filled = _next_name(name, served.get(name, ""))
            _fill(client, filled, vectors, self.batch)
            yield f"uploaded {len(vectors):,} vectors of {vectors.dim} to {filled}"
            yield self._wait_for_index(client, filled)
            recall = neighbour_recall.measure(vectors, lambda queries, k: _nearest(client, filled, queries, k))
            yield f"recall@{neighbour_recall.K} against exact search {recall:.4f}"
            old = self._old(client, vectors)
            _point(client, name, filled)
            for gone in {served[one] for one in (name, *old) if one in served}:
                client.delete_collection(gone)
        yield f"deleted the collections of {len(old)} old versions{list_names(old)}"
        yield f"{name} holds {len(vectors):,} vectors"

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Opens the client; converts its errors."""
        qdrant = library("qdrant_client", "qdrant")
        errors = library("qdrant_client.http.exceptions", "qdrant")
        where: dict[str, Any] = {"path": self.url}
        if self.url.startswith(("http://", "https://")):
            where = {"url": self.url, "api_key": self.api_key or None, "timeout": self.timeout}
            where["check_compatibility"] = (
                False  # it asks the server in a thread of its own, whose failure is a warning
            )
        client = qdrant.QdrantClient(**where)
        try:
            yield client
        except (errors.ApiException, ValueError, RuntimeError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise VectorsError(
                f"Qdrant at {self.url}: {type(error).__name__}: {reason}. No alias was changed; running the same command again is safe."
            ) from error
        finally:
            client.close()

    def _old(self, client: Any, vectors: ItemVectors) -> list[str]:
        """Returns the aliases of old versions; the current one and the newest others are kept."""
        form = re.compile(rf"{vectors.launch}_items_v(\d+)")
        versions = sorted(int(match[1]) for name in _aliases(client) if (match := form.fullmatch(name)))
        others = [version for version in reversed(versions) if version != vectors.version]
        return [f"{vectors.launch}_items_v{version}" for version in others[max(self.keep - 1, 0) :]]

    def _wait_for_index(self, client: Any, collection: str) -> str:
        """Waits until the server has built its index; returns the result."""
        waited = 0.0
        while waited < SETTLE_SECONDS:
            if client.get_collection(collection).status == GREEN:
                return "the index is built"
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        return f"warning: the index is not built after {waited:.0f} s; searches are slow until it is"


def alias(vectors: ItemVectors) -> str:
    """Returns the name that a version is asked by, such as "shop_items_v1795457278"."""
    return f"{vectors.launch}_items_v{vectors.version}"


def point_id(item: str) -> str:
    """Returns the id of an item's point."""
    return str(uuid.uuid5(NAMESPACE, item))


def _aliases(client: Any) -> dict[str, str]:
    """Returns the aliases with their collections."""
    return {one.alias_name: one.collection_name for one in client.get_aliases().aliases}


def _collections(client: Any, name: str) -> set[str]:
    """Returns the collections that exports of one version made."""
    form = re.compile(rf"{name}_\d+")
    return {one.name for one in client.get_collections().collections if form.fullmatch(one.name)}


def _next_name(name: str, served: str) -> str:
    """Returns a collection's name other than that of the served one."""
    return f"{name}_{int(served.rpartition('_')[2]) + 1 if served else 1}"


def _fill(client: Any, collection: str, vectors: ItemVectors, batch: int) -> None:
    """Fills a new collection.

    Raises:
      VectorsError: if it holds another number of vectors then.
    """
    models = library("qdrant_client.models", "qdrant")
    # Vectors of length 1: the inner product is the cosine, and takes the zero vectors of unknown items.
    client.create_collection(collection, models.VectorParams(size=vectors.dim, distance=models.Distance.DOT))
    for part in vectors.batches(batch):
        client.upload_collection(
            collection,
            vectors=part.matrix,
            payload=[_payload(row, part.version) for row in part.records()],
            ids=[point_id(item) for item in part.ids],
            batch_size=batch,
            max_retries=ATTEMPTS,
            wait=True,
        )
    count = client.count(collection, exact=True).count
    if count != len(vectors):
        raise VectorsError(
            f"Qdrant needs the {len(vectors):,} vectors that were sent, it holds {count:,}. No alias was changed."
        )


def _payload(row: dict[str, Any], version: int) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != ACTIVE} | {MODEL_VERSION: version}


def _nearest(client: Any, collection: str, queries: np.ndarray, k: int) -> list[list[str]]:
    models = library("qdrant_client.models", "qdrant")
    requests = [models.QueryRequest(query=query, limit=k, with_payload=[ITEM]) for query in queries.tolist()]
    answers = client.query_batch_points(collection, requests)
    return [[point.payload[ITEM] for point in answer.points] for answer in answers]


def _point(client: Any, name: str, collection: str) -> None:
    """Points the alias to the collection, in one step on the server."""
    models = library("qdrant_client.models", "qdrant")
    before = [models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))]
    created = models.CreateAlias(collection_name=collection, alias_name=name)
    client.update_collection_aliases(
        [*(before if name in _aliases(client) else []), models.CreateAliasOperation(create_alias=created)]
    )
