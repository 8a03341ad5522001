import urllib.parse

import numpy as np
import pyarrow as pa
import pytest
from small_pinecone import KEY, Index, serving
from small_vectors import FOUR, random_vectors, vectors

from components.integrations import pinecone_index
from components.integrations.pinecone_index import PineconeIndex, wire_id
from components.registry.item_vectors import VectorsError

pytest.importorskip("pinecone", reason="the extra `pinecone` is not installed")


@pytest.fixture
def index():
    return Index()


@pytest.fixture
def sink(index, monkeypatch):
    monkeypatch.setattr(
        "pinecone._internal.http_client._retry_sleep", lambda _: None
    )  # where the client waits between its own attempts
    with serving(index) as host:
        yield lambda **options: PineconeIndex(host, **{"api_key": KEY, "sleep": lambda _: None, **options})


def test_the_wire_form_of_four_items(sink, index):
    list(
        sink().send(
            vectors(kind=pa.array(["mug", None, "hat", "mug"]), price=pa.array([37.55, 2, None, 1], pa.float32()))
        )
    )

    [body] = [body for _, path, body in index.requests if path == "/vectors/upsert"]
    assert body["namespace"] == "v7"
    assert body["vectors"][0] == {
        "id": "i0",
        "values": [1.0, 0.0, 0.0],
        "metadata": {"item_id": "i0", "title": "Item i0", "kind": "mug", "price": 37.55, "model_version": "7"},
    }
    assert np.array_equal(
        np.array([vector["values"] for vector in body["vectors"]], np.float32), np.array(FOUR, np.float32)
    )


def test_the_report_and_the_requests_come_in_order(sink, index):
    lines = list(sink(batch=3).send(vectors()))

    assert lines == [
        "upserted 4 of 4 to namespace v7",
        "deleted 0 vectors of items that are gone, and the namespaces of 0 old versions",
        "namespace v7 holds 4 vectors",
    ]
    assert [len(body["vectors"]) for _, path, body in index.requests if path == "/vectors/upsert"] == [3, 1]
    assert index.names()[0] == "POST /describe_index_stats"


def test_again_leads_to_the_same(sink, index):
    list(sink().send(vectors()))
    before = {name: dict(held) for name, held in index.namespaces.items()}

    list(sink().send(vectors()))

    assert index.namespaces == before
    assert "POST /vectors/delete" not in index.names()


def test_what_was_stopped_half_way_is_completed_by_the_next_run(sink, index):
    index.namespaces["live"] = {"gone": {}, "i0": {}}
    index.failures["/vectors/upsert"] = [None, 400]
    with pytest.raises(VectorsError, match="scripted 400"):
        list(sink(namespace="live", batch=2).send(vectors()))
    assert set(index.namespaces["live"]) == {"gone", "i0", "i1"}

    list(sink(namespace="live", batch=2).send(vectors()))
    assert set(index.namespaces["live"]) == {"i0", "i1", "i2", "i3"}


def test_in_place_only_items_that_are_gone_are_deleted(sink, index):
    index.namespaces["other"] = {"i9": {}}
    list(sink(namespace="live").send(vectors(ids=["a", "b", "c", "d"])))

    lines = list(sink(namespace="live").send(vectors(version=8, ids=["b", "c", "d", "e"])))

    assert set(index.namespaces["live"]) == {"b", "c", "d", "e"} and set(index.namespaces["other"]) == {"i9"}
    assert {vector["metadata"]["model_version"] for vector in index.namespaces["live"].values()} == {"8"}
    assert lines[1].startswith("deleted 1 vectors of items that are gone")


def test_old_versions_go_and_the_one_before_stays(sink, index):
    index.namespaces = {"v5": {"x": {}}, "v6": {"x": {}}, "v10": {"x": {}}, "mine": {"x": {}}, "v6-test": {"x": {}}}

    lines = list(sink().send(vectors(version=11)))

    assert set(index.namespaces) == {"v11", "v10", "mine", "v6-test"}
    assert "the namespaces of 2 old versions: v6, v5" in lines[1]


def test_an_older_version_that_is_sent_again_stays_itself(sink, index):
    index.namespaces = {"v8": {"x": {}}, "v9": {"x": {}}}

    list(sink().send(vectors(version=7)))

    assert set(index.namespaces) == {"v7", "v9"}


def test_deletes_beyond_the_limit_stop_everything_before_anything_is_sent(sink, index):
    list(sink(namespace="live").send(vectors(ids=["a", "b", "c", "d"])))
    index.requests.clear()

    with pytest.raises(
        VectorsError, match=r"would delete 3 of the 4 vectors in namespace live, more than --max-deletes 0.5 allows"
    ):
        list(sink(namespace="live").send(vectors([[1, 0, 0]], ids=["a"])))

    assert set(index.namespaces["live"]) == {"a", "b", "c", "d"}
    assert not [name for name in index.names() if "upsert" in name or "delete" in name]
    list(sink(namespace="live", max_deletes=0.75).send(vectors([[1, 0, 0]], ids=["a"])))
    assert set(index.namespaces["live"]) == {"a"}


def test_an_export_of_zeros_alone_deletes_nothing(sink, index):
    list(sink(namespace="live").send(vectors()))

    with pytest.raises(
        VectorsError, match=r"needs a vector that is not zero, version 7 has none. Nothing was sent or deleted."
    ):
        list(sink(namespace="live", max_deletes=1.0).send(vectors([[0, 0, 0]])))
    assert len(index.namespaces["live"]) == 4


