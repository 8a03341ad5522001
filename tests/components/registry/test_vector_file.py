import numpy as np
import pytest
from small_vectors import push

from components.declaration import Catalogue
from components.features import item_table
from components.features.item_table import MISSING_INT
from components.registry import vector_file
from components.registry.item_vectors import ItemVectors, VectorsError

CATALOGUE = Catalogue(
    "items",
    "sku",
    title="name",
    categories=("kind of:token", "active"),
    texts=("name",),
    numbers=("price", "stock"),
    active="on_sale",
)
COLUMNS = {
    "sku": np.array([b"B", b"A", b"A", b""], object),
    "name": np.array(["Tasse \u00e9l\u00e9gante".encode(), b"old", b"", b"no id"], object),
    "kind of:token": np.array([b"mug", b"old", b"", b"x"], object),
    "active": np.array([b"yes", b"old", b"no", b"x"], object),
    "price": np.array([2.5, 9.0, np.nan, 1.0], np.float32),
    "stock": np.array([3, 9, MISSING_INT, 1]),
    "on_sale": np.array([1, 1, 0, 1]),
}


def made(vectors=None):
    """Items A (twice, the last counts) and B of the catalogue, X of the log alone."""
    items = item_table.build(CATALOGUE, COLUMNS, np.array([b"X", b"A"], object))
    rows = np.arange(len(items) * 2, dtype=np.float32).reshape(-1, 2) if vectors is None else vectors
    return items, vector_file.table(items, rows, CATALOGUE, COLUMNS)


def test_every_item_has_its_own_vector_and_its_last_row_of_the_catalogue():
    items, rows = made()
    by_id = {row["item_id"]: row for row in rows.to_pylist()}

    assert set(by_id) == {"A", "B", "X"}
    for place, item in enumerate(items.ids[1:], 1):
        assert by_id[item.decode()]["vector"] == [2.0 * place, 2.0 * place + 1]
    assert by_id["B"]["title"] == "Tasse \u00e9l\u00e9gante" and by_id["B"]["active"] is True
    assert (by_id["B"]["kind_of_token"], by_id["B"]["active_"], by_id["B"]["price"], by_id["B"]["stock"]) == (
        "mug",
        "yes",
        2.5,
        3,
    )
    assert by_id["A"]["title"] == "A" and by_id["A"]["active"] is False
    assert (by_id["A"]["kind_of_token"], by_id["A"]["active_"], by_id["A"]["price"], by_id["A"]["stock"]) == (
        None,
        "no",
        None,
        None,
    )
    assert by_id["X"]["active"] is False and by_id["X"]["price"] is None


def test_names_are_what_every_store_takes_and_differ():
    chosen = vector_file._column_names(["a b", "a:b", "vector", "1st", "_x", "gr\u00f6\u00dfe", "price"])

    assert list(chosen.values()) == ["a_b", "a_b_", "vector_", "c_1st", "c__x", "gr__e", "price"]


def test_without_a_catalogue_there_are_ids_and_vectors():
    items = item_table.build(None, {}, np.array([b"X", b"A", b"X"], object))
    rows = vector_file.table(items, np.ones((3, 2), np.float32), None, {})

    assert rows.column_names == ["item_id", "title", "active", "vector"]
    assert rows["active"].to_pylist() == [True, True]


def test_a_folder_gives_back_what_was_written(tmp_path):
    _, rows = made()
    read = vector_file.read(push(tmp_path, 42, rows=rows))

    assert isinstance(read, ItemVectors) and (read.launch, read.version) == ("shop", 42)
    assert read.table.equals(rows)
    assert read.features == ("kind_of_token", "active_", "price", "stock")


def test_a_withdrawn_version_can_be_read(tmp_path):
    push(tmp_path, 42).rename(tmp_path / "42.withdrawn")

    assert vector_file.read(tmp_path / "42.withdrawn").version == 42


def test_the_rules_have_no_vectors_and_nothing_older_is_taken_for_them(tmp_path):
    push(tmp_path, 41)
    with pytest.raises(
        VectorsError,
        match=r"version 42 \(rules\) has none: rules count and do not embed\. Nothing was written, sent or deleted\.",
    ):
        vector_file.read(push(tmp_path, 42, kind="rules"))


def test_a_model_from_before_the_file_says_so(tmp_path):
    folder = push(tmp_path, 42)
    (folder / vector_file.FILE).unlink()

    with pytest.raises(
        VectorsError, match=r"version 42 \(model\) has none: it lacks assets.extra.item_vectors.parquet"
    ):
        vector_file.read(folder)


def test_the_known_ids_of_a_version(tmp_path):
    push(tmp_path, 1, rows=made()[1])
    assert vector_file.known_ids(tmp_path / "1") == {b"A", b"B", b"X"}
    assert vector_file.known_ids(tmp_path) is None
    (tmp_path / "1" / vector_file.FILE).write_bytes(b"garbage")
    assert vector_file.known_ids(tmp_path / "1") is None
