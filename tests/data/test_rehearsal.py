import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "data"))

import rehearsal
import rehearsal_chart
from shop_days import DailyTraffic
from shop_world import Size

SIZE = Size(20_000, 1_000, 150, 20, 3)


def true_values(future):
    return [day.true for day in future.days]


def test_the_same_seed_plays_the_same_days_and_another_one_others():
    days = [
        [DailyTraffic(dataclasses.replace(SIZE, seed=seed)).play_day(day) for day in range(2)] for seed in (3, 3, 4)
    ]

    assert all(np.array_equal(one.clicks, two.clicks) for one, two in zip(days[0], days[1], strict=True))
    assert not np.array_equal(days[0][0].user, days[2][0].user)


def test_clicks_are_what_is_to_be_expected_and_the_best_list_is_best():
    traffic = DailyTraffic(SIZE)
    log = [traffic.play_day(day) for day in range(20)]
    clicks, value, best = (np.concatenate([getattr(day, name) for day in log]) for name in ("clicks", "value", "best"))

    assert clicks.mean() == pytest.approx(value.mean(), abs=4 * clicks.std() / np.sqrt(len(clicks)))
    assert (best >= value - 1e-9).all() and best.mean() > 1.5 * value.mean()


def test_without_a_model_all_futures_are_the_same():
    futures = [rehearsal.play_future(SIZE, name, None) for name in ("never", "at once", "by the ramp")]

    assert true_values(futures[0]) == true_values(futures[1]) == true_values(futures[2])
    assert futures[2].ending != "won" and len(futures[0].days) == SIZE.days - rehearsal.WARM_UP


def test_a_model_that_shows_what_nobody_wants_is_rolled_back():
    future = rehearsal.play_future(SIZE, "by the ramp", rehearsal.rank_inverted)

    assert future.ending == "harm"
    assert future.days[-1].treated == 0
    assert future.gain[0] < 0 and future.true_gain < 0


def test_a_model_that_counts_is_worth_more_than_the_rules():
    never, once = (rehearsal.play_future(SIZE, name, rehearsal.rank_counted) for name in ("never", "at once"))

    assert np.mean(true_values(once)) > 1.1 * np.mean(true_values(never))
    assert "clicks" in rehearsal.render([never, once, never])


def test_the_chart_draws_each_future_and_the_days_that_decided(tmp_path):
    names, verdicts = ("never", "at once", "by the ramp"), ("wait", "ramp", "won", "")
    futures = [
        rehearsal.Future(
            name, tuple(rehearsal.Day(day, 10, 12, 1.2, 3.5, 0.5, text) for day, text in enumerate(verdicts))
        )
        for name in names
    ]
    rehearsal_chart.draw(futures, tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text()

    assert all(f"{name}: 48 clicks" in text for name in names)  # as comments: letters are drawn as paths
    assert "ramp" in text and "<!--  won -->" in text and "<!--  wait -->" not in text
