"""A whole run with an insight: the step Triangle, and what the page and ML Metadata hold of it.

What a changed insight reruns is a matter of views: tests/components/declaration/test_views.py.
"""

import dataclasses
import json

import pytest
import tensorflow as tf
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from whole_runs import PROJECT, generate, step_states, summary

from components.declaration import Insight, Promotion
from pipeline import launches
from pipeline.local import run
from pipeline.local.run_request import Request
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

SHOP = dataclasses.replace(
    launches.load("shop").with_model({"epochs": 2, "ranking_epochs": 1}),
    promotion=Promotion(min_queries=1, ranking_slices=()),
    insight=Insight(moments=3, users=False),  # eight more trainings of 25 s: tests/components/evaluation has them
)


def run_of(folder, log, launch):
    """Runs; returns the settings, and the states and headline metrics of the steps."""
    settings = Settings.from_environment({}, {"launch": "shop", "workspace": str(folder), "log": str(log)})
    assert run.run(Request(launch, settings)) == 0
    record = json.loads(max(settings.logs.glob("*.json")).read_text())
    return settings, step_states(record), {step["step"]: step["figure"] for step in record["steps"]}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    log = generate(folder / "log", 10_000)
    return folder, *run_of(folder / "ws", log, SHOP)


def test_the_triangle_trains_on_parts_and_the_page_says_what_it_measured(first):
    folder, _, states, figures = first
    insight = summary(folder / "ws")["insight"]
    assert states["Triangle"] == "done" and figures["Triangle"].startswith("2 trainings")
    assert insight["problem"] == "" and insight["left_out"] == [] and insight["trainings"] == 2
    assert insight["users"] is None
    rolling = summary(folder / "ws")["rolling"]
    last = insight["moments"][-1]
    assert last["share"] == 1 and last["queries"] == rolling["model"]["queries"]
    assert last["model"]["point"] == pytest.approx(rolling["model"]["recall@10"])
    assert last["rules"]["point"] == pytest.approx(rolling[summary(folder / "ws")["rules_name"]]["recall@10"])


def test_every_cell_of_the_notebook_runs(first, monkeypatch):
    folder, settings, _, figures = first
    monkeypatch.setenv("DAYONE_WORKSPACE", str(settings.workspace))
    names = {}
    for cell in json.loads((PROJECT / "docs" / "explore.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["summary"] == summary(folder / "ws")
    assert {figures[step] for step in ("ExampleGen", "Rules", "RetrievalEvaluator")} <= set(
        names["artifacts"]["figure"]
    )
    assert names["nearest"]["similarity"].iloc[0] == pytest.approx(1) and names["nearest"]["title"].all()
    assert set(names["recommended"]["item"]) <= set(names["items"]["item_id"])


def test_a_training_leaves_what_tensorboard_reads(first):
    _, settings, *_ = first
    (logs,) = settings.pipeline_root.glob("Trainer/model_run/*")
    (events,) = logs.glob("events.out.tfevents.*")
    written = tf.compat.v1.train.summary_iterator(str(events))
    tags = {value.tag for event in written for value in event.summary.value}
    assert {"choosing/loss", "choosing/validation value"} <= tags and any("rank" in tag for tag in tags), tags
    vectors, items = ((logs / name).read_text().splitlines() for name in ("vectors.tsv", "items.tsv"))
    assert len(vectors) == len(items) - 1 > 100


def test_others_can_query_the_numbers_of_the_verdict(first):
    folder, settings, *_ = first
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(settings.metadata)
    query = "custom_properties.queries.int_value > 0 AND custom_properties.gain.double_value > -1.0"
    (verdict,) = metadata_store.MetadataStore(config).get_artifacts(metadata_store.ListOptions(filter_query=query))
    measured = summary(folder / "ws")
    gain = measured["gains"]["model_over_rules"]["point"]
    assert verdict.custom_properties["gain"].double_value == pytest.approx(gain, abs=1e-5), "stored with six digits"
    assert verdict.custom_properties["metric"].string_value == "recall@10"
    rules = measured["rolling"][measured["rules_name"]]["recall@10"]
    assert verdict.custom_properties["rules"].double_value == pytest.approx(rules, abs=1e-5)
