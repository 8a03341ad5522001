"""Ranks by counted rules without scores of all candidates: the same as those of the dense scores that the served graph gives."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import PLAIN, data, log

from components.features import item_table
from components.metrics import queries, ranks
from components.rules import exact_ranks
from components.rules.exact_ranks import ExactRanks, RuleQueries
from components.rules.rule_forms import NextItems, PerContext, PerItem
from components.rules.rule_scores import RuleScores
from components.rules.training import rule_queries

pytestmark = pytest.mark.tensorflow

SIZE, LENGTH, QUERIES = 12, 6, 40


def _world(seed, boosted):
    """An item table with two inactive items, three kinds of rules with many ties, and queries."""
    rng = np.random.default_rng(seed)
    ids = np.array([b"", *(b"%02d" % number for number in range(SIZE))], object)
    active = rng.permutation(SIZE) > 1
    boost = rng.choice([0.5, 1.0, 2.0], SIZE + 1).astype(np.float32) if boosted else None
    bare = item_table.build(None, {}, ids[1:])
    table = dataclasses.replace(bare, active=np.append(False, active), boost=boost)
    neighbours = rng.integers(0, SIZE + 1, (SIZE + 1, 4)).astype(np.int32)
    weights = rng.integers(0, 3, (SIZE + 1, 4)).astype(np.float32) * (neighbours > 0)
    neighbours[0], weights[0] = 0, 0
    rules = {
        "all": PerItem(rng.integers(0, 3, SIZE + 1).astype(np.float32)),
        "slice": PerContext(
            ("device",), np.array([b"tv", b"web"], object), rng.integers(0, 3, (3, SIZE + 1)).astype(np.float32)
        ),
        "next": NextItems(neighbours, weights, 3, 0.5),
    }
    count = rng.integers(0, LENGTH + 1, QUERIES)
    history = np.where(np.arange(LENGTH) < count[:, None], rng.integers(1, SIZE + 1, (QUERIES, LENGTH)), 0).astype(
        np.int32
    )
    target = rng.integers(-1, active.sum(), QUERIES)
    seen_mask = (rng.random((QUERIES, active.sum())) < 0.2) & (np.arange(active.sum()) != target[:, None])
    context = {"device": rng.choice(np.array([b"tv", b"web", b"car"], object), QUERIES)}
    return table, rules, RuleQueries(history, target, context, *np.nonzero(seen_mask))


def _dense(rules, table, order, queries):
    scores = RuleScores(rules, table)(
        order, tf.constant(queries.history), {name: tf.constant(column) for name, column in queries.context.items()}
    )
    scores = np.array(np.broadcast_to(scores, (len(queries), int(table.active.sum()))))
    scores[queries.seen_query, queries.seen_column] = -np.inf
    return ranks.ranks_by_counting(scores, queries.target)


@pytest.mark.parametrize("boosted", [False, True])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "order",
    [
        ("all",),
        ("next", "all"),
        ("next", "slice", "all"),
        ("all", "next"),
        ("slice", "next", "all"),
        ("next",),
        ("slice", "all", "next"),
    ],
)
def test_the_ranks_are_those_of_dense_scores(order, seed, boosted):
    table, rules, queries = _world(seed, boosted)
    target_ranks = ExactRanks(rules, table).ranks(order, queries)
    np.testing.assert_array_equal(target_ranks, _dense(rules, table, order, queries))
    assert np.isinf(target_ranks).any() and np.isfinite(target_ranks).any()


def test_batches_change_nothing(monkeypatch):
    table, rules, queries = _world(1, False)
    whole = ExactRanks(rules, table).ranks(("next", "all"), queries)
    monkeypatch.setattr(exact_ranks, "PAIRS_AT_ONCE", 30)  # two queries at once
    np.testing.assert_array_equal(ExactRanks(rules, table).ranks(("next", "all"), queries), whole)


def test_items_without_a_count_share_one_mid_rank():
    table = item_table.build(None, {}, np.array([b"%d" % number for number in range(5)], object))
    rule = PerItem(np.array([0, 3, 0, 0, 0, 0], np.float32))
    none = np.zeros((2, 1), np.int32)
    queries = RuleQueries(none, np.array([4, 0]), {}, np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert ExactRanks({"all": rule}, table).ranks(("all",), queries).tolist() == [1 + 1 + 0.5 * 3, 1]


def test_ids_become_rows_of_the_table_and_columns_of_the_candidates():
    rows = log((b"u", b"A", 1), (b"u", b"B", 2), (b"u", b"C", 3))
    train_data = data(PLAIN, rows)
    train_data = dataclasses.replace(
        train_data, items=dataclasses.replace(train_data.items, active=np.array([False, True, False, True]))
    )
    rule_questions = rule_queries(
        train_data, queries.rolling(train_data.launch, train_data.events, train_data.events.time >= 2)
    )
    assert rule_questions.history[:, :2].tolist() == [[1, 0], [1, 2]]
    assert rule_questions.target.tolist() == [exact_ranks.UNKNOWN, 1]
    assert (rule_questions.seen_query.tolist(), rule_questions.seen_column.tolist()) == ([0, 1], [0, 0])
