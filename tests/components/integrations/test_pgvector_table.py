"""The sink against a real Postgres with pgvector, which the package `pgserver` brings."""

import threading

import numpy as np
import pyarrow as pa
import pytest
from small_vectors import random_vectors, vectors

from components.integrations import pgvector_table
from components.integrations.pgvector_table import PgvectorTable
from components.registry.item_vectors import VectorsError

pytestmark = pytest.mark.engines
psycopg = pytest.importorskip("psycopg", reason="the extra `pgvector` is not installed")
pgserver = pytest.importorskip("pgserver", reason="the group `engines` is not installed: make test-engines")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Short: a path of a socket has 107 bytes at most.
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres(server):
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield connection


@pytest.fixture
def sink(server, postgres):
    return lambda **options: PgvectorTable(**{"connection": server, **options})


def tables(postgres):
    return {name for (name,) in postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def nearest(postgres, table, query, k=10):
    return postgres.execute(
        f"SELECT item_id, -(vector <#> %s::vector) FROM {table} ORDER BY vector <#> %s::vector LIMIT {k}",
        [str(query), str(query)],
    ).fetchall()


def test_plain_sql_answers_what_the_vectors_say(sink, postgres):
    columns = {
        "kind": pa.array(["mug", None, "hat", "a\0b"]),
        "price": pa.array([37.55, 2, None, 1], pa.float32()),
        "stock": pa.array([3, None, 0, 2**40]),
        "new": pa.array([True, False, None, True]),
    }
    lines = list(sink().send(vectors(**columns)))

    found = nearest(postgres, "shop_items_v7", [0, 0.8, 0.6])
    assert [item for item, _ in found] == ["i3", "i1", "i2", "i0"]
    assert [score for _, score in found] == pytest.approx([0.6 * 0.8 + 0.8 * 0.6, 0.8, 0.6, 0.0])
    rows = "SELECT item_id, title, kind, price, stock, new, model_version FROM shop_items_v7 ORDER BY item_id"
    assert postgres.execute(rows).fetchall() == [
        ("i0", "Item i0", "mug", 37.55, 3, True, 7),
        ("i1", "Item i1", None, 2.0, None, False, 7),
        ("i2", "Item i2", "hat", None, 0, None, 7),
        ("i3", "Item i3", "a b", 1.0, 2**40, True, 7),
    ]
    assert lines == [
        "copied 4 rows of vector(3)",
        "recall@10 against exact search 1.0000",
        "dropped the tables of 0 old versions",
        "public.shop_items_v7 holds 4 items, no index: the search is exact",
    ]


def test_the_vectors_arrive_bit_for_bit(sink, postgres):
    items = random_vectors(50)
    list(sink().send(items))
    stored = dict(postgres.execute("SELECT item_id, vector::text FROM shop_items_v7"))
    matrix = np.array([np.fromstring(stored[item][1:-1], np.float32, sep=",") for item in items.ids])
    assert np.array_equal(matrix, items.matrix)


def test_an_index_is_widened_to_the_recall_that_brute_force_confirms(sink, postgres):
    items = random_vectors(5_000, dim=32)
    lines = list(sink(kind="hnsw", recall=0.99).send(items))
    said = float(lines[1].split()[4])
    width = int(lines[1].partition("hnsw.ef_search = ")[2].partition(",")[0])
    assert said >= 0.99

    scores = items.matrix @ items.matrix.T
    np.fill_diagonal(scores, -np.inf)
    postgres.execute(f"SET hnsw.ef_search = {width}; SET enable_seqscan = off")
    query = str(items.matrix[0].tolist())
    plan = postgres.execute("EXPLAIN SELECT 1 FROM shop_items_v7 ORDER BY vector <#> %s::vector LIMIT 11", [query])
    assert "Index Scan using shop_items_v7_new_vector_idx" in str(plan.fetchall())
    hits = []
    for row in range(0, 5_000, 25):
        found = [int(item[1:]) for item, _ in nearest(postgres, "shop_items_v7", items.matrix[row].tolist(), 11)]
        best = np.sort(scores[row])[-10]
        hits.append(np.mean([scores[row, other] >= best - 1e-5 for other in found if other != row][:10]))
    assert np.mean(hits) >= 0.985
    postgres.execute("RESET ALL")


def test_a_recall_below_the_request_is_a_warning(sink, monkeypatch):
    monkeypatch.setattr(pgvector_table, "WIDTHS", (1,))
    lines = list(sink(kind="hnsw", recall=1.0).send(random_vectors(2_000)))
    assert lines[2] == "warning: that is below the requested 1.0; --kind flat is exact"


def test_again_replaces_the_items_and_an_export_that_breaks_changes_nothing(sink, postgres):
    list(sink().send(vectors()))
    list(sink().send(vectors([[1, 0, 0], [0, 1, 0]], ids=["b", "c"])))
    assert [item for item, _ in nearest(postgres, "shop_items_v7", [1, 0.5, 0])] == ["b", "c"]
    with pytest.raises(VectorsError, match=r"UniqueViolation: duplicate key.*Nothing was changed"):
        list(sink().send(vectors([[1, 0, 0], [0, 1, 0]], ids=["b", "b"])))
    assert [item for item, _ in nearest(postgres, "shop_items_v7", [1, 0.5, 0])] == ["b", "c"]
    assert tables(postgres) == {"shop_items_v7"}


def test_old_versions_go_and_the_one_before_stays(sink, postgres):
    for version in (5, 6, 10):
        list(sink(keep=3).send(vectors(version=version)))
    list(sink().send(vectors(version=6, launch="other")))
    lines = list(sink().send(vectors(version=11)))
    assert tables(postgres) == {"shop_items_v10", "shop_items_v11", "other_items_v6"}
    assert lines[-2] == "dropped the tables of 2 old versions: shop_items_v6, shop_items_v5"


def test_readers_go_on_while_the_table_is_written(sink, server, postgres):
    list(sink().send(vectors()))
    lines = sink().send(random_vectors(2_000, dim=3))
    next(lines)  # copied, and not committed
    found = []
    reader = threading.Thread(target=lambda: found.extend(nearest(postgres, "shop_items_v7", [0, 0.8, 0.6])))
    reader.start()
    reader.join(10)
    assert [item for item, _ in found] == ["i3", "i1", "i2", "i0"]
    list(lines)
    assert postgres.execute("SELECT count(*) FROM shop_items_v7").fetchone() == (2_000,)


def test_a_reader_that_never_ends_its_transaction_stops_the_export_with_a_message(sink, server, postgres, monkeypatch):
    list(sink().send(vectors()))
    monkeypatch.setattr(pgvector_table, "_LOCK_SECONDS", 1)
    with psycopg.connect(server) as reader:
        reader.execute("SELECT * FROM shop_items_v7")
        with pytest.raises(VectorsError, match=r"lock timeout. Nothing was changed. A reader of the table left"):
            list(sink().send(random_vectors(20)))
    assert postgres.execute("SELECT count(*) FROM shop_items_v7").fetchone() == (4,)


def test_a_plan_changes_nothing(sink, postgres):
    assert list(sink().plan(vectors())) == [
        "would write 4 rows of vector(3) to public.shop_items_v7, no index: the search is exact",
        "would drop the tables of 0 old versions",
    ]
    assert tables(postgres) == set()


def test_a_server_that_is_not_there_is_one_message_without_the_password():
    sink = PgvectorTable(connection="postgresql://me:secret@127.0.0.1:9/db")
    with pytest.raises(
        VectorsError, match="needs Postgres with the extension pgvector, got OperationalError"
    ) as raised:
        list(sink.plan(vectors()))
    assert "secret" not in str(raised.value) and "Nothing was changed" in str(raised.value)
