"""Fills an existing Pinecone index: upserts the items in batches and deletes those that are gone.

By default each version has its own namespace ("v<version>"), so that queries of the old version still meet old vectors;
the oldest namespaces are deleted. With a fixed namespace the vectors are overwritten: during the export, queries
meet vectors of two models, whose scores are not comparable.

The client retries a request three times within seconds after 408, 429, 5xx or a broken connection. If a batch still
fails, it is sent again here after longer pauses; repeating an upsert changes nothing. Requests are sequential, as the
client's own bulk upsert gives up on a host for the life of the process after a few failures (seen with pinecone 10.2:
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

from components.integrations.sink import library, list_names
from components.registry.item_vectors import ACTIVE, MODEL_VERSION, ItemVectors, VectorsError

DELETED_AT_ONCE, LONGEST_ID, REPORT_EVERY = 1_000, 512, 10_000
PAUSES, SETTLE_SECONDS, POLL_SECONDS = (2.0, 8.0, 32.0), 30.0, 2.0
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
VERSION_NAMESPACE = re.compile(r"v(\d+)")
# Pinecone takes printable ASCII ids. "%" escapes all other bytes and itself, so that ids stay distinct.
SAFE = string.punctuation.replace("%", "") + " "


@dataclasses.dataclass(frozen=True)
class PineconeIndex:
    """A `Sink` that fills an index.

    Attributes:
      host: the index's host, as the Pinecone console shows it.
      api_key: the project's API key.
      namespace: a fixed namespace, whose vectors are replaced; "" for one per version.
      keep: how many versions' namespaces are kept, including this one.
      max_deletes: the largest share of a namespace's vectors that an export may delete; more is taken for a mistake.
      batch: vectors per request; Pinecone takes at most 1,000 and 2 MB.
      timeout: seconds per request.
      sleep: waits for a number of seconds; tests replace it.
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
        with self._open() as index:
            directed, gone, old = self._compare(index, vectors)
            yield from _report_left_out(vectors, directed)
            yield f"would upsert {len(directed):,} vectors of {vectors.dim} to namespace {self._name(vectors)} of {self.host}"
            yield f"would delete {len(gone):,} vectors of items that are gone, and the namespaces of {len(old)} old versions{list_names(old)}"

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        name = self._name(vectors)
        with self._open() as index:
            directed, gone, old = self._compare(index, vectors)
            yield from _report_left_out(vectors, directed)
            sent = reported = 0
            for batch in directed.batches(self.batch):
                self._upsert(index, _wire_form(batch), name)
                sent += len(batch)
                if sent - reported >= REPORT_EVERY or sent == len(directed):
                    reported = sent
                    yield f"upserted {sent:,} of {len(directed):,} to namespace {name}"
            for start in range(0, len(gone), DELETED_AT_ONCE):
                index.delete(ids=gone[start : start + DELETED_AT_ONCE], namespace=name)
            for namespace in old:
                index.delete_namespace(name=namespace)
            yield f"deleted {len(gone):,} vectors of items that are gone, and the namespaces of {len(old)} old versions{list_names(old)}"
            yield self._wait_for_count(index, name, len(directed))

    def _name(self, vectors: ItemVectors) -> str:
        return self.namespace or f"v{vectors.version}"

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Opens the index; converts the client's errors to `VectorsError` without the API key."""
        pinecone = library("pinecone", "pinecone")
        errors = library("pinecone.errors.exceptions", "pinecone")
        try:
            with pinecone.Index(host=self.host, api_key=self.api_key, timeout=self.timeout) as index:
                yield index
        except errors.UnauthorizedError as error:
            raise VectorsError(
                f"Pinecone at {self.host} rejects the API key (401). Check that PINECONE_API_KEY belongs to this project."
            ) from error
        except errors.PineconeError as error:
            raise VectorsError(
                f"Pinecone at {self.host}: {type(error).__name__}: {error}. The vectors sent so far stay; running the same command again is safe."
            ) from error

    def _compare(self, index: Any, vectors: ItemVectors) -> tuple[ItemVectors, list[str], list[str]]:
        """Compares an export with the index; changes nothing.

        Returns:
          The vectors to send, the wire ids to delete, and the namespaces of old versions to delete.

        Raises:
          VectorsError: if the index has another dimension, an id is too long, or too much would be deleted.
        """
        directed, name = vectors.select_nonzero(), self._name(vectors)
        exported = {wire_id(item) for item in directed.ids}
        longest = max(exported, key=len, default="")
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
        stored = (
            {vector.id for page in index.list(namespace=name) for vector in page.vectors}
            if name in stats.namespaces
            else set()
        )
        gone = sorted(stored - exported)
        if not exported:
            raise VectorsError(
                f"an export needs a vector that is not zero, version {vectors.version} has none. Nothing was sent or deleted."
            )
        if len(gone) > self.max_deletes * len(stored):
            raise VectorsError(
                f"this export would delete {len(gone):,} of the {len(stored):,} vectors in namespace {name}, more than "
                f"--max-deletes {self.max_deletes} allows. Nothing was sent or deleted. "
                "If that many items have left the catalogue, raise the limit; if not, check the catalogue."
            )
        return directed, gone, [] if self.namespace else self._old(stats.namespaces, name)

    def _old(self, namespaces: Sequence[str], current: str) -> list[str]:
        """Returns the namespaces of old versions; the current one and the newest others are kept."""
        others = [name for name in namespaces if VERSION_NAMESPACE.fullmatch(name) and name != current]
        newest_first = sorted(others, key=lambda name: int(name[1:]), reverse=True)
        return newest_first[max(self.keep - 1, 0) :]

    def _upsert(self, index: Any, items: list[dict[str, Any]], name: str) -> None:
        pauses = list(PAUSES)
        while not self._try_upsert(index, items, name, last=not pauses):
            self.sleep(pauses.pop(0))

    def _try_upsert(self, index: Any, items: list[dict[str, Any]], name: str, last: bool) -> bool:
        """Returns whether the upsert succeeded; raises permanent errors, and any error of the last attempt."""
        errors = library("pinecone.errors.exceptions", "pinecone")
        try:
            index.upsert(vectors=items, namespace=name)
        except errors.PineconeError as error:
            if last or not _is_transient(error, errors):
                raise
            return False
        return True

    def _wait_for_count(self, index: Any, name: str, sent: int) -> str:
        """Waits until the namespace reports all vectors, as its count lags behind the writes; returns the result."""
        waited, count = 0.0, -1
        while True:
            summary = index.describe_index_stats().namespaces.get(name)
            count = summary.vector_count if summary else 0
            if count == sent:
                return f"namespace {name} holds {count:,} vectors"
            if waited >= SETTLE_SECONDS:
                return f"warning: namespace {name} reports {count:,} vectors after {waited:.0f} s, {sent:,} were sent; its count may still lag"
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS


