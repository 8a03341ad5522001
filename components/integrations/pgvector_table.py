"""Fills a Postgres table with item vectors, searched by the extension pgvector.

Each version has its own table, `<launch>_items_v<version>`, as vectors of two versions are not comparable. An export is
one transaction: readers see the whole new table or what was there before. The oldest versions' tables are dropped.

Up to `FLAT_ITEMS` items there is no index, and the search is exact. Above, the index is HNSW (Malkov & Yashunin 2018,
arXiv:1603.09320), whose search width is a setting of each reader's session: the export says which reaches the recall.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from components.integrations import neighbour_recall
from components.integrations.sink import library, list_names
from components.registry.item_vectors import ACTIVE, ITEM, MODEL_VERSION, TITLE, VECTOR, ItemVectors, VectorsError

FLAT_ITEMS, MAX_INDEXED_DIM, BATCH = 50_000, 2_000, 10_000
WIDTHS = (40, 80, 160, 320, 640)
_LOCK_SECONDS = 30
_LOCKED = "A reader of the table left its transaction open: end it (readers use autocommit), and run this again."
_CONNECTION = "The connection comes from libpq's variables: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD."


@dataclasses.dataclass(frozen=True)
class PgvectorTable:
    """A `Sink` that fills a table.

    Attributes:
      schema: the schema of the tables; must exist.
      kind: "flat" for no index, "hnsw", or "auto" to choose by the number of items.
      recall: the recall@10 that HNSW must reach.
      keep: how many versions' tables are kept, including this one.
      connection: libpq's connection string; "" for libpq's environment (PGHOST, PGUSER, PGPASSWORD, PGSERVICE, ...).
    """

    schema: str = "public"
    kind: Literal["auto", "flat", "hnsw"] = "auto"
    recall: float = 0.95
    keep: int = 2
    connection: str = dataclasses.field(default="", repr=False)

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`; reads the names of the tables."""
        with self._open() as cursor:
            old = self._old(cursor, vectors)
        yield f"would write {len(vectors):,} rows of vector({vectors.dim}) to {self.schema}.{name(vectors)}, {self._described(vectors)}"
        yield f"would drop the tables of {len(old)} old versions{list_names(old)}"

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        table = name(vectors)
        with self._open() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            staging = self._qualify(f"{table}_new")
            _create(cursor, staging, vectors)
            yield f"copied {_copy(cursor, staging, vectors):,} rows of vector({vectors.dim})"
            if self._kind(vectors) == "hnsw":
                cursor.execute(f"CREATE INDEX ON {staging} USING hnsw ({VECTOR} vector_ip_ops)")
            cursor.execute(f"ANALYZE {staging}")
            yield from self._measure(cursor, staging, vectors)
            old = self._replace(cursor, staging, vectors)
        yield f"dropped the tables of {len(old)} old versions{list_names(old)}"
        yield f"{self.schema}.{table} holds {len(vectors):,} items, {self._described(vectors)}"

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Opens a transaction; converts the client's errors, without the password that a connection string may hold."""
        psycopg = library("psycopg", "pgvector")
        try:
            with psycopg.connect(self.connection, connect_timeout=10) as connection, connection.cursor() as cursor:
                yield cursor
        except psycopg.Error as error:
            reason = (str(error).splitlines() or [""])[0]
            locked = isinstance(error, psycopg.errors.LockNotAvailable)
            raise VectorsError(
                f"an export needs Postgres with the extension pgvector, got {type(error).__name__}: {reason}. Nothing was changed. "
                f"{_LOCKED if locked else _CONNECTION}"
            ) from error

    def _kind(self, vectors: ItemVectors) -> str:
        if self.kind != "auto":
            return self.kind
        return "flat" if len(vectors) <= FLAT_ITEMS or vectors.dim > MAX_INDEXED_DIM else "hnsw"

    def _described(self, vectors: ItemVectors) -> str:
        return "no index: the search is exact" if self._kind(vectors) == "flat" else "with an HNSW index"

    def _qualify(self, table: str) -> str:
        return f"{_quote(self.schema)}.{_quote(table)}"

    def _replace(self, cursor: Any, staging: str, vectors: ItemVectors) -> list[str]:
        """Puts the new table in the place of the version's earlier one; returns the old versions, whose tables are dropped."""
        table, old = name(vectors), self._old(cursor, vectors)
        for dropped in (table, *old):
            cursor.execute(f"DROP TABLE IF EXISTS {self._qualify(dropped)}")
        cursor.execute(f'ALTER TABLE {staging} RENAME TO "{table}"')
        return old

    def _old(self, cursor: Any, vectors: ItemVectors) -> list[str]:
        """Returns the tables of old versions; the current one and the newest others are kept."""
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [self.schema])
        form = re.compile(rf"{vectors.launch}_items_v(\d+)")
        versions = sorted(int(match[1]) for (table,) in cursor if (match := form.fullmatch(table)))
        others = [version for version in reversed(versions) if version != vectors.version]
        return [f"{vectors.launch}_items_v{version}" for version in others[max(self.keep - 1, 0) :]]

    def _measure(self, cursor: Any, table: str, vectors: ItemVectors) -> Iterator[str]:
        """Widens the search until it reaches the recall, and reports the width."""

        def search(queries: np.ndarray, k: int) -> list[list[str]]:
            return [_nearest(cursor, table, query, k) for query in queries]

        # In this transaction alone: the planner may prefer to read a small table as a whole.
        cursor.execute("SET LOCAL enable_seqscan = off")
        hnsw = self._kind(vectors) == "hnsw"
        for width in WIDTHS if hnsw else WIDTHS[:1]:
            if hnsw:
                cursor.execute(f"SET LOCAL hnsw.ef_search = {width}")
            measured = neighbour_recall.measure(vectors, search)
            if measured >= self.recall:
                break
        how = f" with SET hnsw.ef_search = {width}, which each reader's session needs" if hnsw else ""
        yield f"recall@{neighbour_recall.K} against exact search {measured:.4f}{how}"
        if measured < self.recall:
            yield f"warning: that is below the requested {self.recall}; --kind flat is exact"