@pytest.mark.parametrize("failures", [[429], [500], [503, 429, 500]])
def test_a_transient_error_is_retried(sink, index, failures):
    index.failures["/vectors/upsert"], failed = failures, len(failures)

    assert list(sink().send(vectors()))[-1] == "namespace v7 holds 4 vectors"
    assert index.names().count("POST /vectors/upsert") == failed + 1


def test_a_longer_outage_is_met_with_longer_pauses(sink, index):
    index.failures["/vectors/upsert"] = [503] * 9
    pauses = []

    list(sink(sleep=pauses.append).send(vectors()))

    assert len(index.namespaces["v7"]) == 4
    assert pauses == [2.0, 8.0]


def test_an_outage_without_end_is_one_message_and_deletes_nothing(sink, index):
    index.namespaces = {"live": {name: {} for name in ("i0", "i1", "gone")}}
    index.failures["/vectors/upsert"] = [500] * 100

    with pytest.raises(
        VectorsError,
        match=r"Pinecone at http.*ServiceError.*scripted 500.*The vectors sent so far stay; running the same command again is safe",
    ):
        list(sink(namespace="live").send(vectors()))
    assert "gone" in index.namespaces["live"]
    assert index.names().count("POST /vectors/upsert") == 4 * (1 + 3)


def test_a_wrong_key_says_so_and_is_not_shown(sink):
    with pytest.raises(VectorsError, match=r"rejects the API key \(401\). Check that PINECONE_API_KEY") as refused:
        list(sink(api_key="pc-other-key").send(vectors()))

    assert "pc-other-key" not in str(refused.value) and "pc-other-key" not in repr(sink(api_key="pc-other-key"))


def test_a_server_that_does_not_answer_times_out_and_is_retried(sink, index):
    index.failures["/vectors/upsert"] = [0.6]

    assert list(sink(timeout=0.2).send(vectors()))[-1] == "namespace v7 holds 4 vectors"
    index.failures["/describe_index_stats"] = [0.6] * 8
    with pytest.raises(VectorsError, match=r"Pinecone at http://127.*PineconeTimeoutError"):
        list(sink(timeout=0.2).send(vectors()))


def test_another_dimension_stops_before_anything_is_sent(sink, index):
    with pytest.raises(
        VectorsError,
        match=r"needs vectors of the index's dimension, 3, got 2. Nothing was sent. A dimension never changes",
    ):
        list(sink().send(vectors([[1, 0], [0, 1]])))
    assert index.names() == ["POST /describe_index_stats"]


def test_a_rejected_request_is_not_retried(sink, index):
    with pytest.raises(VectorsError, match=r"Pinecone at http.*Metadata size exceeds"):
        list(sink().send(vectors([[1, 0, 0]], story=pa.array(["long " * 10_000]))))
    assert index.names().count("POST /vectors/upsert") == 1


@pytest.mark.parametrize("item", ["i0", "a/b c?d#e&f+g", "тарелка", "100%", "%31", "a\tb\n", '"\\', "\U0001f600"])
def test_an_id_becomes_ascii_and_comes_back(item):
    wire = wire_id(item)

    assert wire.isascii() and wire.isprintable()
    assert urllib.parse.unquote(wire) == item
    assert (wire == item) == (item.isascii() and item.isprintable() and "%" not in item)


def test_ids_in_any_script_arrive_and_are_not_deleted_by_the_next_export(sink, index):
    ids = ["тарелка", "100%", "a b", "é"]
    list(sink(namespace="live").send(vectors(ids=ids)))
    lines = list(sink(namespace="live").send(vectors(ids=ids)))

    assert {vector["metadata"]["item_id"] for vector in index.namespaces["live"].values()} == set(ids)
    assert lines[1].startswith("deleted 0")


def test_an_id_that_is_too_long_there_stops_before_anything_is_sent(sink, index):
    with pytest.raises(VectorsError, match=r"needs ids of at most 512 characters, got '%D1%82.*\(1026\)"):
        list(sink().send(vectors([[1, 0, 0]], ids=["т" * 171])))
    assert index.names() == []


def test_counts_that_lag_are_waited_for(sink, index):
    index.lag, pauses = 4, []

    assert list(sink(sleep=pauses.append).send(vectors()))[-1] == "namespace v7 holds 4 vectors"
    assert pauses == [2.0, 2.0, 2.0]


def test_counts_that_never_come_are_a_warning(sink, index):
    index.lag = 1_000

    assert list(sink().send(vectors()))[-1].startswith(
        "warning: namespace v7 reports 3 vectors after 30 s, 4 were sent"
    )


def test_a_dry_run_compares_and_changes_nothing(sink, index):
    index.namespaces = {"v7": {"gone": {}, "i0": {}}, "v5": {}, "v6": {}}

    lines = list(sink().plan(vectors([*FOUR, [0, 0, 0]])))

    assert lines == [
        "left out: 1 items of which the model knows nothing (their vector is zero, which Pinecone refuses)",
        lines[1],
        "would delete 1 vectors of items that are gone, and the namespaces of 1 old versions: v5",
    ]
    assert lines[1].startswith("would upsert 4 vectors of 3 to namespace v7 of http://127.0.0.1:")
    assert set(index.names()) == {"POST /describe_index_stats", "GET /vectors/list"}


def test_many_items_go_in_batches_with_periodic_reports(sink, index, monkeypatch):
    monkeypatch.setattr(pinecone_index, "REPORT_EVERY", 400)
    lines = list(sink(batch=150).send(random_vectors(1_000, 3)))

    assert lines[:3] == [f"upserted {count} of 1,000 to namespace v7" for count in ("450", "900", "1,000")]
    assert len(index.namespaces["v7"]) == 1_000
