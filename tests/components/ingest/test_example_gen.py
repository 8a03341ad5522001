import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import source_logs
import tensorflow_data_validation as tfdv
from executed_node import execute, features_of, quarantine_of, quarantined, run
from tfx.components import ExampleValidator, SchemaGen, StatisticsGen
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner
from tfx.types import artifact_utils
from tfx.utils import name_utils

from components.declaration import Catalogue, Launch, Log, Objective, Split
from components.errors import LogError
from components.ingest.example_gen import catalogue_example_gen, events_example_gen
from components.validation.schema_gate import SchemaGate

pytestmark = pytest.mark.tensorflow

CODE = "digest of the code"
SHOP = Launch(
    name="shop",
    log=Log(
        "log/",
        "user",
        "item",
        "time",
        time_unit="ms",
        event="event",
        impression="shown",
        request="request",
        context=("device",),
    ),
    catalogue=Catalogue("items.parquet", "item", title="title", numbers=("price",), active="active"),
    objectives=(Objective("click", event="click"),),
    split=Split(eval_share=0.25),
)


def shop_table(rows=400, seed=7):
    """Impressions and clicks in no order of time; every column has nulls where it may."""
    random = np.random.default_rng(seed)
    some = random.random(rows) < 0.5
    return pa.table(
        {
            "user": random.integers(0, 20, rows),
            "item": [f"i{item}" for item in random.integers(0, 9, rows)],
            "time": random.integers(1_700_000_000_000, 1_700_000_001_000, rows),
            "event": np.where(some, "shown", "click"),
            "request": pa.array(
                [f"r{request}" for request in random.integers(0, 40, rows)], mask=random.random(rows) < 0.1
            ),
            "device": pa.array(np.where(some, "tv", "é"), mask=random.random(rows) < 0.2),
            "price": pa.array(np.round(random.random(rows) * 4) / 4, mask=random.random(rows) < 0.2),
            "first": pa.array(some, mask=random.random(rows) < 0.2),
        }
    )


def rows_of(examples, split):
    """Each row with one value per column, None where it has none."""
    rows = features_of(examples, split)
    columns = {name for row in rows for name in row}
    return [{name: row[name][0] if name in row else None for name in columns} for row in rows]


def write(table, folder, name):
    folder.mkdir(exist_ok=True)
    if name.endswith(".parquet"):
        pq.write_table(table, folder / name)
    elif name.endswith(".csv"):
        table.to_pandas().astype(object).where(lambda frame: frame.notna(), None).to_csv(folder / name, index=False)
    else:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def expected_row(row):
    row = {name: value.encode() if isinstance(value, str) else value for name, value in row.items()}
    return row | {"user": str(row["user"]).encode(), "time": row["time"] * 1000}


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet"])
def test_examples_are_the_rows_of_the_log_cut_in_time(tmp_path, name):
    table = shop_table()
    write(table, tmp_path / "log", name)

    examples = run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path)

    rows = {split: rows_of(examples, split) for split in ("train", "eval")}
    cut = np.sort(table["time"].to_numpy())[-100] * 1000
    without_label = [
        {key: value for key, value in row.items() if key != "label_click"} for row in rows["train"] + rows["eval"]
    ]
    expected = [expected_row(row) for row in table.to_pylist()]
    assert without_label == [row for row in expected if row["time"] < cut] + [
        row for row in expected if row["time"] >= cut
    ]
    assert artifact_utils.decode_split_names(examples.split_names) == ["train", "eval"]
    assert examples.get_string_custom_property("figure") == f"{len(rows['train'])} train, {len(rows['eval'])} eval"
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert examples.get_string_custom_property("file_format") == "tfrecords_gzip"


@pytest.mark.parametrize("seed", range(3))
def test_nothing_leaks_over_the_cut(tmp_path, seed):
    table = shop_table(seed=seed)
    write(table, tmp_path / "log", "log.parquet")
    train, evaluated = (
        rows_of(run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path), split) for split in ("train", "eval")
    )
    cut = min(row["time"] for row in evaluated)

    assert max(row["time"] for row in train) < cut
    later = pa.compute.greater_equal(table["time"], cut // 1000)
    moved = table.set_column(3, "event", pa.compute.if_else(later, "shown", table["event"]))
    write(moved, tmp_path / "log", "log.parquet")
    assert rows_of(run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path), "train") == train


def with_wrong_rows(table):
    """Ten rows more: without user, without time, of the year 1970, of tomorrow's tomorrow, and a repeated one."""
    wrong = table.slice(0, 5).to_pylist()
    changes = ({"user": None}, {"time": None}, {"time": 5}, {"time": 4_000_000_000_000}, {})
    wrong = [row | change for row, change in zip(wrong, changes, strict=True)]
    return pa.concat_tables([table, pa.Table.from_pylist(wrong * 2, table.schema)])


