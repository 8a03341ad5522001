import collections
import json
import random

import numpy as np
import pytest
from small_server import push, service

from components.experiment.off_policy import Estimate, Rows, estimate_snips
from components.serving.slot_exploration import draw_slot, slot_propensities


def test_the_formula():
    # k = 2, m = 5, e = 0.3: 0.7 + 0.3 / 2 for an item in its own slot, 0.3 / (2 x 3) for one from below
    assert slot_propensities([0, 1], 5, 0.3) == pytest.approx([0.85, 0.85])
    assert slot_propensities([4, 1], 5, 0.3) == pytest.approx([0.05, 0.85])


def test_without_a_share_or_without_more_answers_nothing_is_random():
    assert draw_slot(5, 3, 0.0, random.Random(0)) == (False, [0, 1, 2])
    assert draw_slot(3, 3, 1.0, random.Random(0)) == (False, [0, 1, 2])
    assert slot_propensities([0, 1, 2], 3, 1.0) == [1.0] * 3
    assert draw_slot(0, 0, 1.0, random.Random(0)) == (False, [])


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_items_are_shown_as_often_as_the_propensities_say(share):
    rng, draws = random.Random(5), 20_000
    counts, chances = collections.Counter(), {}
    for _ in range(draws):
        explores, order = draw_slot(6, 3, share, rng)
        assert explores == any(rank >= 3 for rank in order) and len(set(order)) == 3
        for place, chance in enumerate(slot_propensities(order, 6, share)):
            counts[order[place], place] += 1
            chances[order[place], place] = chance
    assert len(chances) == 3 + 3 * 3
    for cell, chance in chances.items():
        assert abs(counts[cell] / draws - chance) < 4 * (chance * (1 - chance) / draws) ** 0.5 + 1e-9, cell
    for place in range(3):
        assert sum(chance for (_, where), chance in chances.items() if where == place) == pytest.approx(1)


def test_a_policy_that_shows_an_item_from_behind_can_be_judged():
    """Rank 4 is worth most: the estimate of a policy that puts it first holds its true value."""
    rng, chance, share = np.random.default_rng(0), random.Random(1), 0.5
    worth = np.array([0.3, 0.2, 0.1, 0.6, 0.1])
    rows = []
    for request in range(8000):
        _, order = draw_slot(5, 2, share, chance)
        for place, propensity in enumerate(slot_propensities(order, 5, share)):
            target = float(order[place] == (3, 1)[place])
            rows.append((request, place, propensity, target, float(rng.random() < worth[order[place]])))
    user, place, propensity, target, reward = map(np.array, zip(*rows, strict=True))
    estimate = estimate_snips(Rows(user, place, propensity, target, reward))

    assert isinstance(estimate, Estimate)
    assert abs(estimate.value - (worth[3] + worth[1])) < 4 * estimate.error


class Collected:
    """A log in memory."""

    dropped = problem = written = 0

    def __init__(self):
        self.rows = []

    def add(self, rows):
        self.rows += [dict(row) for row in rows]


def test_the_server_shows_one_place_and_logs_its_propensity(tmp_path):
    push(tmp_path, 1)
    log = Collected()
    answering = service(tmp_path, log)
    answering.explore_slot = 1.0
    body = {"instances": [{"user_id": f"u{number}"} for number in range(200)], "n": 2}
    answer = json.loads(answering.predict(json.dumps(body).encode()))
    behind = {"C", "D", "E", "F"}

    assert set(answer["policies"]) == {"explore"}
    for shown in answer["predictions"]:
        assert len(shown["item_ids"]) == 2 and len(behind & set(shown["item_ids"])) == 1
    for row in log.rows:
        assert row["chance"] == pytest.approx(1 / (2 * 4) if row["item"] in behind else 1 / 2)


def test_without_fewer_places_the_server_shows_what_is_ranked(tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path)
    answering.explore_slot = 1.0
    answer = json.loads(answering.predict(json.dumps({"instances": [{"user_id": "u"}]}).encode()))

    assert answer["predictions"][0]["item_ids"] == ["A", "B", "C", "D", "E", "F"] and answer["policies"] == ["model"]
