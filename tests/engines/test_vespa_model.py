"""Vespa's own model accepts the application package, and its own parser the documents: what `vespa deploy` and `vespa feed` check."""

import subprocess
from pathlib import Path

import java_servers
import pyarrow as pa
import pytest
from small_vectors import random_vectors

from components.integrations import vespa_package
from components.integrations.vespa_package import VespaPackage

pytestmark = pytest.mark.engines

PROGRAM = Path(__file__).with_name("VespaCheck.java")
VESPA = {"application": "com.yahoo.vespa:application:8.585.41"}
ROWS = 50


@pytest.fixture(scope="module")
def check():
    jars = java_servers.fetch_jars("vespa", VESPA)

    def run(folder):
        command = ["java", "-cp", f"{jars}/*", PROGRAM, folder / "application", folder / "feed.jsonl"]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run


def test_vespa_accepts_package_and_documents_whatever_the_columns_are_called(check, tmp_path):
    texts = pa.array(["plain", "", "a\x01b\ufffe", None, "é" * 40] * (ROWS // 5))
    columns = dict.fromkeys(sorted(vespa_package.RESERVED), texts)
    numbers = {"price": pa.array([37.55, None] * (ROWS // 2), pa.float32()), "stock": pa.array([3, None] * (ROWS // 2))}
    list(VespaPackage(tmp_path / "out").send(random_vectors(ROWS, **columns, **numbers)))

    done = check(tmp_path / "out")

    assert done.returncode == 0, done.stderr[-2_000:]
    assert done.stdout.strip() == f"{ROWS} documents of document type 'item'"


@pytest.mark.parametrize("name", sorted(vespa_package.RESERVED))
def test_each_escaped_name_is_one_that_vespa_refuses(check, tmp_path, name):
    list(VespaPackage(tmp_path / "out").send(random_vectors(2)))
    schema = tmp_path / "out" / "application" / "schemas" / "item.sd"
    schema.write_text(schema.read_text().replace("field title ", f"field {name} "))

    done = check(tmp_path / "out")

    assert done.returncode != 0 and f"'{name}'" in done.stderr


def test_a_document_that_does_not_fit_is_refused(check, tmp_path):
    list(VespaPackage(tmp_path / "out").send(random_vectors(2)))
    feed = tmp_path / "out" / "feed.jsonl"
    feed.write_text(feed.read_text().replace('"title"', '"name"'))

    done = check(tmp_path / "out")

    assert done.returncode != 0 and "name" in done.stderr
