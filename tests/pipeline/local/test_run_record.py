import json
import subprocess
import sys

from pipeline.local.run_record import RunRecord

PLAN = {"event": "plan", "steps": ["SchemaGate"], "cpu": 12.0}
START = {"event": "start", "step": "SchemaGate"}
END = {
    "event": "end",
    "step": "SchemaGate",
    "state": "done",
    "wall": 1.5,
    "cpu": 1.0,
    "figure": "no anomalies",
    "summary": "",
}


def record_of(*events):
    record = RunRecord()
    for event in events:
        record.add(event)
    return record


def written(record, path, **options):
    record.write(path, **options)
    return json.loads(path.read_text())


def test_a_finished_run_is_done_with_the_cost_of_each_step(tmp_path):
    content = written(record_of(PLAN, START, END, {"event": "finish"}), tmp_path / "run.json")
    assert (content["state"], content["message"], content["setup"]["cpu"]) == ("done", "", 12.0)
    assert content["steps"] == [
        {"step": "SchemaGate", "state": "done", "wall": 1.5, "cpu": 1.0, "figure": "no anomalies"}
    ]


def test_the_first_failure_is_kept(tmp_path):
    first = {"event": "failure", "step": "SchemaGate", "expected": True, "message": "column a: gone."}
    record = record_of(PLAN, START, END | {"state": "failed"}, first, first | {"message": "the run failed"})
    assert record.failure == first
    content = written(record, tmp_path / "run.json")
    assert (content["state"], content["message"]) == ("failed", "column a: gone.")


def test_a_run_that_never_finished_failed(tmp_path):
    assert written(record_of(PLAN), tmp_path / "run.json")["state"] == "failed"


def test_a_stopped_run_says_so(tmp_path):
    assert written(record_of(PLAN, START), tmp_path / "run.json", stopped=True)["state"] == "stopped"


def test_the_running_step_is_known_until_it_ends():
    assert [record_of(*events).running for events in ([PLAN], [PLAN, START], [PLAN, START, END])] == [
        "",
        "SchemaGate",
        "",
    ]


def test_the_last_summary_counts_and_steps_without_one_do_not():
    record = record_of(END | {"summary": "/a"}, END)
    assert record.summary == "/a"


def test_cpu_seconds_are_those_of_the_children_since_the_start():
    record = RunRecord()
    assert record.cpu == 0
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert 0 < record.cpu < 5
    assert record.totals().endswith("CPU-s")
