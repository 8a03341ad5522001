"""`vectors` as a person meets it."""

import json

import pyarrow.parquet as pq
import pytest
from small_pinecone import KEY, Index, serving
from small_vectors import push, table

from pipeline.cli import main


@pytest.fixture
def folder(tmp_path):
    serving = tmp_path / "shop" / "serving" / "shop"
    push(serving, 100, kind="rules")
    push(serving, 200, rows=table(active=[True, True, True, False]))
    return serving


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("PINECONE_API_KEY", "PINECONE_INDEX_HOST", "QDRANT_URL", "QDRANT_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def said(capsys, folder, place, *arguments):
    status = main.main(["vectors", place, "--launch", "shop", "--workspace", str(folder.parents[2]), *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_served_version_is_exported_to_a_folder_of_its_own(folder, capsys):
    status, out, _ = said(capsys, folder, "parquet")

    written = folder.parents[1] / "vectors" / "200" / "parquet" / "items.parquet"
    assert (status, out) == (0, f"3 active items of version 200, vectors of 3: {written}\n")
    assert pq.read_table(written)["model_version"].to_pylist() == [200] * 3


def test_a_dry_run_writes_nothing(folder, capsys):
    status, out, _ = said(capsys, folder, "parquet", "--dry-run")

    assert status == 0 and out.startswith("would write 3 active items of version 200")
    assert not (folder.parents[1] / "vectors").exists()


def test_another_folder_can_be_named(folder, capsys, tmp_path):
    assert said(capsys, folder, "parquet", "--folder", str(tmp_path / "mine"))[0] == 0
    assert (tmp_path / "mine" / "items.parquet").exists()


def test_rules_that_are_served_export_nothing_and_say_what_then(folder, capsys):
    push(folder, 300, kind="rules")

    status, out, err = said(capsys, folder, "parquet")

    assert (status, out) == (1, "")
    assert err.startswith(
        "error: an export needs the vectors of a model, version 300 (rules) has none: rules count and do not embed."
    )
    assert not (folder.parents[1] / "vectors").exists()
    assert said(capsys, folder, "parquet", "--version", "200")[0] == 0


def test_a_version_that_was_rolled_back_can_still_be_named(folder, capsys):
    (folder / "200").rename(folder / "200.withdrawn")

    assert "version 100 (rules)" in said(capsys, folder, "parquet")[2]
    assert said(capsys, folder, "parquet", "--version", "200")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("parquet", "--version", "7"), "--version needs a version in {folder}, got 7. There are: 100, 200."),
        (("faiss", "--recall", "1.5"), "setting --recall needs a number from 0 to 1, got 1.5."),
        (
            ("pinecone",),
            "setting PINECONE_API_KEY needs the API key of your Pinecone project, got ''. It is read from the environment only.",
        ),
        (("qdrant",), "setting QDRANT_URL needs the URL of a Qdrant server, or a folder, got ''. --url gives it too."),
        (("qdrant", "--url", "q", "--keep", "0"), "setting --keep needs a number from 1 to 1000, got 0."),
        (("pgvector", "--schema", "a;b"), "setting --schema needs lower-case letters, digits and underscores"),
        (
            ("vertex", "--project", "P", "--region", "r", "--dataset", "d", "--store", "s"),
            "setting --project needs a name of the form",
        ),
    ],
)
def test_mistakes_are_one_message(folder, capsys, arguments, error):
    status, _, err = said(capsys, folder, *arguments)

    assert status == 1
    assert err.startswith("error: " + error.format(folder=folder))


def test_before_the_first_push(tmp_path, capsys):
    status, _, err = said(capsys, tmp_path / "shop" / "serving" / "shop", "faiss")

    assert status == 1 and "needs a pushed version" in err and "python -m pipeline run" in err


def test_pinecone_takes_key_and_host_from_the_environment(folder, capsys, monkeypatch):
    pytest.importorskip("pinecone", reason="the extra `pinecone` is not installed")
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    assert "setting PINECONE_INDEX_HOST needs the host of an index" in said(capsys, folder, "pinecone")[2]

    index = Index()
    with serving(index) as host:
        monkeypatch.setenv("PINECONE_INDEX_HOST", host)
        status, out, _ = said(capsys, folder, "pinecone")

    assert status == 0 and out.splitlines()[-1] == "namespace v200 holds 3 vectors"
    assert sorted(index.namespaces["v200"]) == ["i0", "i1", "i2"]


def test_qdrant_fills_a_folder_that_the_environment_names(folder, capsys, monkeypatch, tmp_path):
    pytest.importorskip("qdrant_client", reason="the extra `qdrant` is not installed")
    monkeypatch.setenv("QDRANT_URL", str(tmp_path / "qdrant"))

    status, out, _ = said(capsys, folder, "qdrant")

    assert status == 0 and out.splitlines()[-1] == "shop_items_v200 holds 3 vectors"


@pytest.mark.parametrize("option", ["--keep=0", "--batch=1001", "--timeout=0", "--max-deletes=2"])
def test_pinecones_numbers_are_checked(folder, capsys, monkeypatch, option):
    monkeypatch.setenv("PINECONE_API_KEY", KEY)

    assert (
        f"setting {option.partition('=')[0]} needs a number from"
        in said(capsys, folder, "pinecone", "--host", "http://127.0.0.1:9", option)[2]
    )


def test_a_key_is_no_option(folder, capsys):
    with pytest.raises(SystemExit):
        said(capsys, folder, "pinecone", "--api-key", KEY)


@pytest.mark.parametrize("place", ["faiss", "vespa"])
def test_the_other_places_write_their_files(folder, capsys, place):
    pytest.importorskip(place, reason=f"the extra `{place}` is not installed")

    assert said(capsys, folder, place)[0] == 0
    written = {path.name for path in (folder.parents[1] / "vectors" / "200" / place).iterdir()}
    assert (
        written
        == {"faiss": {"index.faiss", "index.json", "items.parquet"}, "vespa": {"application", "feed.jsonl"}}[place]
    )
    if place == "faiss":
        assert (
            json.loads((folder.parents[1] / "vectors" / "200" / place / "index.json").read_text())["model_version"]
            == 200
        )