def name(vectors: ItemVectors) -> str:
    """Returns the name of a version's table, such as "shop_items_v1795457278"."""
    return f"{vectors.launch}_items_v{vectors.version}"


def _quote(identifier: str) -> str:
    """Returns a name as SQL's delimited identifier: a catalogue's columns may have any."""
    return '"' + identifier.replace('"', '""') + '"'


def _create(cursor: Any, table: str, vectors: ItemVectors) -> None:
    fields = {column: _kind_of(vectors.table.schema.field(column).type) for column in (TITLE, *vectors.features)}
    columns = ", ".join(f"{_quote(column)} {kind}" for column, kind in fields.items())
    cursor.execute(
        f"CREATE TABLE {table} ({ITEM} text PRIMARY KEY, {columns}, "
        f"{MODEL_VERSION} bigint NOT NULL DEFAULT {vectors.version}, {VECTOR} vector({vectors.dim}) NOT NULL)"
    )


def _kind_of(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "bigint"
    return "double precision" if pa.types.is_floating(kind) else "text"


def _copy(cursor: Any, table: str, vectors: ItemVectors) -> int:
    """Copies the rows; returns how many."""
    columns = [column for column in (ITEM, TITLE, *vectors.features) if column != ACTIVE]
    listed = ", ".join(_quote(column) for column in (*columns, VECTOR))
    with cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
        for batch in vectors.batches(BATCH):
            for row, values in zip(batch.records(), batch.matrix.tolist(), strict=True):
                copy.write_row([*(_clean(row.get(column)) for column in columns), str(values)])
    return int(cursor.rowcount)


def _clean(value: Any) -> Any:
    """Returns a value as Postgres takes it: texts hold no NUL."""
    return value.replace("\0", " ") if isinstance(value, str) else value


def _nearest(cursor: Any, table: str, query: np.ndarray, k: int) -> list[str]:
    """Returns the items with the highest inner product; pgvector's <#> is the negative one."""
    cursor.execute(f"SELECT {ITEM} FROM {table} ORDER BY {VECTOR} <#> %s::vector LIMIT %s", [str(query.tolist()), k])
    return [item for (item,) in cursor]
