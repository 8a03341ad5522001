import dataclasses
import time

import pyarrow as pa
import pytest

from components.declaration import Launch, Log, Objective, Promotion, Split
from pipeline.checks import column_checks
from pipeline.checks.log_view import LogView

T0 = 1_760_000_000  # 2025-10-09
HOUR = 3600
LOG = Log(path="x.csv", user="who", item="what", time="at", time_unit="s")
LAUNCH = Launch(name="tea", log=LOG, split=Split(eval_share=0.5), objectives=(Objective("any"),))
GOOD = {"who": ["a", "a", "b"], "what": ["x", "y", "x"], "at": [T0, T0 + HOUR, T0 + 2 * HOUR]}


def view(columns, **declared):
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LOG, **declared))
    table = pa.table(
        {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    )
    return LogView(launch, table, tuple(columns))


def found(check, columns, **declared):
    """The findings as (level, text)."""
    return [
        (finding.level, f"{finding.what} {finding.why} {finding.fix}") for finding in check(view(columns, **declared))
    ]


def one(check, level, text, columns, **declared):
    findings = found(check, columns, **declared)
    assert len(findings) == 1, findings
    assert findings[0][0] == level
    assert text in findings[0][1]


CHECKS = [value for name, value in vars(column_checks).items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_log_has_no_finding(check):
    more = {"stars": [1, 2, None], "place": [0.0, None, 2.0], "chance": [1.0, 0.5, None], "device": ["p", "q", "p"]}
    assert found(check, GOOD | more, value="stars", position="place", propensity="chance", context=("device",)) == []


def test_a_missing_column_is_named_with_its_role_and_a_near_name():
    text = (
        "column 'whom' (launch.log.value) is not in the log, which has 'who', 'what', 'at'. A run cannot read what is"
    )
    text += " not there. Did you mean 'who'?"
    one(column_checks.check_columns, "error", text, GOOD, value="whom")
    one(column_checks.check_columns, "error", "(launch.log.context)", GOOD, context=("zzz",))


def test_another_delimiter_is_told_once():
    one(column_checks.check_columns, "error", "all of a row is one column: 'who;what;at'.", {"who;what;at": ["u;i;1"]})
    one(column_checks.check_columns, "error", "Change launch.log.delimiter, which is ','", {"who;what;at": ["u;i;1"]})


@pytest.mark.parametrize(
    ("factor", "declared", "right"), [(1000, "s", "ms"), (1, "ms", "s"), (10**6, "s", "us"), (1, "iso", "s")]
)
def test_a_wrong_unit_is_told_with_the_right_one(factor, declared, right):
    times = [moment * factor for moment in GOOD["at"]]
    text = f"times such as {times[0]} are declared as {declared!r} and look like {right!r}."
    one(column_checks.check_time_unit, "error", text, GOOD | {"at": times}, time_unit=declared)
    one(
        column_checks.check_time_unit,
        "error",
        f'Declare time_unit="{right}".',
        GOOD | {"at": times},
        time_unit=declared,
    )


def test_timestamps_need_no_unit():
    assert found(column_checks.check_time_unit, GOOD | {"at": pa.array([T0, T0, T0], pa.timestamp("us"))}) == []


def test_times_to_come_are_counted():
    tomorrow = int(time.time()) + 3 * 24 * HOUR
    one(
        column_checks.check_time_range,
        "warning",
        "1 of 3 (33.3%) times lie in the future",
        GOOD | {"at": [tomorrow - 30 * 24 * HOUR, T0, tomorrow]},
    )


@pytest.mark.parametrize("at", [[T0, T0 + 60, T0 + 61], [0, T0, T0]])
def test_a_log_of_minutes_or_of_decades_is_worth_a_look(at):
    one(column_checks.check_time_range, "warning", "the log lies from", GOOD | {"at": at})


def test_days_as_times_leave_no_order():
    columns = {"who": ["a"] * 4, "what": ["w", "x", "y", "z"], "at": [T0] * 4}
    one(
        column_checks.check_order,
        "warning",
        "3 of 3 (100.0%) neighbouring events of a user have the very same time.",
        columns,
    )


def test_a_value_that_is_text_is_an_error_with_an_example():
    one(
        column_checks.check_numbers,
        "error",
        "holds text: 2 of 3 (66.7%) are no numbers, such as 'five'",
        GOOD | {"stars": ["1", "five", "two"]},
        value="stars",
    )
    one(
        column_checks.check_numbers,
        "error",
        "(launch.log.position) holds fractions.",
        GOOD | {"place": [0.5, 1, 2]},
        position="place",
    )
    assert found(column_checks.check_numbers, GOOD | {"stars": [True, False, True]}, value="stars") == []
    # A few that are none are quarantined.
    assert found(column_checks.check_numbers, GOOD | {"stars": ["1", "2", "five"]}, value="stars") == []


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.5, float("nan")])
def test_a_propensity_is_a_probability_above_zero(wrong):
    text = f"1 of 2 (50.0%) propensities lie outside of (0, 1], such as {wrong!r}."
    one(column_checks.check_propensities, "error", text, GOOD | {"chance": [0.5, wrong, None]}, propensity="chance")


@pytest.mark.parametrize(("guard", "level"), [("device=p", None), ("device=P", "error"), ("device=", "error")])
def test_a_guard_on_a_value_that_never_occurs_is_an_error(guard, level):
    log = view(GOOD | {"device": ["p", "q", None]}, context=("device",))
    launch = dataclasses.replace(log.launch, promotion=Promotion(guards=("new users", guard)))
    findings = list(column_checks.check_guards(dataclasses.replace(log, launch=launch)))
    assert [finding.level for finding in findings] == ([level] if level else [])
    assert all("launch.promotion.guards[1]" in finding.what and "'p', 'q'" in finding.what for finding in findings)


def test_contexts_that_say_nothing_or_too_much_are_worth_a_look():
    one(
        column_checks.check_context,
        "warning",
        "has the value 'p' only.",
        GOOD | {"device": ["p", "p", None]},
        context=("device",),
    )
    one(
        column_checks.check_context,
        "warning",
        "has no value.",
        GOOD | {"device": pa.array([None] * 3, pa.string())},
        context=("device",),
    )
    one(
        column_checks.check_context,
        "error",
        "holds list<item: string>",
        GOOD | {"device": [["p"], [], None]},
        context=("device",),
    )
    many = {
        "who": ["a"] * 1001,
        "what": ["x"] * 1001,
        "at": [T0] * 1001,
        "city": [f"c{number}" for number in range(1001)],
    }
    one(column_checks.check_context, "warning", "has 1,001 different values, such as 'c0'.", many, context=("city",))
