"""The schema gate in full runs: data that do not fit the curated schema stop the run before training.

Every kind of anomaly is in tests/components/validation/test_gate.py.
"""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from whole_runs import generate, run, step_states, versions

pytestmark = pytest.mark.slow


def drop_device(events):
    return events.drop_columns(["device"]) if hasattr(events, "drop_columns") else events.drop(["device"])


def unknown_event(events):
    return replace_first(events, "event", "teleport")


def replace_first(events, name, value):
    column = events[name].to_pylist()
    column[0:50] = [value] * 50
    return events.set_column(events.schema.get_field_index(name), name, pa.array(column))


@pytest.mark.parametrize(
    ("broken", "column", "anomaly"),
    [
        (drop_device, "device", "lacks the column"),
        (unknown_event, "event", "teleport"),
    ],
    ids=["missing column", "unknown event"],
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
