"""Metrics: each expected number is its formula."""

import math
import sys
import types

import numpy as np
import pytest

from components.declaration.metric_names import METRICS
from components.errors import DeclarationError
from components.metrics import rank_metrics

RANKS = np.array([1.0, 3.0, 10.5, np.inf])


def test_gains_by_formula():
    assert rank_metrics.gains("recall@3", RANKS).tolist() == [1, 1, 0, 0]
    assert rank_metrics.gains("ndcg@3", RANKS).tolist() == [1, 1 / math.log2(1 + 3), 0, 0]
    assert rank_metrics.gains("mrr", RANKS).tolist() == [1, 1 / 3, 1 / 10.5, 0]


def test_a_tie_that_straddles_k_counts_by_its_middle():
    tied_9_to_11, tied_10_to_11 = 10.0, 10.5
    assert rank_metrics.gains("recall@10", np.array([tied_9_to_11, tied_10_to_11])).tolist() == [1, 0]


@pytest.mark.parametrize("metric", ["recall", "recall@0", "hits@10", "recall@10 ", "mrr@10"])
def test_an_unknown_metric_is_refused(metric):
    with pytest.raises(ValueError, match=f"got '{metric}'"):
        rank_metrics.gains(metric, RANKS)


def test_coverage_counts_distinct_items_and_no_empty_places():
    assert rank_metrics.coverage(np.array([[3, 5], [5, -1]]), catalogue_size=8) == 2 / 8


def test_novelty_is_the_mean_self_information():
    counts = np.array([3, 0, 1])
    share = [(3 + 1) / 7, (0 + 1) / 7, (1 + 1) / 7]
    assert rank_metrics.novelty(np.array([[0, 1], [2, -1]]), counts) == pytest.approx(
        -sum(math.log2(p) for p in share) / 3
    )
    assert rank_metrics.novelty(np.array([[-1]]), counts) == 0


def test_an_item_half_as_popular_is_one_bit_more():
    counts = np.array([2 * 8 - 1, 8 - 1])
    assert rank_metrics.novelty(np.array([[1]]), counts) - rank_metrics.novelty(
        np.array([[0]]), counts
    ) == pytest.approx(1)


def test_table_holds_every_metric_that_a_gate_may_name():
    values = rank_metrics.table(RANKS)
    assert set(values) == {"queries", *METRICS}
    assert values["queries"] == 4
    assert values["recall@10"] == 2 / 4
    assert values["recall@20"] == 3 / 4


def test_the_lists_tell_three_things():
    counts = np.ones(4, int)
    values = rank_metrics.of_lists(np.array([[0, 1]] * 4), np.array([2, 3, 3, -1]), counts)
    assert values == {"coverage": 2 / 4, "novelty": pytest.approx(-math.log2(1 / 4)), "popularity_lift": 0}
    assert rank_metrics.of_lists(np.zeros((0, 2), int), np.zeros(0, int), counts) == {}
    assert set(rank_metrics.of_lists(np.array([[0]]), np.array([-1]), counts)) == {"coverage", "novelty"}


def test_popularity_lift_is_what_is_shown_against_what_is_taken():
    counts = np.array([30, 10, 2])
    shown, targets = np.array([[0, 1], [0, -1]]), np.array([1, 2, -1])
    assert rank_metrics.popularity_lift(shown, targets, counts) == pytest.approx(
        ((30 + 10 + 30) / 3) / ((10 + 2) / 2) - 1
    )
    assert rank_metrics.popularity_lift(targets[:2, None], targets, counts) == 0


def test_no_queries_no_metric():
    assert rank_metrics.table(np.zeros(0)) == {"queries": 0}


@pytest.mark.parametrize("seed", range(5))
def test_disjoint_slices_average_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    ranks, part = rng.integers(1, 60, size=50).astype(float), rng.random(50) < 0.4
    tables = [rank_metrics.table(ranks[mask]) for mask in (part, ~part)]
    for metric in METRICS:
        assert rank_metrics.table(ranks)[metric] == pytest.approx(
            sum(table[metric] * table["queries"] for table in tables) / 50
        )


def test_any_k_is_counted_on_the_same_ranks():
    table = rank_metrics.table(np.array([1.0, 3, 5, np.inf]), {"recall@3": "recall@3", "ndcg@5": "ndcg@5"})
    assert table == {"queries": 4, "recall@3": 2 / 4, "ndcg@5": (1 + 1 / 2 + 1 / math.log2(6)) / 4}


@pytest.fixture
def own(monkeypatch):
    """A module of a team's metrics."""
    module = types.ModuleType("components.house_metrics")
    module.halves = lambda ranks: np.where(ranks <= 2, 0.5, 0.0)
    module.mean = lambda ranks: ranks.mean()
    module.reciprocal = lambda ranks: 1 / (ranks - 1)
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.usefixtures("own")
def test_a_metric_of_a_team_is_a_function_of_the_ranks():
    ranks = np.array([1.0, 2, 7, np.inf])
    assert rank_metrics.table(ranks, {"halves": "components.house_metrics.halves"}) == {"queries": 4, "halves": 0.25}
    assert ranks.tolist() == [1, 2, 7, np.inf]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "text"), [("mean", "a number for each query"), ("reciprocal", "finite"), ("nothing", "a function nothing")]
)
def test_a_metric_of_a_team_that_is_none_is_named(name, text):
    with pytest.raises(DeclarationError, match=text), np.errstate(divide="ignore"):
        rank_metrics.gains(f"components.house_metrics.{name}", np.array([1.0, 2, np.inf]))
