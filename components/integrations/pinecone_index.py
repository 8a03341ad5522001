"""A Pinecone index that exists: upserts in batches, and deletes of what is gone.

A namespace per version ("v<version>") is the default: the old version's queries are answered by the old vectors until
nobody asks any more, and the oldest namespaces go. With a namespace of one's own the vectors are replaced in place, and
for the time of the export queries meet vectors of two models, which do not compare.

The client repeats a request that meets 408, 429, 5xx or a broken connection, three times within seconds; a batch that
fails still is sent again here, after longer pauses. An upsert that is repeated changes nothing. One request at a time:
the client's own bulk upsert gives a host up for the life of the process after a few failures (seen with pinecone 10.2:
later batches were "abandoned without being sent").
"""

import contextlib
import dataclasses
import re
import string
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from components.integrations.sink import library
from components.registry.item_vectors import ACTIVE, MODEL_VERSION, ItemVectors, VectorsError

DELETED_AT_ONCE, LONGEST_ID, SAID_EVERY = 1_000, 512, 10_000
PAUSES, SETTLE_SECONDS, LOOK_SECONDS = (2.0, 8.0, 32.0), 30.0, 2.0
PASSING = (408, 425, 429, 500, 502, 503, 504)
OF_VERSION = re.compile(r"v(\d+)")
# Ids are printable ASCII there. "%" escapes the rest, and itself, so that no two ids become one.
SAFE = string.punctuation.replace("%", "") + " "


