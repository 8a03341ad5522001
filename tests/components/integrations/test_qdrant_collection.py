"""The sink against the real client's own store in this process, which searches exactly."""

import pyarrow as pa
import pytest
from small_vectors import random_vectors, vectors

from components.integrations.qdrant_collection import QdrantCollection, point_id
from components.registry.item_vectors import VectorsError

qdrant = pytest.importorskip("qdrant_client", reason="the extra `qdrant` is not installed")


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "qdrant")


def ask(folder, name, query, k=10):
    """The items and payloads that a client finds, best first."""
    client = qdrant.QdrantClient(path=folder)
    try:
        found = client.query_points(name, query=query, limit=k).points
        return [point.payload["item_id"] for point in found], found
    finally:
        client.close()


def names(folder):
    client = qdrant.QdrantClient(path=folder)
    try:
        aliases = {one.alias_name for one in client.get_aliases().aliases}
        return aliases, {one.name for one in client.get_collections().collections}
    finally:
        client.close()


def test_plain_qdrant_answers_what_the_vectors_say(folder):
    kinds = pa.array(["mug", None, "hat", "mug"])
    prices = pa.array([37.55, 2, None, 1], pa.float32())
    lines = list(QdrantCollection(folder).send(vectors(kind=kinds, price=prices)))

    items, found = ask(folder, "shop_items_v7", [0, 0.8, 0.6])
    assert items == ["i3", "i1", "i2", "i0"]
    assert [point.score for point in found] == pytest.approx([0.6 * 0.8 + 0.8 * 0.6, 0.8, 0.6, 0.0])
    assert found[-1].id == point_id("i0")
    assert found[-1].payload == {
        "item_id": "i0",
        "title": "Item i0",
        "kind": "mug",
        "price": 37.55,
        "model_version": 7,
    }
    assert lines == [
        "uploaded 4 vectors of 3 to shop_items_v7_1",
        "the index is built",
        "recall@10 against exact search 1.0000",
        "deleted the collections of 0 old versions",
        "shop_items_v7 holds 4 vectors",
    ]


def test_more_items_than_a_batch_arrive_with_recall_one(folder):
    lines = list(QdrantCollection(folder, batch=32).send(random_vectors(90)))
    assert "recall@10 against exact search 1.0000" in lines and lines[-1] == "shop_items_v7 holds 90 vectors"


def test_items_without_a_vector_are_there_too(folder):
    list(QdrantCollection(folder).send(vectors([[1, 0], [0, 0]])))
    assert set(ask(folder, "shop_items_v7", [1.0, 0.0])[0]) == {"i0", "i1"}


def test_again_replaces_the_items_and_leaves_nothing_behind(folder):
    list(QdrantCollection(folder).send(vectors()))
    list(QdrantCollection(folder).send(vectors([[1, 0, 0], [0, 1, 0]], ids=["b", "c"])))
    assert sorted(ask(folder, "shop_items_v7", [1.0, 0.0, 0.0])[0]) == ["b", "c"]
    assert names(folder) == ({"shop_items_v7"}, {"shop_items_v7_2"})


def test_an_export_that_broke_changes_no_alias_and_the_next_one_tidies_up(folder, monkeypatch):
    list(QdrantCollection(folder).send(vectors()))
    upload = qdrant.QdrantClient.upload_collection

    def break_off(client, name, **options):
        upload(client, name, **options)
        raise qdrant.http.exceptions.ResponseHandlingException(OSError("broken pipe"))

    with monkeypatch.context() as patched:
        patched.setattr(qdrant.QdrantClient, "upload_collection", break_off)
        with pytest.raises(VectorsError, match=r"broken pipe.*No alias was changed"):
            list(QdrantCollection(folder, batch=2).send(vectors([[1, 0, 0]] * 3, ids=["x", "y", "z"])))
    assert sorted(ask(folder, "shop_items_v7", [1.0, 0.0, 0.0])[0]) == ["i0", "i1", "i2", "i3"]
    assert names(folder)[1] == {"shop_items_v7_1", "shop_items_v7_2"}
    list(QdrantCollection(folder).send(vectors()))
    assert names(folder)[1] == {"shop_items_v7_2"}


def test_old_versions_go_and_the_one_before_stays(folder):
    for version in (5, 6, 10):
        list(QdrantCollection(folder, keep=3).send(vectors(version=version)))
    list(QdrantCollection(folder).send(vectors(version=6, launch="other")))
    lines = list(QdrantCollection(folder).send(vectors(version=11)))
    assert names(folder)[0] == {"shop_items_v10", "shop_items_v11", "other_items_v6"}
    assert "deleted the collections of 2 old versions: shop_items_v6, shop_items_v5" in lines


def test_a_plan_changes_nothing(folder):
    assert list(QdrantCollection(folder).plan(vectors())) == [
        "would upload 4 vectors of 3 to a new collection and point shop_items_v7 to it",
        "would delete the collections of 0 old versions",
    ]
    assert names(folder) == (set(), set())


def test_a_server_that_is_not_there_is_one_message():
    with pytest.raises(VectorsError, match=r"Qdrant at http://127.0.0.1:9: .*No alias was changed"):
        list(QdrantCollection("http://127.0.0.1:9", timeout=1).plan(vectors()))
