import collections
import json
import random

import pytest
from small_server import push, service

from components.serving import exploration


def test_without_a_share_nothing_is_random():
    assert exploration.draw(4, 0.0, random.Random(0)) == (False, [0, 1, 2, 3])
    assert exploration.propensities([0, 1, 2, 3], 0.0) == [1.0] * 4


def test_the_formula():
    # n = 4, e = 0.2: (1 - 0.2) where the rank is the slot, and 0.2 / 4 everywhere
    assert exploration.propensities([0, 2, 1, 3], 0.2) == pytest.approx([0.85, 0.05, 0.05, 0.85])


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_items_are_shown_as_often_as_the_propensities_say(share):
    rng, draws, count = random.Random(5), 20_000, 4
    counts, chances = collections.Counter(), {}
    for _ in range(draws):
        _, order = exploration.draw(count, share, rng)
        for place, chance in enumerate(exploration.propensities(order, share)):
            counts[order[place], place] += 1
            chances[order[place], place] = chance
    assert len(chances) == count * count
    for cell, chance in chances.items():
        # four standard deviations of a share of `draws`
        assert abs(counts[cell] / draws - chance) < 4 * (chance * (1 - chance) / draws) ** 0.5 + 1e-9, cell


def test_an_inverse_propensity_estimate_is_unbiased():
    # Clicks are worth 1 for the item of rank 3 alone: showing it first would earn 1, and the estimate from explored
    # traffic says so.
    rng, draws, share, total = random.Random(1), 20_000, 0.4, 0.0
    for _ in range(draws):
        _, order = exploration.draw(5, share, rng)
        if order[0] == 3:
            total += 1 / exploration.propensities(order, share)[0]
    assert total / draws == pytest.approx(1.0, abs=0.1)


def test_nothing_to_show():
    assert exploration.draw(0, 1.0, random.Random(0)) == (True, [])
    assert exploration.propensities([], 1.0) == []


def backwards(scores, places, rng):
    return True, list(range(len(scores)))[::-1][:places], [0.5] * places


def test_a_policy_of_a_team_draws_the_order_and_says_how_probable_it_was(tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path, policy=backwards)
    answer = json.loads(answering.predict(b'{"instances": [{"user_id": "u"}], "n": 2}'))
    assert answer["predictions"][0]["item_ids"] == ["F", "E"]
    assert answer["policies"] == ["explore"]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ((True, [0, 0], [0.5, 0.5]), "2 different ranks"),
        ((True, [0, 9], [0.5, 0.5]), "2 different ranks"),
        ((True, [1, 0], [0.5, 0.0]), "2 probabilities"),
        ((True, [1, 0], [0.5]), "2 probabilities"),
    ],
)
def test_a_policy_that_answers_wrongly_costs_the_exploration_not_the_answer(wrong, text, tmp_path):
    def policy(scores, places, rng):
        return wrong

    with pytest.raises(ValueError, match=text):
        exploration.ask_policy(policy, [3.0, 2.0, 1.0], 2, random.Random(0))
    push(tmp_path, 1)
    answering = service(tmp_path, policy=policy)
    answer = json.loads(answering.predict(b'{"instances": [{"user_id": "u"}], "n": 2}'))
    assert answer["predictions"][0]["item_ids"] == ["A", "B"]
    assert b"dayone_policy_failures_total 1.0" in answering.metrics.text()
