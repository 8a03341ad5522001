"""Runs on a log with daily spans: the window of each run, cache hits, and drift that is reported or stops the run."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner
from tfx.types import standard_artifacts

from components.declaration import Drift, Launch, Log, Objective, Split
from components.declaration.verdict_view import VerdictView
from components.errors import GateError
from components.registry import train_statistics
from pipeline import gates
from pipeline.checks import schema_comparison
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

DAY = 86_400
WATCHED = Launch(
    name="daily",
    log=Log("{YYYY}-{MM}-{DD}/*.parquet", "user", "item", "time", event="event", context=("device",), spans=2),
    objectives=(Objective("click", event="click"),),
    split=Split(eval_days=1.0),
    drift=Drift(new_users=1.0, new_items=0.2),
)
STATES = {
    metadata_store_pb2.Execution.COMPLETE: "ran",
    metadata_store_pb2.Execution.CACHED: "cached",
    metadata_store_pb2.Execution.FAILED: "failed",
}


def write_day(folder, number, rows, tv=0.5, first_item=0, name="part.parquet"):
    """Writes a day of January 2026 with a number of rows, a share of TVs, and ten items from `first_item` on."""
    time = np.arange(rows) * (DAY // rows) + DAY * (20_453 + number)  # 2026-01-01 is 20,454 days after 1970-01-01
    columns = {
        "user": [f"u{row % 50}" for row in range(rows)],
        "item": [f"i{first_item + row % 10}" for row in range(rows)],
        "time": time,
        "event": ["click"] * rows,
        "device": np.where(np.arange(rows) < tv * rows, "tv", "phone"),
    }
    day = folder / "data" / f"2026-01-{number:02}"
    day.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), day / name)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "schema").mkdir()
    return Settings.from_environment(
        {},
        {
            "launch": "daily",
            "log": str(tmp_path / "data"),
            "workspace": str(tmp_path / "runs"),
            "schema": str(tmp_path / "schema"),
        },
    )


def run(launch, settings, champion=""):
    """Runs the steps from ExampleGen to DriftGate; returns their states, their headline metrics, and the error."""
    log = gates.check_log(launch, settings)
    page = gates.show_statistics(launch, log, None)
    nodes = [*log.components, page, *gates.measure_drift(launch, settings, log, None, champion)]
    settings.home.mkdir(parents=True, exist_ok=True)
    connection = metadata.sqlite_metadata_connection_config(str(settings.metadata))
    with metadata.Metadata(connection) as handle:
        before = {execution.id for execution in handle.store.get_executions()}
    dag = pipeline.Pipeline(
        "daily", str(settings.pipeline_root), components=nodes, enable_cache=True, metadata_connection_config=connection
    )
    error = None
    try:
        BeamDagRunner().run(dag)
    except (GateError, RuntimeError) as caught:  # Beam wraps some
        error = caught
    states, figures = {}, {}
    with metadata.Metadata(connection) as handle:
        for node in nodes:
            contexts = handle.store.get_contexts_by_type("node")
            context = next((context for context in contexts if context.name == f"daily.{node.id}"), None)
            for execution in handle.store.get_executions_by_context(context.id) if context else []:
                if execution.id not in before:
                    states[node.id] = STATES.get(execution.last_known_state, execution.last_known_state)
                    events = handle.store.get_events_by_execution_ids([execution.id])
                    outputs = [event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
                    for artifact in handle.store.get_artifacts_by_id(outputs):
                        figures[node.id] = artifact.custom_properties["figure"].string_value
    return states, figures, error


def push(settings):
    """Creates a version like a push would, with the statistics of the last run; returns its folder."""
    statistics = standard_artifacts.ExampleStatistics()
    (folder,) = (settings.pipeline_root / "StatisticsGen/statistics").iterdir()
    statistics.uri, statistics.split_names = str(folder), '["train", "eval"]'
    version = settings.serving / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    train_statistics.keep(statistics, str(version), VerdictView.of(WATCHED).log)
    return str(version)


def test_each_run_takes_its_window_and_the_cache_the_rest(settings, tmp_path):
    for number, rows in ((1, 100), (2, 200), (3, 300)):
        write_day(tmp_path, number, rows)
    assert schema_comparison.run(WATCHED, settings, []) == 0

    states, figures, error = run(WATCHED, settings)
    assert error is None
    assert set(states.values()) == {"ran"}
    assert figures["ExampleGen"] == "200 train, 300 eval", "days 2 and 3"
    assert figures["DriftGate"] == "no drift, 0% new users, 0% new items"

    served = push(settings)

    states, _, _ = run(WATCHED, settings)
    assert set(states.values()) == {"cached"}, "nothing changed"

    write_day(tmp_path, 4, 400, tv=0.9, first_item=5)
    states, figures, error = run(WATCHED, settings)
    assert error is None, "drift is reported and does not stop the run"
    assert (states["ExampleGen"], states["Schema"]) == ("ran", "cached")
    assert figures["ExampleGen"] == "300 train, 400 eval", "days 3 and 4"
    assert figures["DriftGate"] == "DRIFT: device 0.4 > 0.1, new items 0.5 > 0.2"

    write_day(tmp_path, 3, 300, tv=0.8)
    states, figures, _ = run(WATCHED, settings, served)
    assert states["ExampleGen"] == "ran", "a changed file under the same name"
    assert figures["DriftBaseline"] == "the served version"
    moved = "DRIFT: device since the served version 0.3 > 0.1, new items 0.5 > 0.2"
    assert figures["DriftGate"] == moved, (
        "the train split has more TVs now than day 2, on which the served version was trained"
    )
    states, _, _ = run(WATCHED, settings, served)
    assert set(states.values()) == {"cached"}, "nothing changed, neither did the champion"

    states, figures, error = run(
        dataclasses.replace(WATCHED, drift=dataclasses.replace(WATCHED.drift, stop=True)), settings
    )
    assert states["DriftGate"] == "failed"
    assert "new items: 50.0% of those in the eval split are not in the train split, at most 20% allowed" in str(error)


def test_the_window_may_be_longer_than_the_log(settings, tmp_path):
    for number, rows in ((1, 100), (2, 200), (3, 300)):
        write_day(tmp_path, number, rows)
    launch = dataclasses.replace(WATCHED, log=dataclasses.replace(WATCHED.log, spans=30))
    assert schema_comparison.run(launch, settings, []) == 0

    assert run(launch, settings)[1]["ExampleGen"] == "300 train, 300 eval"