def test_wrong_rows_are_quarantined_counted_and_shown(tmp_path):
    launch = dataclasses.replace(SHOP, log=dataclasses.replace(SHOP.log, drop_duplicates=True, max_quarantined=0.1))
    write(with_wrong_rows(shop_table()), tmp_path / "log", "log.parquet")

    examples = run(events_example_gen(launch, str(tmp_path), CODE), tmp_path)

    assert len(rows_of(examples, "train")) + len(rows_of(examples, "eval")) == 400
    reasons = ["no user", "no time", "time before 1980-01-01", "time in the future", "repeated"]
    figure = "300 train, 100 eval, 10 quarantined: " + ", ".join(f"2 {reason}" for reason in reasons)
    assert examples.get_string_custom_property("figure") == figure
    assert examples.get_int_custom_property("rows_in") == 410
    assert examples.get_int_custom_property("rows_quarantined") == 10
    assert [examples.get_int_custom_property(f"quarantined: {reason}") for reason in reasons] == [2] * 5
    assert [(row["row"], row["reason"]) for row in quarantine_of(examples)] == list(enumerate(reasons * 2, 401))


def test_a_run_with_too_many_wrong_rows_stops_and_leaves_them_where_tfx_deletes_nothing(tmp_path):
    write(with_wrong_rows(shop_table()), tmp_path / "log", "log.parquet")

    with pytest.raises(
        LogError,
        match=r"8 of 410 rows are wrong \(1.95%; launch.log.max_quarantined allows 1.00%\): 2 no user, 2 no time",
    ) as caught:
        run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path)

    path = tmp_path / "examples.quarantine.jsonl.gz"
    assert str(path) in str(caught.value)
    assert len(quarantined(path)) == 8


def test_labels_do_not_see_rows_that_are_quarantined(tmp_path):
    table = shop_table()
    write(table, tmp_path / "log", "log.parquet")
    clean = rows_of(run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path), "train")
    wrong = table.set_column(0, "user", pa.nulls(len(table), pa.int64())).set_column(
        3, "event", pa.array(["click"] * len(table))
    )
    write(pa.concat_tables([wrong, table]), tmp_path / "log", "log.parquet")
    launch = dataclasses.replace(SHOP, log=dataclasses.replace(SHOP.log, max_quarantined=0.5))

    assert rows_of(run(events_example_gen(launch, str(tmp_path), CODE), tmp_path), "train") == clean


def test_the_gzip_level_is_a_setting_of_the_node(tmp_path):
    write(shop_table(5000), tmp_path / "log", "log.parquet")
    sizes = []
    for level in (1, 6):
        examples = run(events_example_gen(SHOP, str(tmp_path), CODE, level), tmp_path)
        sizes.append(sum(path.stat().st_size for path in (tmp_path / "examples").rglob("data_tfrecord*")))
        assert len(rows_of(examples, "train")) + len(rows_of(examples, "eval")) == 5000

    assert sizes[1] < sizes[0]


def test_labels_are_on_impressions_only(tmp_path):
    write(shop_table(), tmp_path / "log", "log.parquet")
    rows = rows_of(run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path), "train")

    assert {row["label_click"] for row in rows if row["event"] == b"shown" and row["request"]} == {0, 1}
    assert {row["label_click"] for row in rows if row["event"] == b"click" or row["request"] is None} == {None}


def test_the_catalogue_is_one_split_with_one_row_per_item(tmp_path):
    items = pa.table({"item": [1, 2], "title": ["", None], "price": [0.0, 2.5], "active": [True, False]})
    pq.write_table(items, tmp_path / "items.parquet")

    examples = run(catalogue_example_gen(SHOP, str(tmp_path), CODE), tmp_path)

    first, second = (
        {"item": b"1", "title": b"", "price": 0.0, "active": 1},
        {"item": b"2", "title": None, "price": 2.5, "active": 0},
    )
    assert rows_of(examples, "all") == [first, second]
    assert examples.get_string_custom_property("figure") == "2 items"


def test_an_item_twice_in_the_catalogue_is_named(tmp_path):
    once = {"item": [1, 2], "title": ["x", "y"], "price": [1.0, 2.0], "active": [True, True]}
    pq.write_table(pa.concat_tables([pa.table(once)] * 2), tmp_path / "items.parquet")

    with pytest.raises(LogError, match="catalogue, column 'item': 2 items are there more than once, such as '1'"):
        run(catalogue_example_gen(SHOP, str(tmp_path), CODE), tmp_path)


def test_the_driver_sees_every_change_of_the_files(tmp_path):
    write(shop_table(), tmp_path / "log", "a.parquet")
    _, before, _ = execute(events_example_gen(SHOP, str(tmp_path), CODE))
    write(shop_table(500), tmp_path / "log", "b.parquet")
    _, after, _ = execute(events_example_gen(SHOP, str(tmp_path), CODE))

    assert before["input_fingerprint"] != after["input_fingerprint"]
    assert "num_files:2" in after["input_fingerprint"]


def test_the_cache_key_changes_with_the_declaration_and_the_code(tmp_path):
    other = dataclasses.replace(SHOP, split=Split(eval_share=0.5))
    nodes = [
        events_example_gen(launch, str(tmp_path), code)
        for launch, code in ((SHOP, "a"), (SHOP, "a"), (other, "a"), (SHOP, "b"))
    ]

    first, same, *changed = [node.exec_properties["custom_config"] for node in nodes]
    assert first == same
    assert len({first, *changed}) == 3


