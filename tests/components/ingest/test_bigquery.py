"""No BigQuery answers here: the queries are read as text, and the graph is compiled."""

import dataclasses

import pytest
from tfx.dsl.compiler import compiler
from tfx.proto import example_gen_pb2
from tfx.utils import proto_utils

from components.declaration import Launch, Log, Objective, Split
from components.errors import DeclarationError, LogError
from components.ingest.bigquery import split_queries
from components.ingest.spans import input_files
from pipeline import graph
from pipeline.settings import Settings

pytestmark = pytest.mark.tensorflow

CUT = 1_767_225_600 * 1_000_000  # 2026-01-01T00:00:00Z
RATED = Launch(
    name="rated",
    log=Log("bigquery:SELECT * FROM shop.ratings", "user", "item", "at", time_unit="iso", value="stars"),
    objectives=(Objective("like", value_at_least=4.0),),
    split=Split(eval_from="2026-01-01"),
)


def test_each_split_has_its_query():
    train, evaluated = (split_queries(RATED)[name] for name in ("train", "eval"))

    assert train == (
        "SELECT * FROM (SELECT * REPLACE (CAST(`user` AS STRING) AS `user`, CAST(`item` AS STRING) AS `item`, "
        "UNIX_MICROS(TIMESTAMP(`at`)) AS `at`), CAST(`stars` >= 4.0 AS INT64) AS `label_like` FROM (\nSELECT * FROM shop.ratings\n)) "
        f"WHERE `user` IS NOT NULL AND `item` IS NOT NULL AND `at` < {CUT}"
    )
    assert evaluated == train.replace(f"< {CUT}", f">= {CUT}")


def test_epoch_times_and_labels_of_an_event():
    log = dataclasses.replace(RATED.log, time_unit="ms", event="kind")
    launch = dataclasses.replace(RATED, log=log, objectives=(Objective("like", event="it's", value_at_least=4.0),))

    assert "CAST(`at` * 1000 AS INT64) AS `at`" in split_queries(launch)["train"]
    assert (
        "IF(`kind` = 'it\\'s', CAST(`stars` >= 4.0 AS INT64), NULL) AS `label_like`" in split_queries(launch)["train"]
    )


def test_the_graph_compiles_with_the_standard_component(tmp_path):
    (tmp_path / "schema").mkdir()
    settings = Settings.from_environment(
        {}, {"launch": "rated", "log": str(tmp_path), "workspace": str(tmp_path), "schema": str(tmp_path / "schema")}
    )

    compiled = compiler.Compiler().compile(graph.create_pipeline(RATED, settings, ""))

    node = compiled.nodes[0].pipeline_node
    assert node.node_info.type.name == "tfx.extensions.google_cloud_big_query.example_gen.component.BigQueryExampleGen"
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(node.parameters.parameters["input_config"].field_value.string_value, config)
    assert {split.name: split.pattern for split in config.splits} == split_queries(RATED)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": Split(eval_share=0.1)}, "launch.split needs eval_from, as launch.log.path is a BigQuery query"),
        (
            {
                "log": dataclasses.replace(RATED.log, event="kind", impression="shown"),
                "objectives": (Objective("click", event="click"),),
            },
            "launch.log.impression needs None, as launch.log.path is a BigQuery query, got 'shown'. Set it to None, or export",
        ),
        (
            {"log": dataclasses.replace(RATED.log, value_min=1.0)},
            "launch.log.value_min needs None, as launch.log.path is a BigQuery query, got 1.0",
        ),
        (
            {"log": dataclasses.replace(RATED.log, value_max=5.0)},
            "launch.log.value_max needs None, as launch.log.path is a BigQuery query, got 5.0",
        ),
        (
            {"log": dataclasses.replace(RATED.log, drop_duplicates=True)},
            "launch.log.drop_duplicates needs False, as launch.log.path is a",
        ),
        ({"log": dataclasses.replace(RATED.log, spans=2)}, "launch.log.spans needs "),
    ],
    ids=["no moment of the cut", "impressions", "a least value", "a highest value", "repeated rows", "spans"],
)
def test_what_a_query_cannot_do_is_refused(change, message):
    with pytest.raises(DeclarationError, match=message):
        dataclasses.replace(RATED, **change)


def test_who_needs_files_says_so():
    with pytest.raises(LogError, match=r"launch.log.path: is a query, .* --log FILE"):
        input_files(RATED.log.path, "/data")
