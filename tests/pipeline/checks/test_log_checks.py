import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from components.declaration import Launch, Log, Objective, Promotion, Split
from pipeline.checks import log_checks
from pipeline.checks.log_view import LogView

T0 = 1_760_000_000
HOUR = 3600
LOG = Log(
    path="x.csv",
    user="who",
    item="what",
    time="at",
    time_unit="s",
    event="deed",
    impression="shown",
    request="query",
    value="stars",
)
LAUNCH = Launch(
    name="tea",
    log=LOG,
    split=Split(eval_share=0.5),
    objectives=(Objective("tap", event="tap"), Objective("buy", event="buy", value_at_least=4)),
    promotion=Promotion(min_queries=1),
)
# Two requests, each with two impressions, and what followed: u taps y and x, v buys y and x.
GOOD = {
    "who": ["u", "u", "u", "v", "v", "v", "u", "v"],
    "what": ["x", "y", "y", "x", "y", "y", "x", "x"],
    "at": [T0 + hour * HOUR for hour in range(8)],
    "deed": ["shown", "shown", "tap", "shown", "shown", "buy", "tap", "buy"],
    "query": ["1", "1", "1", "2", "2", "2", "1", "2"],
    "stars": [None, None, None, None, None, 5, None, 1],
}


def view(changes=None, launch=LAUNCH, **declared):
    launch = dataclasses.replace(launch, log=dataclasses.replace(launch.log, **declared))
    columns = GOOD | (changes or {})
    return LogView(launch, pa.table(columns), tuple(columns))


def one(check, level, text, seen):
    findings = list(check(seen))
    assert len(findings) == 1, findings
    assert findings[0].level == level
    assert text in f"{findings[0].what} {findings[0].why} {findings[0].fix}"


