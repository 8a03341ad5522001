import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.declaration import Log
from components.errors import LogError
from components.ingest.event_shape import partition_columns
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader

DAY = {"user": "u", "time": 1_700_000_000}
BASKETS = [
    DAY | {"order": 1, "lines": [{"sku": "a", "price": 2.5}, {"sku": "b", "price": None}], "device": {"type": "ios"}},
    DAY | {"order": 2, "lines": [], "device": None},
    DAY | {"order": 3, "lines": [{"sku": "a", "price": 1.0}], "device": {"type": "web"}},
]
BASKET_LOG = Log(
    "log",
    "user",
    "lines.sku",
    "time",
    request="order",
    value="lines.price",
    context=("device.type",),
    missing_ids=("",),
)


def reader(file, log):
    log_reader = LogReader([str(file)], Layout.of_log(log))
    log_reader.settle((log.time,))
    return log_reader


def events(file, log):
    return pa.Table.from_batches(list(reader(file, log).batches())).to_pydict()


def write(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        text = "\n".join(map(json.dumps, rows)).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl", "log.jsonl.gz"])
def test_a_list_of_structs_is_one_event_each_with_the_rows_other_columns(tmp_path, name):
    columns = events(write(tmp_path / name, BASKETS), BASKET_LOG)

    assert columns == {
        "user": ["u"] * 3,
        "time": [1_700_000_000_000_000] * 3,
        "order": ["1", "1", "3"],
        "lines.sku": ["a", "b", "a"],
        "lines.price": [2.5, None, 1.0],
        "device.type": ["ios", "ios", "web"],
    }


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
def test_a_row_without_an_element_is_counted_as_an_event_without_an_item(tmp_path, name):
    quarantined = reader(write(tmp_path / name, BASKETS), BASKET_LOG).quarantined

    assert (quarantined.rows_in, quarantined.counts, quarantined.share) == (4, {"no lines.sku, as declared": 1}, 0)


def test_the_parts_of_an_exploded_parquet_file_are_its_events_in_order(tmp_path):
    whole = reader(write(tmp_path / "log.parquet", BASKETS), BASKET_LOG)

    parts = [batch for part in whole.parts() for batch in part.batches()]

    assert pa.Table.from_batches(parts).to_pydict() == events(tmp_path / "log.parquet", BASKET_LOG)


def test_a_list_of_ids_shares_the_id_of_its_row_where_the_log_has_none(tmp_path):
    rows = [DAY | {"skus": ["a", "b"]}, DAY | {"skus": ["a"]}]
    columns = events(write(tmp_path / "log.jsonl", rows), Log("log", "user", "skus", "time", request="row_id"))

    assert columns["skus"] == ["a", "b", "a"]
    first, second, third = columns["row_id"]
    assert first == second != third


def test_nested_columns_without_a_role_are_not_read_and_named(tmp_path):
    rows = [DAY | {"item": "i", "params": {"a": 1}, "tags": [{"k": "v"}], "deep": [[1]]}] * 3
    log_reader = reader(write(tmp_path / "log.parquet", rows), Log("log", "user", "item", "time"))

    assert list(log_reader.types) == ["user", "time", "item"]
    assert sorted(log_reader.ignored) == ["deep", "params", "tags"]


def test_a_value_goes_by_its_key_in_a_list_of_pairs(tmp_path):
    pairs = [
        {"key": "page", "value": {"text": "home", "number": None}},
        {"key": "n", "value": {"text": None, "number": 3}},
    ]
    rows = [DAY | {"item": "i", "params": pairs}, DAY | {"item": "i", "params": []}]
    columns = events(
        write(tmp_path / "log.parquet", rows), Log("log", "user", "item", "time", context=("params.page", "params.n"))
    )

    assert (columns["params.page"], columns["params.n"]) == (["home", None], ["3", None])


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
def test_the_user_is_the_first_of_its_columns_that_is_filled(tmp_path, name):
    users = [("7", "a"), (None, "b"), (" ", "c"), (None, None)]
    rows = [{"id": user, "cookie": other, "item": "i", "time": 1_700_000_000} for user, other in users]
    log = Log("log", ("id", "cookie"), "item", "time")

    assert (log.user, log.user_fallbacks) == ("id", ("cookie",))
    assert events(write(tmp_path / name, rows), log)["id"] == ["7", "b", "c"]
    assert reader(tmp_path / name, log).quarantined.counts == {"no id": 1}


def test_a_field_that_is_a_number_here_and_text_there_is_read_as_text(tmp_path):
    rows = [DAY | {"properties": {"sku": sku}} for sku in (7, "x", 8)]

    assert events(write(tmp_path / "log.jsonl", rows), Log("log", "user", "properties.sku", "time"))[
        "properties.sku"
    ] == ["7", "x", "8"]


def test_the_columns_of_partition_folders_are_columns(tmp_path):
    assert partition_columns("/data/a=b/log/dt=2026-01-31/country=de/part-0.parquet") == {
        "dt": "2026-01-31",
        "country": "de",
    }
    folder = tmp_path / "dt=2026-01-31" / "country=de"
    folder.mkdir(parents=True)
    file = write(folder / "part-0.parquet", [DAY | {"item": "i"}])

    assert events(file, Log("log", "user", "item", "time", context=("country",)))["country"] == ["de"]
    assert "dt" not in events(file, Log("log", "user", "item", "time"))


def test_lists_that_do_not_go_together_are_refused(tmp_path):
    rows = [DAY | {"r": {"skus": ["a", "b"], "prices": [1.0]}}]
    with pytest.raises(
        LogError, match=r"the lists 'r\.(skus|prices)' and 'r\.(skus|prices)' of one row differ in length\."
    ):
        events(write(tmp_path / "log.parquet", rows), Log("log", "user", "r.skus", "time", value="r.prices"))


def test_declared_words_stand_for_no_id(tmp_path):
    users = ["null", "u", None, "v", "-1"]
    rows = [{"user": user, "item": "i", "time": 1_700_000_000} for user in users]
    log_reader = reader(
        write(tmp_path / "log.jsonl", rows), Log("log", "user", "item", "time", missing_ids=("null", "-1"))
    )

    assert log_reader.quarantined.counts == {"no user, as declared": 2, "no user": 1}
    assert log_reader.quarantined.share == 1 / 5
