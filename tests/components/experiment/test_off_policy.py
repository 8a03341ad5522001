import math
import os
from pathlib import Path

import numpy as np
import pytest

from components.experiment.off_policy import (
    Estimate,
    Refusal,
    Rows,
    estimate_doubly_robust,
    estimate_snips,
    find_reasons,
)
from components.experiment.reward_model import Candidates, Cells, cross_fit

OPEN_BANDIT = Path(os.environ.get("DAYONE_OPEN_BANDIT", "absent")) / "men.csv"
ITEMS, PLACES = 6, 2


def make_log(seed, requests=4000, users=800):
    """Requests of users whose rates differ, items drawn by known chances at two positions; also the true reward of each cell."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.05, 0.5, ITEMS)[:, None] * np.array([1.0, 0.6])
    logging = rng.dirichlet(np.full(ITEMS, 3.0), PLACES)
    user = rng.integers(users, size=requests)
    appetite = rng.lognormal(-0.08, 0.4, users)
    item = np.stack([rng.choice(ITEMS, requests, p=logging[place]) for place in range(PLACES)], axis=1)
    place = np.tile(np.arange(PLACES), requests)
    chosen, asker = item.ravel(), np.repeat(user, PLACES)
    reward = (rng.random(len(chosen)) < np.minimum(rate[chosen, place] * appetite[asker], 1)).astype(float)
    return rng, rate, logging, asker, chosen, place, reward


def build_rows(seed, sharpness=1.0):
    """Rows for a target policy drawn like the logging one, the true value, and what the reward model needs."""
    rng, rate, logging, user, item, place, reward = make_log(seed)
    target = rng.dirichlet(np.full(ITEMS, 3.0 / sharpness), PLACES)
    rows = Rows(user, place, logging[place, item], target[place, item], reward)
    truth = float((target * rate.T).sum())
    cells = Cells(item, place, np.zeros_like(item))
    row = np.repeat(np.arange(len(item)), ITEMS)
    candidate = np.tile(np.arange(ITEMS), len(item))
    candidates = Cells(candidate, place[row], np.zeros_like(row))
    return rows, truth, cells, Candidates(row, candidates, target[place[row], candidate])


def test_snips_per_position_is_the_formula_and_covers_the_truth():
    covered = []
    for seed in range(40):
        rows, truth, _, _ = build_rows(seed)
        estimate = estimate_snips(rows)
        parts = [rows.position == place for place in range(PLACES)]
        expected = sum(float(rows.weight[part] @ rows.reward[part] / rows.weight[part].sum()) for part in parts)

        assert estimate.value == pytest.approx(expected)
        covered.append(estimate.bounds()[0] < truth < estimate.bounds()[1])
    assert np.mean(covered) >= 0.85


def test_the_doubly_robust_estimate_covers_the_truth_and_is_no_wider():
    covered, errors = [], []
    for seed in range(12):
        rows, truth, cells, candidates = build_rows(seed)
        estimate = estimate_doubly_robust(rows, *cross_fit(cells, rows.reward, rows.user, candidates, seed))
        covered.append(estimate.bounds()[0] < truth < estimate.bounds()[1])
        errors.append(estimate.error / estimate_snips(rows).error)
    assert np.mean(covered) >= 0.8
    assert np.mean(errors) <= 1.01


def test_a_wrong_reward_model_does_not_bias_the_doubly_robust_estimate():
    rows, truth, _, _ = build_rows(3)
    noise = np.random.default_rng(0).normal(0.5, 0.2, len(rows.reward))
    estimate = estimate_doubly_robust(rows, noise, np.full(len(noise), 0.5))

    assert abs(estimate.value - truth) < 4 * estimate.error


def test_the_logging_policy_itself_is_worth_what_it_earned():
    rows, _, _, _ = build_rows(1)
    same = Rows(rows.user, rows.position, rows.propensity, rows.propensity, rows.reward)
    estimate = estimate_snips(same)

    assert estimate.value == pytest.approx(sum(rows.reward[rows.position == place].mean() for place in range(PLACES)))
    assert estimate.effective == pytest.approx(len(rows.reward) / PLACES)


def test_no_row_corrects_itself():
    rows, _, cells, candidates = build_rows(2)
    logged, _ = cross_fit(cells, rows.reward, rows.user, candidates, seed=0)
    flipped = rows.reward.copy()
    flipped[rows.user == rows.user[0]] = 1 - flipped[rows.user == rows.user[0]]
    again, _ = cross_fit(cells, flipped, rows.user, candidates, seed=0)

    assert np.array_equal(logged[rows.user == rows.user[0]], again[rows.user == rows.user[0]])
    assert not np.array_equal(logged, again)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: {"unsupported": np.full(len(rows.reward), 0.02)}, "2.0%"),
        (lambda rows: {"target": np.where(np.arange(len(rows.reward)) % 400 < 2, 0.9, 1e-6)}, "effective sample"),
        (lambda rows: {"target": np.where(np.arange(len(rows.reward)) < 2, 50.0, rows.target)}, "at most 10%"),
        (lambda rows: {"propensity": rows.propensity / 3}, "mean weight"),
        (lambda rows: {"propensity": rows.propensity * 0}, "above 0"),
        (lambda rows: {"target": rows.target * 0}, "no item"),
    ],
)
def test_what_the_log_cannot_support_is_refused_with_the_reason(change, reason):
    rows, _, _, _ = build_rows(5)
    fields = {
        name: getattr(rows, name) for name in ("user", "position", "propensity", "target", "reward", "unsupported")
    }
    refusal = estimate_snips(Rows(**fields | change(rows)))

    assert isinstance(refusal, Refusal)
    assert any(reason in text for text in refusal.reasons)


def test_an_empty_log_is_refused():
    nothing = np.zeros(0)

    assert find_reasons(Rows(nothing.astype(int), nothing.astype(int), nothing, nothing, nothing)) != ()


def test_a_free_model_list_against_a_permuting_log_is_refused():
    """A new model's own ten of 1,000 items, where the log permutes another ten: most of its mass was never shown."""
    rng = np.random.default_rng(0)
    requests = 2000
    overlap = rng.random(requests) < 0.03
    rows = Rows(
        np.arange(requests), np.zeros(requests, int), np.full(requests, 0.1), overlap * 1.0, rng.random(requests),
        np.where(overlap, 0.0, 1.0),
    )  # fmt: skip
    refusal = estimate_snips(rows)

    assert isinstance(refusal, Refusal) and "never shown" in refusal.reasons[0]


@pytest.mark.skipif(not OPEN_BANDIT.exists(), reason="needs the Open Bandit sample: set DAYONE_OPEN_BANDIT")
def test_open_bandit_thompson_to_random_is_refused_or_covers_the_published_ratio():
    columns = np.genfromtxt(OPEN_BANDIT, delimiter=",", skip_header=1, usecols=(2, 3, 4, 5))
    item, position, click, propensity = columns.T
    assert len(np.unique(item)) == 34
    rows = Rows(np.arange(len(item)), position.astype(int) - 1, propensity, np.full(len(item), 1 / 34), click)
    judged, logged = estimate_snips(rows), estimate_snips(Rows(rows.user, rows.position, propensity, propensity, click))

    assert isinstance(logged, Estimate)
    if isinstance(judged, Estimate):
        error = math.hypot(judged.error / judged.value, logged.error / logged.value)
        assert abs(math.log(logged.value / judged.value) - math.log(1.31)) < 1.96 * error
    else:
        assert judged.reasons
