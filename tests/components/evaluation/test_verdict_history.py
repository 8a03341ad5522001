import dataclasses
import json
import os

from components.evaluation.verdict_history import build_row, mark_moves, read_history, render_history
from pipeline.cli import main

SUMMARY = {
    "launch": "shop", "metric": "recall@10", "queries": 2005, "rules_name": "covisitation",
    "rolling": {"model": {"recall@10": 0.184}, "covisitation": {"recall@10": 0.087}},
    "gains": {"model_over_rules": {"point": 1.11, "low": 0.84, "high": 1.42, "level": 0.95, "error": 0.1}},
    "verdict": {"outcome": "model", "headline": "."},
}  # fmt: skip


def write(root, execution, summary, time):
    file = root / "Verdict" / "summary" / str(execution) / "summary.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(summary))
    os.utime(file, (time, time))


def test_a_row_holds_what_the_summary_measured():
    row = build_row(SUMMARY, "2026-11-28T00:00:00+00:00")

    assert (row.model, row.rules, row.champion, row.queries) == (0.184, 0.087, None, 2005)
    assert (row.gain, row.low, row.high, row.outcome) == (1.11, 0.84, 1.42, "model pushed")


def test_what_is_infinite_or_missing_is_not_known():
    row = build_row(
        SUMMARY | {"gains": {"model_over_rules": {"point": "Infinity", "low": "-Infinity", "high": "Infinity"}}}, ""
    )
    assert (row.gain, row.low, row.high) == (None, None, None)
    refused = build_row(SUMMARY | {"gains": {}, "rolling": {"covisitation": {"recall@10": 0.1}}}, "")
    assert refused.model is None and refused.gain is None and refused.rules == 0.1


def test_the_experiments_action_is_the_outcome():
    verdict = SUMMARY["verdict"] | {"action": "ramp"}

    assert build_row(SUMMARY | {"verdict": verdict}, "").outcome == "experiment: ramp"
    assert (
        build_row(SUMMARY | {"verdict": verdict | {"action": "keep", "outcome": "champion"}}, "").outcome
        == "nothing pushed"
    )


def test_a_row_holds_what_was_read_of_users():
    guard, objective = (
        {"role": role, "gain": gain, "low": low, "high": 0.5}
        for role, gain, low in (("guard", 0.1, 0.0), ("objective", 0.3, None))
    )
    running, holdout = {"metrics": [objective, guard], "holdout": None}, {"metrics": [], "holdout": guard}
    rows = [build_row(SUMMARY | {"experiment": experiment}, "") for experiment in (running, holdout, None)]

    read = [(row.users_gain, row.users_low, row.users_high) for row in rows]
    assert read == [(0.3, None, 0.5), (0.1, 0.0, 0.5), (None, None, None)]


def test_a_move_of_the_rules_beyond_chance_is_marked():
    row = build_row(SUMMARY, "")
    # standard error of .087 on 2,005 queries: .0063; of a difference of two: .0089
    rows = [dataclasses.replace(row, rules=value) for value in (0.087, 0.100, 0.150)]

    assert [one.moved for one in mark_moves(rows)] == [False, False, True]
    assert mark_moves([]) == []


def test_the_command_lists_all_runs_oldest_first(tmp_path, capsys):
    root = tmp_path / "shop" / "artifacts"
    write(root, 20, SUMMARY | {"verdict": {"outcome": "champion", "headline": "."}}, 2_000_000)
    write(root, 3, SUMMARY, 1_000_000)
    (root / "Other" / "summary" / "1").mkdir(parents=True)
    (root / "Other" / "summary" / "1" / "summary.json").write_text("{}")

    assert main.main(["history", "--launch", "shop", "--workspace", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "2 verdicts" in output and output.index("model pushed") < output.index("nothing pushed")
    assert "+111% (+84% to +142%)" in output
    assert main.main(["history", "--launch", "shop", "--workspace", str(tmp_path), "--json"]) == 0
    assert [row["outcome"] for row in json.loads(capsys.readouterr().out)] == ["model pushed", "nothing pushed"]


def test_without_a_run_it_says_so(tmp_path):
    assert "no run has reached a verdict" in render_history("shop", read_history(tmp_path))
