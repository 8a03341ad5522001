"""Weights by smooth NDCG: where a part's curve is wrong they rank unseen questions better than those of the largest likelihood."""

from typing import NamedTuple

import numpy as np
import pytest

from components.models.retrieval import approximate_ndcg, blend, blend_guard, shortlists
from components.models.retrieval.part_values import Dense

NONE = (np.zeros(0, int), np.zeros(0, int))


def _lists(seed, bent, count=1500):
    """Shortlists of two parts whose sum draws the targets; `bent`: the first is given by its exponential, so no weight of it is right everywhere."""
    rng = np.random.default_rng(seed)
    parts = [2 * np.abs(rng.normal(size=(count, 50))), rng.normal(size=(count, 50))]
    target = (parts[0] + parts[1] + rng.gumbel(size=(count, 50))).argmax(axis=1)
    shown = [np.expm1(parts[0]) if bent else parts[0], parts[1]]
    return shortlists.shorten([Dense(part.astype(np.float32)) for part in shown], target, NONE, seed)


def _fitted(lists):
    return blend.fit(lists.parts, lists.target, lists.offset, np.eye(2)[0])


@pytest.mark.parametrize("seed", range(3))
def test_a_bent_part_is_weighed_for_the_top_of_the_list(seed):
    lists, others = _lists(seed, True), _lists(seed + 10, True)
    likely = _fitted(lists)
    ascended = approximate_ndcg.ascend(lists, likely)
    assert blend_guard.ndcg(others.ranks(ascended)) > blend_guard.ndcg(others.ranks(likely)) + 0.01


def test_where_the_likelihood_is_right_the_order_stays():
    lists, others = _lists(1, False), _lists(11, False)
    likely = _fitted(lists)
    ascended = approximate_ndcg.ascend(lists, likely)
    assert ascended[1] / ascended[0] == pytest.approx(1.0, abs=0.15)
    assert blend_guard.ndcg(others.ranks(ascended)) == pytest.approx(blend_guard.ndcg(others.ranks(likely)), abs=0.005)


def test_few_questions_move_little_and_none_nothing():
    start = np.array([1.0, 0.5])
    few, many = (approximate_ndcg.ascend(_lists(2, True, count), start) for count in (5, 1500))
    assert np.abs(few - start).max() < np.abs(many - start).max()
    np.testing.assert_array_equal(approximate_ndcg.ascend(shortlists.empty(2), start), start)


def test_the_best_slots_alone_move_nearly_as_all_of_them_do(monkeypatch):
    lists, others = _lists(3, True), _lists(13, True)
    likely = _fitted(lists)
    value = {}
    for moving in (15, 1000):
        monkeypatch.setattr(approximate_ndcg, "MOVING", moving)
        value[moving] = blend_guard.ndcg(others.ranks(approximate_ndcg.ascend(lists, likely)))
    assert value[15] == pytest.approx(value[1000], abs=0.005)
    assert value[15] > blend_guard.ndcg(others.ranks(likely)) + 0.01


def test_the_slots_that_rest_count_what_they_count_at_the_start(monkeypatch):
    lists = _lists(4, True, 40)
    start, seen = np.array([0.3, 1.0]), []
    monkeypatch.setattr(
        approximate_ndcg, "minimize", lambda loss, zero, **_: seen.append(loss(zero)[0]) or Stayed(zero)
    )
    for moving in (5, 1000):
        monkeypatch.setattr(approximate_ndcg, "MOVING", moving)
        np.testing.assert_array_equal(approximate_ndcg.ascend(lists, start), start)
    assert seen[0] == pytest.approx(seen[1], rel=1e-5)


class Stayed(NamedTuple):
    """What `scipy.optimize.minimize` gives, as far as it is read."""

    x: np.ndarray
