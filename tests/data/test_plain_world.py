"""The forms `sparse` and `dense` of generated logs, and the truth behind them."""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "data"))  # a folder of files, not a package

import generate
import plain_world


@pytest.fixture(scope="module", params=plain_world.FORMS)
def plain(request, tmp_path_factory):
    """A log of who took what and when: its form, its columns as arrays, and the catalogue."""
    folder = tmp_path_factory.mktemp(request.param)
    assert generate.main(["--form", request.param, "--events", "12000", "--out", str(folder)]) == 0
    log, items = (pq.read_table(folder / name).to_pydict() for name in ("events.parquet", "items.parquet"))
    return request.param, {name: np.array(values) for name, values in log.items()}, items


def test_a_plain_log_is_in_the_order_of_time_and_nobody_takes_an_item_twice(plain):
    _, log, items = plain
    assert 7_000 < len(log["timestamp"]) < 16_000  # what a user takes again is left out
    assert (np.diff(log["timestamp"]) >= 0).all()
    pairs = set(zip(log["user_id"], log["item_id"], strict=True))
    assert len(pairs) == len(log["user_id"])
    launched = dict(zip(items["item_id"], items["launched_ms"], strict=True))
    late = [moment < launched[item] for item, moment in zip(log["item_id"], log["timestamp"], strict=True)]
    assert np.mean(late) < 0.05  # an item is sold from the middle of its period on


def test_the_sparse_form_has_short_histories_and_the_dense_one_long_ones(plain):
    form, log, items = plain
    _, lengths = np.unique(log["user_id"], return_counts=True)
    counts = len(log["user_id"]) / len(items["item_id"])
    assert (form, np.median(lengths) < 12, np.median(lengths) > 40) in (("sparse", True, False), ("dense", False, True))
    assert counts > 8
    _, item_counts = np.unique(log["item_id"], return_counts=True)
    assert np.sort(item_counts)[::-1][: len(item_counts) // 10].sum() > 0.25 * item_counts.sum()  # a long tail


def test_the_category_tells_what_comes_next(plain):
    form, log, items = plain
    category = dict(zip(items["item_id"], items["category"], strict=True))
    order = np.lexsort((log["timestamp"], log["user_id"]))
    kinds = np.array([category[item] for item in log["item_id"][order]])
    together = log["user_id"][order][1:] == log["user_id"][order][:-1]
    same = (kinds[1:] == kinds[:-1])[together].mean()
    chance = (kinds == np.random.default_rng(0).permutation(kinds)).mean()
    assert (
        same > (1.5 if form == "sparse" else 1.1) * chance
    )  # of the few items of the dense form there are two categories


def test_a_size_that_a_form_cannot_have_is_refused(tmp_path, capsys):
    assert generate.main(["--form", "sparse", "--events", "100", "--users", "90", "--out", str(tmp_path)]) == 2
    assert "--form sparse needs 40 items" in capsys.readouterr().err


@pytest.mark.parametrize("last", [-1, 7, 30])
def test_the_chances_of_the_next_item_are_how_often_it_is_drawn(last):
    rng = np.random.default_rng(3)
    world = plain_world.make_world(rng, "dense", 60, 30)
    time, tastes = np.array([plain_world.START_MS + 9 * plain_world.DAY_MS]), np.array([[0, 2, 2]])
    chances = plain_world.next_chances(world, time, 30, np.array([last]), tastes)[0]
    draws = 200_000
    taste = tastes[0, rng.integers(3, size=draws)]
    drawn = plain_world._draw_next(rng, world, np.repeat(time, draws), 30, np.full(draws, last), taste)
    assert chances.sum() == pytest.approx(1)
    expected = chances * draws
    found = np.bincount(drawn, minlength=len(chances))
    assert found[expected == 0].sum() == 0
    error = np.sqrt(np.maximum(expected * (1 - chances), 1))
    assert (np.abs(found - expected) < 5 * error).all()
