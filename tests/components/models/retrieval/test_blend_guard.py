"""The guard: on the validation part the blend never loses to a part alone, in worlds of five kinds."""

import numpy as np
import pytest

from components.models.retrieval import blend, blend_guard
from components.models.retrieval.part_values import Dense
from components.models.retrieval.shortlists import shorten

# Questions, candidates, how much each of four parts says, and how many candidates are new, which only the last part knows.
WORLDS = {
    "dense": (400, 60, (2.0, 1.5, 0.5, 0.0), 0),
    "sparse": (300, 400, (0.3, 1.5, 0.2, 0.0), 0),
    "drifting": (300, 100, (-0.5, 0.2, 2.0, 0.0), 0),
    "launch-heavy": (300, 100, (1.0, 0.5, 0.5, 3.0), 30),
    "tiny": (12, 20, (1.0, 0.0, 1.0, 0.0), 2),
}


def _lists(name, seed, misleading):
    """Shortlists of a world whose targets are drawn by the true weights; one part's values have a heavy tail that says nothing."""
    count, size, weights, new = WORLDS[name]
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(count, size)) for _ in range(3)] + [(np.arange(size) < new)[None].astype(float)]
    scores = sum(weight * part for weight, part in zip(weights, parts, strict=True)) + rng.gumbel(size=(count, size))
    if misleading:
        parts[0] = np.where(rng.random((count, size)) < 0.02, 8.0, parts[0])
    none = (np.zeros(0, int), np.zeros(0, int))
    return shorten([Dense(part.astype(np.float32)) for part in parts], scores.argmax(axis=1), none, seed)


@pytest.mark.parametrize("misleading", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", WORLDS)
def test_the_blend_never_loses_to_its_best_part(name, seed, misleading):
    lists, alone = _lists(name, seed, misleading), list(np.eye(4) + np.array([0, 0, 1e-3, 0]))
    fitted = blend.fit(lists.parts, lists.target, lists.offset, alone[0])
    best = max(blend_guard.ndcg(lists.ranks(weights)) for weights in alone)
    assert blend_guard.ndcg(lists.ranks(blend_guard.guard(lists, fitted, alone))) >= best


@pytest.mark.parametrize("seed", range(3))
def test_weights_that_lose_are_replaced_and_good_ones_kept(seed):
    lists, alone = _lists("dense", seed, False), list(np.eye(4))
    good = blend.fit(lists.parts, lists.target, lists.offset, alone[0])
    assert blend_guard.guard(lists, good, alone) is good
    bad = blend_guard.guard(lists, -good, alone)
    assert blend_guard.ndcg(lists.ranks(bad)) > 2 * blend_guard.ndcg(lists.ranks(-good))


@pytest.mark.parametrize("seed", range(3))
def test_climbing_never_goes_down(seed):
    lists = _lists("sparse", seed, True)
    start = np.array([1.0, 0.3, 0.0, 0.0])
    assert blend_guard.ndcg(lists.ranks(blend_guard.climb(lists, start))) >= blend_guard.ndcg(lists.ranks(start))


def test_a_fit_that_follows_its_own_questions_does_not_generalise_and_one_that_follows_the_truth_does():
    lists, start = _lists("dense", 1, False), np.eye(4)[0]
    user = np.arange(len(lists))

    def fitted(some):
        return blend.fit(some.parts, some.target, some.offset, start)

    def overfitted(some):  # a weight of its own random part, by which it ranks its own targets first
        towards = some.parts[:, -1].mean(axis=0) - some.parts.mean(axis=(0, 1))
        return fitted(some) + 5 * np.random.default_rng(len(some)).permutation(towards)

    def improves(plain, other):
        values = [blend_guard.cross_fit(lists, user, fit, blend_guard.top_discounts) for fit in (other, plain)]
        return blend_guard.surpasses(*values, 2.0)

    assert improves(lambda _: start, fitted)
    assert not improves(fitted, overfitted)
    assert not improves(fitted, fitted)


def test_gains_by_eye():
    ranks = np.array([1.0, 3.0, 10.5, 50.0])
    assert blend_guard.ndcg(ranks) == pytest.approx((1 + 1 / 2) / 4)
    assert blend_guard.gain(ranks) == pytest.approx((1 + 1 / 2 + 1 / np.log2(11.5) + 1 / np.log2(51)) / 4)
    assert blend_guard.ndcg(np.zeros(0)) == blend_guard.gain(np.zeros(0)) == 0.0
