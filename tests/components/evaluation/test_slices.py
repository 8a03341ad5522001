"""Kinds of questions, by eye."""

import dataclasses

import numpy as np
import pytest
from small_recommenders import LAUNCH, events

from components.declaration.slice_names import SLICES
from components.evaluation import slices
from components.metrics import queries

pytestmark = pytest.mark.tensorflow

DAY = 86_400_000_000
KEPT = dataclasses.replace(LAUNCH, exclude_seen=False)


def asked_and_masks(log):
    eval_queries = queries.rolling(KEPT, log, log.late)
    return eval_queries, slices.masks(log, eval_queries)


def members(log):
    """Slice to the (user, item) of its questions."""
    eval_queries, masks = asked_and_masks(log)
    return {
        name: {(eval_queries.user_id[row].decode(), eval_queries.target[row].decode()) for row in np.flatnonzero(mask)}
        for name, mask in masks.items()
    }


# u acts from day 0 on, v was only shown something on day 9, w is new; a is taken four times in training, b twice, c and
# d never.
LOG = events(
    [*"uuuuuuv", *"uvwu"],
    [*"aaaabbx", *"abcd"],
    [DAY * day for day in (0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13)],
    positive=[1] * 6 + [0] + [1] * 4,
    late=[0] * 7 + [1] * 4,
    context={"device": np.array([*[b"tv"] * 8, b"web", b"tv", b"tv"], object)},
)


def test_members_by_eye():
    members_by_slice = members(LOG)
    everything = {("u", "a"), ("v", "b"), ("w", "c"), ("u", "d")}
    assert members_by_slice == {
        "known users": {("u", "a"), ("u", "d")},
        "new users": {("v", "b"), ("w", "c")},
        "no history yet": {("v", "b"), ("w", "c")},
        "items new since training": {("w", "c"), ("u", "d")},
        "head items": {("u", "a")},
        "tail items": {("v", "b")},
        "1-5 items of history": {("u", "a"), ("u", "d")},
        "items in their first week": {("w", "c"), ("u", "d")},
        "items after their first week": {("u", "a"), ("v", "b")},
        "users in their first day": {("w", "c")},
        "users in their first week": {("v", "b")},
        "users after their first week": {("u", "a"), ("u", "d")},
        "device=tv": everything - {("v", "b")},
        "device=web": {("v", "b")},
    }
    assert set(members_by_slice) <= {*SLICES, "device=tv", "device=web"}


@pytest.mark.parametrize("seed", range(5))
def test_each_kind_of_slices_holds_every_question_once(seed):
    rng = np.random.default_rng(seed)
    count = 300
    device = np.array([b"%d" % value for value in rng.integers(9, size=count)], object)
    time = rng.integers(40, size=count) * DAY // 2
    log = events(
        rng.integers(20, size=count),
        rng.integers(30, size=count),
        time,
        rng.random(count) < 0.8,
        time > 12 * DAY,
        {"device": device},
    )
    eval_queries, masks = asked_and_masks(log)
    kinds = [("users in", "users after"), ("known users", "new users"), ("items in", "items after")]
    kinds += [("no history", "1-5", "more than"), ("items new", "head", "tail"), ("device=",)]
    for kind in kinds:
        assert sum(mask.astype(int) for name, mask in masks.items() if name.startswith(kind)).tolist() == [1] * len(
            eval_queries
        ), kind


def test_a_context_column_has_a_slice_for_its_most_top_values_only():
    column = np.array([b"%d" % value for value in range(40) for _ in range(40 - value)], object)
    shown = slices.values_of(column)
    assert sorted(set(shown)) == ["0", "1", "2", "3", "4", "other"]
    assert (shown == "0").sum() == 40 and (shown == "other").sum() == sum(range(36))
    assert slices.values_of(np.array([7, 7, 8])).tolist() == ["7", "7", "8"]
    assert slices.values_of(np.array([0.5])) is None
    assert slices.values_of(np.zeros(0, object)).tolist() == []