def test_dated_folders_are_spans_and_the_newest_is_read(tmp_path):
    for day, rows in (("2026-01-30", 100), ("2026-01-31", 40)):
        write(shop_table(rows), tmp_path / day, "log.parquet")
    launch = Launch.from_json(SHOP.to_json().replace('"log/"', '"{YYYY}-{MM}-{DD}/*.parquet"'))

    examples = run(events_example_gen(launch, str(tmp_path), CODE), tmp_path)

    assert len(rows_of(examples, "train")) + len(rows_of(examples, "eval")) == 40


def test_a_missing_log_is_an_error_for_people(tmp_path):
    with pytest.raises(LogError, match="there is no such file or folder"):
        run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path)


def test_the_nodes_have_the_names_of_the_graph(tmp_path):
    nodes = events_example_gen(SHOP, str(tmp_path), CODE), catalogue_example_gen(SHOP, str(tmp_path), CODE)

    assert [node.id for node in nodes] == ["ExampleGen", "CatalogueExampleGen"]
    paths = [name_utils.get_full_name(node.executor_spec.executor_class) for node in nodes]
    assert paths == ["components.ingest.executor.LogExecutor", "components.ingest.executor.CatalogueExecutor"]


def test_data_validation_reads_the_examples(tmp_path):
    write(shop_table(), tmp_path / "log", "log.parquet")
    examples = run(events_example_gen(SHOP, str(tmp_path), CODE), tmp_path)

    statistics = tfdv.generate_statistics_from_tfrecord(artifact_utils.get_split_uri([examples], "train") + "/*.gz")
    schema = tfdv.infer_schema(statistics)

    kinds = {feature.name: feature.type for feature in schema.feature}
    assert kinds == {
        "user": 1,
        "item": 1,
        "time": 2,
        "event": 1,
        "request": 1,
        "device": 1,
        "price": 3,
        "first": 2,
        "label_click": 2,
    }
    assert not tfdv.validate_statistics(statistics, schema).anomaly_info


@pytest.mark.slow
def test_in_tfx_the_standard_steps_read_the_examples_and_an_unchanged_log_is_not_read_again(tmp_path):
    write(shop_table(), tmp_path / "log", "log.parquet")

    for _ in range(2):
        read = events_example_gen(SHOP, str(tmp_path), CODE)
        statistics = StatisticsGen(examples=read.outputs["examples"])
        schema = SchemaGen(statistics=statistics.outputs["statistics"])
        validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
        checked = {"anomalies": validator.outputs["anomalies"], "statistics": statistics.outputs["statistics"]}
        gate = SchemaGate(**checked, data="log", schema="schema/shop", launch="shop", code="")
        BeamDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="shop",
                pipeline_root=str(tmp_path / "root"),
                components=[read, statistics, schema, validator, gate],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(
                    str(tmp_path / "metadata.sqlite")
                ),
            )
        )

    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))) as store:
        figures = [
            artifact.custom_properties["figure"].string_value
            for artifact in store.store.get_artifacts()
            if "figure" in artifact.custom_properties
        ]
    assert sorted(figures) == ["300 train, 100 eval", "no anomalies in 9 columns"]


def test_a_list_of_items_is_written_as_one_example_each(tmp_path):
    folder = source_logs.ga4(tmp_path)
    log = Log(
        "ga4/dt={YYYY}-{MM}-{DD}/*",
        "user_pseudo_id",
        "items.item_id",
        "event_timestamp",
        "us",
        event="event_name",
        request="row_id",
        context=("device.category",),
        spans=3,
        missing_ids=("",),
    )
    launch = Launch("shop", log, Split(eval_share=0.25), (Objective("buy", event="purchase"),))

    examples = run(events_example_gen(launch, str(folder.parent), CODE), tmp_path)

    rows = features_of(examples, "train") + features_of(examples, "eval")
    assert (len(rows), examples.get_int_custom_property("rows_quarantined")) == (360, 60)
    assert set(rows[0]) == set(log.columns()), "columns without a role are not read"
    assert rows[0]["row_id"] == rows[1]["row_id"] != rows[2]["row_id"]
    assert [rows[at]["items.item_id"] for at in (0, 1)] == [[b"sku5"], [b"sku6"]]
    assert rows[0]["event_timestamp"] == rows[1]["event_timestamp"]


def test_an_answer_column_is_written_as_text_and_labels_every_row(tmp_path):
    rows = [
        {"user": f"u{at % 5}", "item": f"i{at % 7}", "time": 1_769_900_000 + at, "is_click": at % 2} for at in range(40)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
    log = Log("log.parquet", "user", "item", "time", event="is_click", impression="0", rows_are_impressions=True)
    launch = Launch("shop", log, Split(eval_share=0.25), (Objective("click", event="1"),))

    examples = run(events_example_gen(launch, str(tmp_path), CODE), tmp_path)

    written = features_of(examples, "train") + features_of(examples, "eval")
    assert [row["is_click"] for row in written] == [[b"0"], [b"1"]] * 20
    assert [row["label_click"] for row in written] == [[0], [1]] * 20