CHECKS = [value for name, value in vars(log_checks).items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_log_has_no_finding(check):
    assert list(check(view())) == []


def test_an_event_that_never_occurs_is_an_error_with_those_that_do():
    launch = dataclasses.replace(LAUNCH, objectives=(Objective("tap", event="tapp"),))
    text = (
        "objective 'tap' wants the event 'tapp', which never occurs; the events are 'shown' (4), 'tap' (2), 'buy' (2)."
    )
    one(log_checks.check_objectives, "error", text, view(launch=launch))
    one(log_checks.check_objectives, "error", "Did you mean 'tap'? Change launch.objectives.", view(launch=launch))


@pytest.mark.parametrize(
    ("stars", "said"), [(4.5, "which none of its 2 events has"), (4, "which every one of its 2 events has")]
)
def test_a_threshold_that_splits_nothing_is_an_error(stars, said):
    values = [None] * 5 + ([1, None, 2] if stars == 4.5 else [5, None, 5])
    one(log_checks.check_objectives, "error", said, view({"stars": values}))


def test_impressions_that_are_not_there_are_an_error():
    one(
        log_checks.check_impressions,
        "error",
        "launch.log.impression is 'seen', which never occurs",
        view(impression="seen"),
    )


def test_actions_that_join_no_impression():
    lost = ["1", "1", "3", "2", "2", "4", "5", "6"]
    one(
        log_checks.check_impressions,
        "error",
        "0 of 4 (0.0%) actions come at most 3600 s after an impression of their request and item; one of request '3' has none.",
        view({"query": lost}),
    )
    some = ["1", "1", "1", "2", "2", "4", "5", "6"]
    one(log_checks.check_impressions, "warning", "1 of 4 (25.0%) actions", view({"query": some}))
    none = [None, None, "1", None, None, "2", "1", "2"]
    one(log_checks.check_impressions, "error", "no impression has a 'query'.", view({"query": none}))
    none = ["1", "1", None, "2", "2", None, None, None]
    one(log_checks.check_impressions, "error", "no action has a 'query'.", view({"query": none}))


def test_a_log_without_requests_joins_by_user_and_item_within_the_window():
    assert list(log_checks.check_impressions(view(request=None))) == []
    others = {"who": ["u", "u", "v", "v", "v", "w", "w", "w"]}
    head = "0 of 4 (0.0%) actions come at most 3600 s after an impression of their user and item; one of user 'v' has none."
    one(log_checks.check_impressions, "error", head, view(others, request=None))
    # y by u one hour and by v one hour after it was shown, x by both later than that.
    short = "0 of 4 (0.0%) actions come at most 1800 s after an impression of their user and item (4 of 4 (100.0%) without the limit of"
    one(log_checks.check_impressions, "error", short, view(request=None, attribution_seconds=1800))
    assert list(log_checks.check_impressions(view(request=None, attribution_seconds=1800, impression=None))) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_count_of_joins_is_that_of_a_search_for_each_action(seed):
    rng = np.random.default_rng(seed)
    columns = {
        name: rng.choice([value for value in values if value is not None], 200).tolist()
        for name, values in GOOD.items()
    }
    columns["at"] = rng.integers(0, 200, 200).tolist()
    rows = list(zip(*(columns[name] for name in ("who", "what", "at", "deed")), strict=True))
    shown, acted = ([row for row in rows if (row[3] == "shown") == is_shown] for is_shown in (True, False))
    joined = sum(any((a[0], a[1]) == (b[0], b[1]) and 0 <= a[2] - b[2] <= 3 for b in shown) for a in acted)
    one(
        log_checks.check_impressions,
        "warning",
        f"{joined:,} of {len(acted):,} ",
        view(columns, request=None, attribution_seconds=3),
    )


def test_one_user_or_item_with_more_than_half():
    one(
        log_checks.check_concentration,
        "warning",
        "user 'u' has 3 of 4 (75.0%) of the positive events.",
        view({"who": ["v"] * 2 + ["u"] * 4 + ["u", "v"]}),
    )
    one(
        log_checks.check_concentration,
        "warning",
        "item 'x' has 3 of 4 (75.0%)",
        view({"what": ["x", "y", "x", "x", "y", "y", "x", "x"]}),
    )


def test_users_who_never_come_back():
    text = "4 of 4 (100.0%) users have one positive event only."
    one(log_checks.check_histories, "warning", text, view({"who": ["a", "a", "a", "b", "b", "b", "c", "d"]}))


def test_a_split_that_leaves_too_little_to_judge_by():
    few = dataclasses.replace(LAUNCH, promotion=Promotion(min_queries=200))
    text = "leaves 3 positive events to judge by (first of their user and item); launch.promotion.min_queries is 200."
    one(log_checks.check_split, "warning", text, view(launch=few))
    again = {"what": ["x", "x", "x", "y", "y", "y", "x", "y"]}
    one(log_checks.check_split, "warning", "leaves 1 positive events to judge by", view(again, launch=few))
    late = dataclasses.replace(LAUNCH, split=Split(eval_from="2030-01-01"))
    one(log_checks.check_split, "error", "the log cannot be split: ", view(launch=late))
    early = dataclasses.replace(LAUNCH, split=Split(eval_share=0.1))
    assert list(log_checks.check_split(view(launch=early))) == []


def test_nothing_to_learn_from_is_an_error():
    deeds = ["shown"] * 6 + ["tap", "buy"]
    one(log_checks.check_split, "error", "no positive event lies before the cut.", view({"deed": deeds}))


def test_rows_that_repeat_others_are_counted():
    twice = {name: [*values, values[0]] for name, values in GOOD.items()}
    one(
        log_checks.check_duplicates,
        "warning",
        "1 of 9 (11.1%) rows repeat another in all declared columns.",
        view(twice),
    )
    assert list(log_checks.check_duplicates(view(twice, drop_duplicates=True))) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_count_of_repeats_is_that_of_a_set_of_rows(seed):
    rng = np.random.default_rng(seed)
    columns = {
        name: rng.choice([value for value in values if value is not None], 500).tolist()
        for name, values in GOOD.items()
    }
    repeated = 500 - len(set(zip(*columns.values(), strict=True)))
    one(log_checks.check_duplicates, "warning", f"{repeated:,} of 500 ", view(columns))
