import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.declaration import Catalogue, Launch, Log, Objective, Split
from components.validation.schema_proposal import CATALOGUE, LOG, propose, schema_text

ROWS = 400
SHOP = Launch(
    name="shop",
    log=Log(
        "log.parquet",
        "who",
        "what",
        "when",
        event="kind",
        impression="shown",
        request="answer",
        position="place",
        policy="by",
        propensity="chance",
        value="stars",
        context=("device", "hour"),
    ),
    catalogue=Catalogue(
        "items.parquet", "what", title="name", categories=("shelf",), numbers=("price",), active="sold"
    ),
    objectives=(Objective("click", event="click"),),
    split=Split(eval_share=0.25),
)


def log_table(seed=7):
    random = np.random.default_rng(seed)
    shown = random.random(ROWS) < 0.5
    return pa.table(
        {
            "who": random.integers(0, 20, ROWS),
            "what": [f"i{item}" for item in random.integers(0, 9, ROWS)],
            "when": random.integers(1_700_000_000, 1_700_001_000, ROWS),
            "kind": np.where(shown, "shown", "click"),
            "answer": pa.array(
                [f"r{answer}" for answer in random.integers(0, 40, ROWS)], mask=~shown & (random.random(ROWS) < 0.3)
            ),
            "place": pa.array(random.integers(0, 9, ROWS), mask=~shown),
            "by": pa.array(["rules"] * ROWS, mask=~shown),
            "chance": pa.array(random.random(ROWS), mask=~shown),
            "stars": random.integers(1, 6, ROWS),
            "device": np.where(random.random(ROWS) < 0.5, "tv", 'é "q"'),
            "hour": random.integers(0, 24, ROWS),
            "note": [f"note {row}" for row in range(ROWS)],
            "lang": np.where(shown, "de", "fr"),
            "first": shown,
            "late": pa.array(np.arange(ROWS), mask=np.ones(ROWS, bool)),
            "tags": pa.array([["a"], ["a", "b"]] * (ROWS // 2)),
        }
    )


ITEMS = pa.table(
    {"what": ["i1", "i2"], "name": ["x", "y"], "shelf": ["toys", "books"], "price": [0.5, 2.0], "sold": [1, 0]}
)


@pytest.fixture
def folder(tmp_path):
    pq.write_table(log_table(), tmp_path / "log.parquet")
    pq.write_table(ITEMS, tmp_path / "items.parquet")
    return str(tmp_path)


def columns(folder, which, launch=SHOP):
    return {column.name: column for column in propose(launch, folder, which)}


def test_types_are_those_of_the_examples(folder):
    kinds = {name: column.kind for name, column in columns(folder, LOG).items()}

    numbers = {
        "when": "INT",
        "place": "INT",
        "chance": "FLOAT",
        "stars": "INT",
        "hour": "INT",
        "first": "INT",
        "late": "INT",
        "label_click": "INT",
    }
    assert kinds == dict.fromkeys([*log_table().schema.names, "label_click"], "BYTES") | numbers


def test_roles_decide_what_is_closed(folder):
    proposed = columns(folder, LOG)

    domains = {name: column.domain for name, column in proposed.items() if column.domain}
    assert domains == {"kind": ("click", "shown"), "device": ("tv", 'é "q"'), "lang": ("de", "fr"), "tags": ("a", "b")}
    bounds = {
        name: (column.low, column.high)
        for name, column in proposed.items()
        if (column.low, column.high) != (None, None)
    }
    low = dict.fromkeys(("when", "place", "hour"), (0, None))
    assert bounds == low | {"chance": (0, 1), "stars": (1, 5)}
    assert [name for name, column in proposed.items() if column.boolean] == ["first", "label_click"]
    assert [name for name, column in proposed.items() if column.drift] == ["kind", "by", "device", "hour"]


def test_presence_holds_in_every_split(folder):
    filled = {name: column.filled for name, column in columns(folder, LOG).items()}

    assert {name for name, how in filled.items() if how == "sometimes"} == {
        "answer",
        "place",
        "by",
        "chance",
        "label_click",
    }
    assert [name for name, how in filled.items() if how == "never"] == ["late"]
    assert not columns(folder, LOG)["tags"].single


def test_a_column_without_values_in_the_train_split_is_not_required(tmp_path):
    table = log_table()
    last = table["when"].to_numpy() >= np.sort(table["when"].to_numpy())[-ROWS // 8]
    table = table.set_column(table.schema.get_field_index("lang"), "lang", pa.array(["de"] * ROWS, mask=~last))
    pq.write_table(table, tmp_path / "log.parquet")

    assert columns(str(tmp_path), LOG)["lang"].filled == "never"


def test_a_category_with_too_many_values_is_open(tmp_path):
    table = log_table()
    many = pa.array([f"device {row % 101}" for row in range(ROWS)])
    pq.write_table(table.set_column(table.schema.get_field_index("device"), "device", many), tmp_path / "log.parquet")

    assert columns(str(tmp_path), LOG)["device"].domain == ()


def test_the_catalogue_has_its_roles(folder):
    proposed = columns(folder, CATALOGUE)

    assert {name: column.domain for name, column in proposed.items()} == {
        "what": (),
        "name": (),
        "shelf": ("books", "toys"),
        "price": (),
        "sold": (),
    }
    assert proposed["sold"].boolean
    assert proposed["price"].low == 0
    assert {column.filled for column in proposed.values()} == {"always"}


def test_labels_by_value_are_on_every_row_that_has_one(folder):
    log = dataclasses.replace(SHOP.log, event=None, impression=None, request=None)
    launch = dataclasses.replace(SHOP, log=log, objectives=(Objective("like", value_at_least=4.0),))

    assert columns(folder, LOG, launch)["label_like"].filled == "always"


@pytest.mark.tensorflow
@pytest.mark.parametrize("seed", range(3))
def test_data_validation_finds_the_written_examples_as_proposed(tmp_path, seed):
    import tensorflow_data_validation as tfdv
    from executed_node import run
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.types import artifact_utils

    from components.ingest.example_gen import catalogue_example_gen, events_example_gen

    pq.write_table(log_table(seed), tmp_path / "log.parquet")
    pq.write_table(ITEMS, tmp_path / "items.parquet")
    for which, node in (
        (LOG, events_example_gen(SHOP, str(tmp_path), "")),
        (CATALOGUE, catalogue_example_gen(SHOP, str(tmp_path), "")),
    ):
        schema = text_format.Parse(schema_text("shop", which, propose(SHOP, str(tmp_path), which)), schema_pb2.Schema())
        examples = run(node, tmp_path / which)
        for split in artifact_utils.decode_split_names(examples.split_names):
            statistics = tfdv.generate_statistics_from_tfrecord(
                artifact_utils.get_split_uri([examples], split) + "/*.gz"
            )
            assert not tfdv.validate_statistics(statistics, schema).anomaly_info
            inferred = {feature.name: feature.type for feature in tfdv.infer_schema(statistics).feature}
            proposed = {feature.name: feature.type for feature in schema.feature if feature.name != "late"}
            assert {name: kind for name, kind in inferred.items() if name != "late"} == proposed
