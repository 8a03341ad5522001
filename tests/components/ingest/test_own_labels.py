"""Labels by a team's function of the joined row, by eye."""

import dataclasses
import sys
import types

import numpy as np
import pyarrow as pa
import pytest

from components.declaration import Launch, Log, Objective, Split
from components.errors import DeclarationError
from components.ingest.labels import NO_LABEL, key_columns, label_rows

LOG = Log(
    *("log.csv", "user", "item", "time"),
    event="event",
    impression="shown",
    request="request",
    value="value",
    context=("device",),
)
SHOP = Launch(
    name="shop",
    log=LOG,
    objectives=(Objective("click", event="click"), Objective("quick", event="click", label_fn="components.house.f")),
    split=Split(eval_share=0.5),
)
SECOND = 1_000_000
ROWS = [  # seconds, event, request, item, value, device
    (1, "shown", "r1", "a", None, "tv"),
    (1, "shown", "r1", "b", None, "tv"),
    (4, "click", "r1", "a", 7.0, "tv"),
    (9, "click", "r1", "a", 8.0, "tv"),
    (20, "shown", "r2", "a", None, None),
    (50, "click", "r2", "a", 9.0, None),
]
TIMES = np.array([row[0] for row in ROWS]) * SECOND


def label(function, monkeypatch, launch=SHOP, cut=99):
    """The labels of the function, and the joined rows that it got."""
    got = {}
    module = types.ModuleType("components.house")
    module.f = lambda rows: function(got.setdefault("rows", rows))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    columns = dict(zip(("event", "request", "item", "value", "device"), list(zip(*ROWS, strict=True))[1:], strict=True))
    keys = pa.table(columns | {"user": ["u"] * len(ROWS)})
    assert set(key_columns(launch)) <= set(keys.column_names)
    return label_rows(keys, TIMES, cut * SECOND, launch), got["rows"]


def test_a_function_sees_the_impression_and_its_first_action(monkeypatch):
    labels, rows = label(lambda rows: rows["click.seconds"] <= 10, monkeypatch)
    assert rows["item"].tolist() == ["a", "b", "a"]
    assert rows["time"].tolist() == [SECOND, SECOND, 20 * SECOND]
    assert rows["device"].tolist() == ["tv", "tv", None]
    np.testing.assert_array_equal(rows["click.seconds"], [3, np.nan, 30])
    np.testing.assert_array_equal(rows["click.value"], [7, np.nan, 9])
    assert labels["label_quick"].tolist() == [1, 0, NO_LABEL, NO_LABEL, 0, NO_LABEL]
    assert labels["label_click"].tolist() == [1, 0, NO_LABEL, NO_LABEL, 1, NO_LABEL]


def test_a_function_may_leave_a_row_out_and_knows_nothing_after_the_cut(monkeypatch):
    def choose(rows):
        return np.where(np.isnan(rows["click.seconds"]), -1, 1)

    assert label(choose, monkeypatch)[0]["label_quick"].tolist() == [1, -1, -1, -1, 1, -1]
    assert label(choose, monkeypatch, cut=30)[0]["label_quick"].tolist() == [1, -1, -1, -1, -1, -1]


def test_without_impressions_the_rows_of_the_event_are_labelled(monkeypatch):
    log = dataclasses.replace(LOG, impression=None)
    launch = dataclasses.replace(SHOP, log=log, objectives=SHOP.objectives[1:])
    assert launch.has_ranking_head
    labels, rows = label(lambda rows: rows["value"] > 7, monkeypatch, launch)
    assert rows["value"].tolist() == [7, 8, 9]
    assert labels["label_quick"].tolist() == [-1, -1, 0, 1, -1, 1]


@pytest.mark.parametrize("answer", [lambda rows: rows["value"], lambda rows: True, lambda rows: np.full(3, 2)])
def test_an_answer_that_is_no_label_is_named(answer, monkeypatch):
    with pytest.raises(DeclarationError, match="1, 0 or -1 for each row"):
        label(answer, monkeypatch)
