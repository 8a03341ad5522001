"""The weights of a score's parts: the minimum of the loss, found by other means."""

import numpy as np
import pytest

from components.models.retrieval import blend

START = np.array([1.0, 0.0])


def _questions(true, count=4000, candidates=6, seed=0):
    """Questions whose targets are drawn from the softmax of the true weights."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(count, candidates, len(true))).astype(np.float32)
    noise = rng.gumbel(size=(count, candidates))  # the largest of score + Gumbel noise is a draw from the softmax
    return parts, np.argmax(parts @ true + noise, axis=1), np.zeros((count, candidates), np.float32)


@pytest.mark.parametrize("true", [(1.0, 0.0), (0.5, 2.0), (-1.0, 0.3)])
def test_weights_that_made_the_answers_are_found(true):
    weights = blend.fit(*_questions(np.array(true)), START)
    np.testing.assert_allclose(weights, true, atol=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_no_weights_near_by_have_a_smaller_loss(seed):
    questions = _questions(np.array([0.7, -0.4]), count=80, seed=seed)
    fitted = blend.fit(*questions, START)
    best = blend._loss(*questions, fitted, START)
    near = fitted + 0.01 * np.random.default_rng(seed).normal(size=(30, 2))
    assert min(blend._loss(*questions, weights, START) for weights in near) > best


def test_without_questions_the_weights_stay_where_they_start():
    assert blend.fit(
        np.zeros((0, 3, 2), np.float32), np.zeros(0, int), np.zeros((0, 3), np.float32), START
    ).tolist() == [1.0, 0.0]


def test_what_is_not_shown_does_not_compete():
    parts, target, offset = _questions(np.array([0.5, 2.0]))
    more = np.concatenate([parts, np.full((len(parts), 1, 2), 100.0, np.float32)], axis=1)
    hidden = np.concatenate([offset, np.full((len(parts), 1), -np.inf, np.float32)], axis=1)
    np.testing.assert_allclose(
        blend.fit(more, target, hidden, START), blend.fit(parts, target, offset, START), atol=1e-4
    )


def test_a_sampled_candidate_stands_for_those_it_was_drawn_from():
    parts, target, offset = _questions(np.array([0.5, 2.0]))
    twice = np.concatenate([parts, parts], axis=1)
    everything = blend.fit(twice, target, np.zeros(twice.shape[:2], np.float32), START)
    np.testing.assert_allclose(blend.fit(parts, target, np.full_like(offset, np.log(2)), START), everything, atol=1e-3)
