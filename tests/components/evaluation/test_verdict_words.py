"""What would change a verdict, in numbers and words."""

import math

import numpy as np
import pytest

from components.evaluation import verdict_words
from components.evaluation.verdict_words import more_queries_needed, percent
from components.metrics.bootstrap import Interval, relative_gain

Z = 1.959964 + 0.841621


def test_the_number_of_queries_follows_the_formula():
    gain = Interval(0.10, -0.10, 0.30, error=0.1)
    assert more_queries_needed(gain, 0.10, 1000) == pytest.approx(1000 * (Z * 0.1 / 0.10) ** 2 - 1000, rel=0.1)
    assert more_queries_needed(gain, 0.02, 1000) == pytest.approx(1000 * (Z * 0.1 / 0.02) ** 2 - 1000, rel=0.1)
    assert more_queries_needed(gain, 0.50, 1000) == 0
    assert (
        more_queries_needed(Interval(0.3, 0, 1, error=0.12), 0.3, 1000) == 260
    )  # 1000 (2.8016 x .4)^2 - 1000 = 255.8, two digits, upwards


@pytest.mark.parametrize(("effect", "error"), [(0.0, 0.1), (-0.2, 0.1), (0.1, math.inf), (math.inf, 0.1), (1e-7, 0.1)])
def test_what_no_number_of_queries_shows(effect, error):
    assert more_queries_needed(Interval(0.1, 0, 1, error=error), effect, 1000) is None


def hits(rng, users):
    """Four queries a user; the model hits in 25% of them, the rules in 20%: a gain of 25%."""
    user = np.repeat(np.arange(users), 4)
    return (rng.random(len(user)) < 0.25).astype(float), (rng.random(len(user)) < 0.20).astype(float), user


def test_with_so_many_queries_the_effect_is_seen_four_times_in_five():
    rng = np.random.default_rng(1)
    small = np.median([relative_gain(*hits(rng, 400), seed=seed, repeats=300).error for seed in range(20)])
    users = 400 + more_queries_needed(Interval(0.25, 0, 1, error=small), 0.25, 1600) // 4
    power = np.mean([relative_gain(*hits(rng, users), seed=seed, repeats=300).low > 0 for seed in range(100)])
    assert 0.7 <= power <= 0.92


@pytest.mark.parametrize(
    ("gain", "margin", "text"),
    [
        (Interval(0.1, 0.05, 0.15), 0.0, "significant"),
        (Interval(0.1, 0.06, 0.15), 0.05, "significantly above the margin of +5.0%"),
        (Interval(0.1, 0.05, 0.15), 0.05, "not significantly above the margin of +5.0%"),
        (Interval(0.1, 0.0, 0.15), 0.0, "not significant"),
        (Interval(-0.1, -0.2, -0.01), 0.0, "significantly worse"),
        (Interval(-0.1, -0.2, -0.01), 0.05, "significantly worse"),
        (Interval(0.01, 0.0, 0.02), 0.05, "significantly below the margin of +5.0%"),
        (Interval(0.1, -math.inf, math.inf), 0.0, "not significant"),
    ],
)
def test_how_a_gain_compares(gain, margin, text):
    assert verdict_words.compare_gain(gain, margin) == text


def test_a_gain_in_words():
    assert verdict_words.describe_gain(Interval(0.314, 0.18, 0.449)) == "+31% (95% CI +18% to +45%)"
    assert "too little data" in verdict_words.describe_gain(Interval(0.3, -math.inf, math.inf))
    assert verdict_words.describe_gain(Interval(*[math.inf] * 3)) == "up from 0"


def test_percent():
    assert [percent(share) for share in (0.314, 0.031, -0.2, 0.0, math.inf)] == [
        "+31%",
        "+3.1%",
        "-20%",
        "+0.0%",
        "unbounded",
    ]