@dataclasses.dataclass(frozen=True)
class PineconeIndex:
    """A `Sink` that fills an index.

    Attributes:
      host: of the index, as its console shows it.
      api_key: of the project.
      namespace: to replace in place; "" for one per version.
      keep: how many versions' namespaces stay, this one included.
      max_deletes: the share of what the namespace holds that may be gone from the export; more looks like a mistake.
      batch: vectors per request; Pinecone takes at most 1,000 and 2 MB.
      timeout: seconds for one request.
      sleep: waits so many seconds; the tests do not.
    """

    host: str
    api_key: str = dataclasses.field(repr=False)
    namespace: str = ""
    keep: int = 2
    max_deletes: float = 0.5
    batch: int = 100
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`; reads the index."""
        with self._opened() as index:
            directed, gone, old = self._compared(index, vectors)
            yield from _left_out(vectors, directed)
            yield f"would upsert {len(directed):,} vectors of {vectors.dim} to namespace {self._name(vectors)} of {self.host}"
            yield f"would delete {len(gone):,} vectors of items that are gone, and the namespaces of {len(old)} old versions{_listed(old)}"

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        name = self._name(vectors)
        with self._opened() as index:
            directed, gone, old = self._compared(index, vectors)
            yield from _left_out(vectors, directed)
            sent = said = 0
            for batch in directed.batches(self.batch):
                self._upsert(index, _wire_form(batch), name)
                sent += len(batch)
                if sent - said >= SAID_EVERY or sent == len(directed):
                    said = sent
                    yield f"upserted {sent:,} of {len(directed):,} to namespace {name}"
            for start in range(0, len(gone), DELETED_AT_ONCE):
                index.delete(ids=gone[start : start + DELETED_AT_ONCE], namespace=name)
            for namespace in old:
                index.delete_namespace(name=namespace)
            yield f"deleted {len(gone):,} vectors of items that are gone, and the namespaces of {len(old)} old versions{_listed(old)}"
            yield self._settled(index, name, len(directed))

    def _name(self, vectors: ItemVectors) -> str:
        return self.namespace or f"v{vectors.version}"

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        """The client of the index; its errors are told in one message, in which the key does not appear."""
        pinecone = library("pinecone", "pinecone")
        errors = library("pinecone.errors.exceptions", "pinecone")
        try:
            with pinecone.Index(host=self.host, api_key=self.api_key, timeout=self.timeout) as index:
                yield index
        except errors.UnauthorizedError as error:
            raise VectorsError(
                f"Pinecone at {self.host} refuses the API key (401): check PINECONE_API_KEY, and that it is this project's."
            ) from error
        except errors.PineconeError as error:
            raise VectorsError(
                f"Pinecone at {self.host}: {type(error).__name__}: {error}. What was sent stays; to run the same command again is safe."
            ) from error

    def _compared(self, index: Any, vectors: ItemVectors) -> tuple[ItemVectors, list[str], list[str]]:
        """What is to be sent, the wire ids that are to go, and the namespaces of old versions; nothing is changed.

        Raises:
          VectorsError: if the index has another dimension, an id is too long, or too much would be deleted.
        """
        directed, name = vectors.directed(), self._name(vectors)
        wanted = {wire_id(item) for item in directed.ids}
        longest = max(wanted, key=len, default="")
        if len(longest) > LONGEST_ID:
            raise VectorsError(
                f"Pinecone needs ids of at most {LONGEST_ID} characters, got {longest[:60]!r}... ({len(longest)}). Nothing was sent."
            )
        stats = index.describe_index_stats()
        if stats.dimension not in (None, vectors.dim):
            raise VectorsError(
                f"Pinecone needs vectors of the index's dimension, {stats.dimension}, got {vectors.dim}. Nothing was sent. "
                f"A dimension never changes: make an index of dimension {vectors.dim} and metric cosine, and give its --host."
            )
        there = (
            {each.id for page in index.list(namespace=name) for each in page.vectors}
            if name in stats.namespaces
            else set()
        )
        gone = sorted(there - wanted)
        if not wanted:
            raise VectorsError(
                f"an export needs a vector that is not zero, version {vectors.version} has none. Nothing was sent or deleted."
            )
        if len(gone) > self.max_deletes * len(there):
            raise VectorsError(
                f"this export would delete {len(gone):,} of the {len(there):,} vectors in namespace {name}, more than "
                f"--max-deletes {self.max_deletes} allows. Nothing was sent or deleted. "
                "If so much has left the catalogue, allow it; if not, look at the catalogue."
            )
        return directed, gone, [] if self.namespace else self._old(stats.namespaces, name)

    def _old(self, namespaces: Sequence[str], own: str) -> list[str]:
        """The namespaces of versions beyond those that stay: this one and the newest others."""
        others = [name for name in namespaces if OF_VERSION.fullmatch(name) and name != own]
        newest_first = sorted(others, key=lambda name: int(name[1:]), reverse=True)
        return newest_first[max(self.keep - 1, 0) :]

    def _upsert(self, index: Any, items: list[dict[str, Any]], name: str) -> None:
        pauses = list(PAUSES)
        while not self._taken(index, items, name, last=not pauses):
            self.sleep(pauses.pop(0))

    def _taken(self, index: Any, items: list[dict[str, Any]], name: str, last: bool) -> bool:
        """Whether the items arrived; raises what will not pass by itself, and at the last attempt everything."""
        errors = library("pinecone.errors.exceptions", "pinecone")
        try:
            index.upsert(vectors=items, namespace=name)
        except errors.PineconeError as error:
            if last or not _passes(error, errors):
                raise
            return False
        return True

    def _settled(self, index: Any, name: str, wanted: int) -> str:
        """What the namespace holds; its count lags behind the writes."""
        waited, count = 0.0, -1
        while True:
            summary = index.describe_index_stats().namespaces.get(name)
            count = summary.vector_count if summary else 0
            if count == wanted:
                return f"namespace {name} holds {count:,} vectors"
            if waited >= SETTLE_SECONDS:
                return f"warning: namespace {name} reports {count:,} vectors after {waited:.0f} s, {wanted:,} were sent; its counts may still lag"
            self.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS


def wire_id(item: str) -> str:
    """The id there: itself if it is printable ASCII without %, else with the other bytes as %XX; `urllib.parse.unquote` gives it back."""
    return urllib.parse.quote(item, safe=SAFE)


def _passes(error: Exception, errors: Any) -> bool:
    """Whether to send the same again may help."""
    if isinstance(error, errors.ApiError):
        return error.status_code in PASSING
    return isinstance(error, errors.PineconeConnectionError | errors.PineconeTimeoutError)


def _wire_form(chunk: ItemVectors) -> list[dict[str, Any]]:
    """Vectors as the client takes them; the metadata hold the item's own id and what the catalogue says."""
    rows = zip(chunk.ids, chunk.records(), chunk.matrix.tolist(), strict=True)
    return [
        {"id": wire_id(item), "values": values, "metadata": _metadata(row, chunk.version)} for item, row, values in rows
    ]


def _metadata(row: dict[str, Any], version: int) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != ACTIVE} | {MODEL_VERSION: str(version)}


def _left_out(vectors: ItemVectors, directed: ItemVectors) -> Iterator[str]:
    if len(directed) < len(vectors):
        yield f"left out: {len(vectors) - len(directed):,} items of which the model knows nothing (their vector is zero, which Pinecone refuses)"


def _listed(names: list[str]) -> str:
    return f": {', '.join(names)}" if names else ""
