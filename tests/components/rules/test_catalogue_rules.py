"""The rules that read the catalogue alone, against orders written out by hand."""

import dataclasses

import numpy as np
import pytest

from components.declaration import Catalogue, Launch, Log, Objective, Rules, Split
from components.errors import LogError
from components.features import item_table
from components.rules import catalogue_rules
from components.rules.rule_forms import RuleLog

LAUNCH = Launch(
    name="toy",
    log=Log("log", "user", "item", "time"),
    objectives=(Objective("like"),),
    split=Split(eval_share=0.1),
    catalogue=Catalogue("items", "id", categories=("kind",), active="active", added="added", priority="priority"),
    rules=Rules(names=("priority", "newest", "round_robin", "catalogue_order")),
)
IDS = (b"d", b"a", b"c", b"b", b"e")
COLUMNS = {
    "id": np.array(IDS, object),
    "kind": np.array([b"x", b"x", b"y", b"x", b"y"], object),
    "active": np.array([1, 1, 1, 1, 1]),
    "added": np.array([10, 30, 20, 30, item_table.MISSING_INT]),
    "priority": np.array([0.5, -1.0, 3.0, np.nan, 2.0], np.float32),
}
NOTHING = np.zeros(0, np.int64)


def order(rule, launch=LAUNCH, **changed):
    """The items that the rule says something of, best first."""
    columns = COLUMNS | changed
    table = item_table.build(launch.catalogue, columns, np.array([b"elsewhere"], object))
    place = np.full(len(table), -1)
    place[table.rows_of(columns["id"])] = np.arange(len(columns["id"]))
    log = RuleLog(NOTHING, NOTHING, NOTHING, NOTHING, {}, table, columns, place)
    scores = rule(launch, log).scores
    assert scores.shape == (len(table),) and np.isfinite(scores).all() and (scores >= 0).all()
    best = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores)]
    return [table.ids[row].decode() for row in best]


def test_the_order_of_the_catalogue_is_that_of_its_rows():
    assert order(catalogue_rules.catalogue_order) == ["d", "a", "c", "b", "e"]


def test_the_newest_come_first_equal_ones_in_the_order_of_the_catalogue_and_those_without_a_time_last():
    assert order(catalogue_rules.newest) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    "texts",
    [
        [b"2026-01-10", b"2026-01-30", b"2026-01-20", b"2026-01-30T00:00:00Z", b""],
        [b"10", b"30.0", b"20", b"3e1", b""],
    ],
)
def test_times_may_be_texts_of_dates_or_numbers(texts):
    assert order(catalogue_rules.newest, added=np.array(texts, object)) == ["a", "b", "c", "d", "e"]


def test_a_text_that_is_no_time_is_named():
    with pytest.raises(LogError, match=r"'added'.*'soon'"):
        order(catalogue_rules.newest, added=np.array([b"2026-01-10", b"soon", b"", b"", b""], object))


def test_a_priority_of_nothing_or_less_says_nothing():
    assert order(catalogue_rules.priority) == ["c", "e", "d"]


def test_categories_take_turns_and_the_newest_of_each_come_first():
    # x holds a, b, d from new to old, y holds c and e; x appears first.
    assert order(catalogue_rules.round_robin) == ["a", "c", "b", "e", "d"]


def test_what_is_not_active_takes_no_turn():
    assert order(catalogue_rules.round_robin, active=np.array([1, 0, 1, 1, 1])) == ["b", "c", "d", "e"]


def test_without_a_time_the_order_of_the_catalogue_holds_within_a_category():
    plain = dataclasses.replace(
        LAUNCH,
        catalogue=dataclasses.replace(LAUNCH.catalogue, added=None),
        rules=Rules(names=("round_robin",)),
    )
    assert order(catalogue_rules.round_robin, plain) == ["d", "c", "a", "e", "b"]