def wire_id(item: str) -> str:
    """Returns the id in Pinecone: "%" and bytes that are not printable ASCII become %XX, as in a URL."""
    return urllib.parse.quote(item, safe=SAFE)


def _is_transient(error: Exception, errors: Any) -> bool:
    """Returns whether a retry may succeed."""
    if isinstance(error, errors.ApiError):
        return error.status_code in TRANSIENT
    return isinstance(error, errors.PineconeConnectionError | errors.PineconeTimeoutError)


def _wire_form(chunk: ItemVectors) -> list[dict[str, Any]]:
    """Returns vectors in the client's form; the metadata hold the item's id and its catalogue columns."""
    rows = zip(chunk.ids, chunk.records(), chunk.matrix.tolist(), strict=True)
    return [
        {"id": wire_id(item), "values": values, "metadata": _metadata(row, chunk.version)} for item, row, values in rows
    ]


def _metadata(row: dict[str, Any], version: int) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != ACTIVE} | {MODEL_VERSION: str(version)}


def _report_left_out(vectors: ItemVectors, directed: ItemVectors) -> Iterator[str]:
    if len(directed) < len(vectors):
        yield f"left out: {len(vectors) - len(directed):,} items of which the model knows nothing (their vector is zero, which Pinecone refuses)"
