import gzip
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest
from small_vectors import vectors

from components.integrations import vespa_package
from components.integrations.vespa_package import VespaPackage, application
from components.registry.item_vectors import VectorsError

pytest.importorskip("vespa", reason="the extra `vespa` is not installed")
KIND, PRICE, STOCK = (
    pa.array(["mug", "hat", None, "mug"]),
    pa.array([1.5, 2.0, 3.0, None], pa.float32()),
    pa.array([1, 2, 3, None]),
)


def rich(**rows):
    return vectors(kind=KIND, price=PRICE, stock=STOCK, **rows)


def feed(folder):
    return [json.loads(line) for line in (folder / "feed.jsonl").read_text().splitlines()]


def test_the_package_is_what_pyvespa_writes(tmp_path):
    # pyvespa's own check of services.xml (validate_services) needs a grammar that its wheel does not bring.
    list(VespaPackage(tmp_path / "out").send(rich()))

    services = ET.parse(tmp_path / "out" / "application" / "services.xml").getroot()
    documents = [(document.get("type"), document.get("mode")) for document in services.iter("document")]
    assert documents == [("item", "index")]
    assert [cluster.get("id") for cluster in services] == ["shop_container", "shop_content"]
    schema = (tmp_path / "out" / "application" / "schemas" / "item.sd").read_text()
    assert schema == application(rich()).schema.schema_to_text
    assert schema.count("{") == schema.count("}")


