"""Shortlists: exact where it matters, and on average everywhere."""

import dataclasses

import numpy as np
import pytest

from components.metrics import ranks
from components.models.retrieval import part_values, shortlists
from components.models.retrieval.part_values import Dense, Touched
from components.models.retrieval.shortlists import empty, join


def shorten(parts, *others):
    return shortlists.shorten([Dense(part) for part in parts], *others)


def _world(seed, size, count=40):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(count, size)).astype(np.float32), rng.random((1, size)).astype(np.float32)]
    target = rng.integers(size, size=count)
    seen_pairs = np.nonzero((rng.random((count, size)) < 0.1) & (np.arange(size) != target[:, None]))
    scores = parts[0] + 0.5 * parts[1]
    hidden = scores.copy()
    hidden[seen_pairs] = -np.inf
    return parts, target, seen_pairs, ranks.ranks_by_counting(hidden, target)


@pytest.mark.parametrize("seed", range(3))
def test_with_few_candidates_the_ranks_are_exact(seed):
    parts, target, seen_pairs, exact = _world(seed, 80)
    np.testing.assert_array_equal(shorten(parts, target, seen_pairs, seed).ranks(np.array([1.0, 0.5])), exact)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_places_of_many_candidates_are_exact_and_the_others_right_on_average(monkeypatch, seed):
    monkeypatch.setattr(shortlists, "BEST", 40)
    parts, target, seen_pairs, exact = _world(seed, 3000, 300)
    target[:] = np.argsort(-(parts[0] + 0.5 * parts[1]), axis=1)[np.arange(300), np.arange(300) % 12]
    shown = np.ones((300, 3000), bool)
    shown[seen_pairs] = False
    shown[np.arange(300), target] = True
    hidden = np.where(shown, parts[0] + 0.5 * parts[1], -np.inf)
    exact = ranks.ranks_by_counting(hidden, target)
    target_ranks = shorten(parts, target, tuple(np.nonzero(~shown)), seed).ranks(np.array([1.0, 0.5]))
    assert np.mean(target_ranks == exact) > 0.9
    weights = np.array(
        [-1.0, 0.0]
    )  # by the reverse of a part nothing is in front of the list but what stands for the rest
    reverse = ranks.ranks_by_counting(np.where(shown, -parts[0], -np.inf), target)
    assert shorten(parts, target, tuple(np.nonzero(~shown)), seed).ranks(weights).mean() == pytest.approx(
        reverse.mean(), rel=0.05
    )


def test_a_constant_part_ranks_by_chance():
    parts, target, _, _ = _world(1, 500)
    none = (np.zeros(0, int), np.zeros(0, int))
    target_ranks = shorten([0 * parts[0], parts[1]], target, none, 1).ranks(np.array([1.0, 0.0]))
    np.testing.assert_allclose(target_ranks, 250.5, rtol=0.01)


def test_lists_of_different_width_are_joined_by_empty_places():
    parts, target, seen_pairs, exact = _world(2, 60)
    first = shorten(parts, target, seen_pairs, 2)
    wide, wide_target, wide_seen, other = _world(3, 90)
    combined = join([empty(2), first, shorten(wide, wide_target, wide_seen, 3)])
    np.testing.assert_array_equal(combined.ranks(np.array([1.0, 0.5])), np.concatenate([exact, other]))
    np.testing.assert_array_equal(combined.of(np.arange(len(exact))).ranks(np.array([1.0, 0.5])), exact)


@pytest.mark.parametrize("seed", range(3))
def test_a_part_of_few_cells_is_the_dense_one(seed):
    parts, target, seen_pairs, _ = _world(seed, 80)
    touched = np.random.default_rng(seed).random(parts[0].shape) < 0.2
    parts[1] = np.where(touched, np.abs(parts[0][::-1]), 0).astype(np.float32)
    cells = np.flatnonzero(parts[1])
    few = Touched(cells, parts[1].ravel()[cells], 80)
    columns = np.random.default_rng(seed).integers(80, size=(40, 9))
    np.testing.assert_array_equal(few.at(columns), Dense(parts[1]).at(columns))
    every = [
        Dense(parts[0]),
        few,
        dataclasses.replace(few, values=2 * few.values),
        Touched(cells[:0], few.values[:0], 80),
    ]
    np.testing.assert_array_equal(
        part_values.stack(every, columns), np.stack([one.at(columns) for one in every], axis=-1)
    )
    np.testing.assert_array_equal(Touched(cells[:0], parts[1].ravel()[:0], 80).at(columns), np.zeros((40, 9)))
    for row, best in enumerate(few.best(40, 3)):
        assert set(best) == set(np.argsort(-parts[1][row])[:3])
    hidden = parts[0] + 0.5 * parts[1]
    hidden[seen_pairs] = -np.inf
    lists = shortlists.shorten([Dense(parts[0]), few], target, seen_pairs, seed)
    np.testing.assert_array_equal(lists.ranks(np.array([1.0, 0.5])), ranks.ranks_by_counting(hidden, target))


@pytest.mark.parametrize("candidates", [30, 2000, 2001, 2111])
def test_the_best_of_many_candidates_are_found_by_blocks(candidates):
    values = np.random.default_rng(candidates).permuted(
        np.tile(np.arange(candidates, dtype=np.float32), (5, 1)), axis=1
    )
    best = Dense(values).best(5, 7)
    np.testing.assert_array_equal(np.sort(best, axis=1), np.sort(np.argsort(-values, axis=1)[:, :7], axis=1))
    np.testing.assert_array_equal(Dense(values[:1]).best(3, 7), np.tile(Dense(values[:1]).best(1, 7), (3, 1)))


def test_slots_that_no_question_needs_are_left_out():
    same = np.tile(np.arange(1000, dtype=np.float32), (3, 1))
    lists = shorten([same, 2 * same, -same], np.array([500, 501, 502]), (np.zeros(0, int), np.zeros(0, int)), 1)
    exact = (lists.offset[:, :-1] == 0).sum(axis=1)
    assert lists.parts.shape[1] == exact.max() + shortlists.SAMPLED + 1 == 2 * shortlists.BEST + 201
