"""The schema gate in full runs: data that do not fit the curated schema stop the run before training."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from whole_runs import generate, run, step_states, versions

pytestmark = pytest.mark.slow


def drop_device(events):
    return events.drop_columns(["device"]) if hasattr(events, "drop_columns") else events.drop(["device"])


def text_positions(events):
    position = pc.cast(events["position"], pa.string())
    return events.set_column(
        events.schema.get_field_index("position"), "position", pc.if_else(pc.is_valid(position), "top", position)
    )


def unknown_event(events):
    return replace_first(events, "event", "teleport")


def unknown_country(events):
    return replace_first(events, "country", "ATLANTIS")


def replace_first(events, name, value):
    column = events[name].to_pylist()
    column[0:50] = [value] * 50
    return events.set_column(events.schema.get_field_index(name), name, pa.array(column))


@pytest.mark.parametrize(
    ("broken", "column", "anomaly"),
    [
        (drop_device, "device", "lacks the column"),
        (text_positions, "position", "position unreadable"),
        (unknown_event, "event", "teleport"),
        (unknown_country, "country", "ATLANTIS"),
    ],
    ids=["missing column", "wrong type", "unknown event", "new category"],
)
def test_the_gate_stops_the_run_before_transform(tmp_path, broken, column, anomaly):
    log = generate(tmp_path / "log", 2_000)
    events = pq.read_table(log / "events.parquet")
    pq.write_table(broken(events), log / "events.parquet")
    status, printed, record = run(tmp_path / "runs", log=log)
    assert status == 1
    assert column in printed
    assert re.search(anomaly, printed, re.IGNORECASE), printed
    assert "Traceback" not in printed
    assert not {"Transform", "Trainer", "Pusher", "RankingExamples"} & set(step_states(record))
    assert versions(tmp_path / "runs") == []
