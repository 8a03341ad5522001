import dataclasses

import pytest

from components.declaration import Launch, Log, Objective, Split
from pipeline.checks import quarantine_check

T0 = 1_760_000_000
LAUNCH = Launch(
    name="tea",
    log=Log(path="log.csv", user="who", item="what", time="at", value="stars"),
    split=Split(eval_share=0.5),
    objectives=(Objective("any"),),
)
ROWS = [f"u{number % 7},i{number % 5},{T0 + number},{number % 5}" for number in range(200)]


def findings(tmp_path, rows, **declared):
    (tmp_path / "log.csv").write_text("\n".join(["who,what,at,stars", *rows]) + "\n")
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, **declared))
    return [(finding.level, finding.what) for finding in quarantine_check.check(launch, tmp_path)]


def test_a_good_log_has_no_finding(tmp_path):
    assert findings(tmp_path, ROWS) == []


@pytest.mark.parametrize(("allowed", "level"), [(0.05, "warning"), (0.005, "error")])
def test_rows_that_a_run_sets_aside_are_counted_per_reason(tmp_path, allowed, level):
    rows = [f",i1,{T0},1", "u1,i1,soon,1", "u1,i1,4000000000,1", f"u1,i1,{T0},many", *ROWS]
    counts = "1 no who, 1 at unreadable, 1 at in the future, 1 stars unreadable"
    text = f"a run would quarantine 4 of 204 (2.0%) rows: {counts}; launch.log.max_quarantined allows {allowed:.1%}."
    assert findings(tmp_path, rows, max_quarantined=allowed) == [(level, text)]


def test_what_the_declaration_says_of_values_counts(tmp_path):
    assert "40 stars out of range" in findings(tmp_path, ROWS, value_max=3)[0][1]


def test_a_log_that_cannot_be_read_as_declared_is_an_error(tmp_path):
    assert findings(tmp_path, ROWS, user="whom")[0][1].startswith("the log cannot be read as declared: ")