class DocumentApi(BaseHTTPRequestHandler):
    """Takes /document/v1/NAMESPACE/TYPE/docid/ID and keeps what it holds."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        namespace, kind, item = re.fullmatch(
            r"/document/v1/([^/]+)/([^/]+)/docid/([^?]+)(?:[?].*)?", self.path
        ).groups()
        self.server.held[f"id:{namespace}:{kind}::{urllib.parse.unquote(item)}"] = json.loads(body)["fields"]
        answer = b'{"id": "x", "pathId": "y"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def test_pyvespas_client_takes_the_feed(tmp_path):
    from vespa.application import Vespa

    list(VespaPackage(tmp_path).send(rich(ids=["i0", "a/b c", "тарелка", "x::y%"])))
    puts, answers = feed(tmp_path), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), DocumentApi)
    server.held, server.daemon_threads = {}, True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        documents = [{"id": put["put"].split("::", 1)[1], "fields": put["fields"]} for put in puts]
        client = Vespa(url="http://127.0.0.1", port=server.server_address[1])
        client.feed_iterable(
            documents, schema="item", namespace="shop", callback=lambda answer, _: answers.append(answer.status_code)
        )
    finally:
        server.shutdown()
        server.server_close()

    assert answers == [200] * 4
    assert server.held == {put["put"]: put["fields"] for put in puts}


def test_the_schema_has_an_index_over_the_vector_and_a_profile_that_takes_the_query():
    schema = application(rich()).schema.schema_to_text

    assert re.search(r"field vector type tensor<float>\(x\[3\]\) \{\s+indexing: attribute \| index\s", schema)
    assert "distance-metric: prenormalized-angular" in schema and "hnsw {" in schema
    assert re.search(r"rank-profile closeness \{\s+inputs \{\s+query\(q\) tensor<float>\(x\[3\]\)", schema)
    assert "closeness(field, vector)" in schema
    kinds = dict(re.findall(r"field (\w+) type (\S+) \{", schema))
    assert kinds == {
        "item_id": "string",
        "model_version": "long",
        "title": "string",
        "kind": "string",
        "price": "double",
        "stock": "long",
        "vector": "tensor<float>(x[3])",
    }


def test_every_field_of_the_feed_is_in_the_schema_and_fits_it(tmp_path):
    list(VespaPackage(tmp_path).send(rich()))
    declared = dict(re.findall(r"field (\w+) type (\S+) \{", application(rich()).schema.schema_to_text))
    fits = {"string": str, "long": int, "double": float, "tensor<float>(x[3])": dict}

    puts = feed(tmp_path)
    assert len(puts) == 4
    for put in puts:
        assert set(put) == {"put", "fields"}
        assert all(isinstance(value, fits[declared[name]]) for name, value in put["fields"].items())
        assert len(put["fields"]["vector"]["values"]) == 3


def test_the_put_of_an_item(tmp_path):
    list(VespaPackage(tmp_path).send(rich()))

    assert feed(tmp_path)[3] == {
        "put": "id:shop:item::7.i3",
        "fields": {
            "item_id": "i3",
            "title": "Item i3",
            "kind": "mug",
            "model_version": 7,
            "vector": {"values": [0.0, 0.60000002, 0.80000001]},
        },
    }
    assert feed(tmp_path)[0]["fields"]["price"] == 1.5


def test_two_versions_never_share_a_document(tmp_path):
    list(VespaPackage(tmp_path / "a").send(vectors(version=7)))
    list(VespaPackage(tmp_path / "b").send(vectors(version=8)))

    assert not {put["put"] for put in feed(tmp_path / "a")} & {put["put"] for put in feed(tmp_path / "b")}


def test_a_forbidden_character_becomes_a_space_in_text_and_an_error_in_ids(tmp_path):
    list(VespaPackage(tmp_path / "out").send(vectors([[1, 0]], kind=pa.array(["a\x00b\x1fc\td"]))))
    assert feed(tmp_path / "out")[0]["fields"]["kind"] == "a b c\td"

    with pytest.raises(
        VectorsError, match=r"needs ids without control characters, got 'a.x07b' and 0 more. Nothing was written."
    ):
        list(VespaPackage(tmp_path / "no").send(vectors([[1, 0], [0, 1]], ids=["a\x07b", "c"])))
    assert not (tmp_path / "no").exists()


def test_ids_in_any_script_are_unchanged(tmp_path):
    list(VespaPackage(tmp_path).send(vectors([[1, 0], [0, 1]], ids=["тарелка 5/7?", "a:b::c"])))

    assert [put["put"] for put in feed(tmp_path)] == ["id:shop:item::7.тарелка 5/7?", "id:shop:item::7.a:b::c"]


def test_an_item_with_a_zero_vector_is_left_out_and_reported(tmp_path):
    lines = list(VespaPackage(tmp_path).send(vectors([[0, 0], [1, 0]])))

    assert lines[0].startswith("left out: 1 items of which the model knows nothing")
    assert [put["fields"]["item_id"] for put in feed(tmp_path)] == ["i1"]


def test_a_launch_name_that_vespa_rejects_is_one_message():
    with pytest.raises(VectorsError, match="Vespa needs another name than the launch's, got '9lives'"):
        application(vectors(launch="9lives"))


def test_a_dry_run_shows_the_schema_and_writes_nothing(tmp_path):
    lines = list(VespaPackage(tmp_path / "out").plan(rich()))

    assert lines[0] == f"would write {tmp_path / 'out' / 'feed.jsonl'}: 4 puts of version 7, vectors of 3; the schema:"
    assert "field price type double" in lines[1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", sorted(vespa_package.RESERVED))
def test_a_name_that_vespa_reserves_gets_an_underscore(name):
    """As seen with Vespa's own model: it refuses a field of this name."""
    assert vespa_package.escape(name) == f"{name}_" and vespa_package.escape(f"{name}_") == f"{name}__"
    assert vespa_package.escape(f"my_{name}") == f"my_{name}"


def test_schema_and_feed_use_the_escaped_name(tmp_path):
    item_vectors = vectors(position=PRICE, summary=KIND)
    list(VespaPackage(tmp_path).send(item_vectors))
    schema = application(item_vectors).schema.schema_to_text
    assert re.findall(r"field (\w+) type (?:string|double) \{", schema) == ["item_id", "title", "position_", "summary_"]
    assert "fields: title, summary_" in schema
    assert {name for row in feed(tmp_path) for name in row["fields"]} & {
        "position",
        "summary",
        "position_",
        "summary_",
    } == {"position_", "summary_"}
