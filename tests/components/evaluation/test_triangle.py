"""The triangle on worlds with known truth; the learners count, so that twenty worlds take seconds."""

import numpy as np
import pytest
from triangle_world import DAY, DAYS, join, learner, play, view

from components.evaluation import triangle, triangle_words
from components.evaluation.findings import MODEL, RULES
from components.features.training_data import Part
from components.metrics import queries, rank_metrics

pytestmark = pytest.mark.tensorflow

SEEDS = 20


def measure(events, **settings):
    final, train = learner(events, popular_model=settings.pop("popular_model", False))
    return triangle.measure(view(**settings), events, final, train)


def holds_zero(interval):
    return interval["low"] <= 0 <= interval["high"]


def test_moments_grow_by_equal_factors_up_to_the_runs_own_split():
    events = play(1, 300)
    moments = triangle.choose_moments(events, 5)
    actions = int((~events.late).sum())
    assert [round(moment.share, 2) for moment in moments] == [0.1, 0.18, 0.32, 0.56, 1.0]
    assert moments[-1].time == events.time[events.late].min() and moments[-1].actions == actions
    assert [moment.until for moment in moments[:-1]] == [moment.time for moment in moments[1:]]
    assert moments[-1].until == events.time.max() + 1


@pytest.mark.parametrize("kept", ["few actions", "nothing later"])
def test_a_log_that_is_too_small_is_not_measured(kept):
    events = play(1, 300)
    rows = np.flatnonzero(~events.late)
    rows = np.append(rows[:99], np.flatnonzero(events.late)) if kept == "few actions" else rows
    result = measure(events.rows(rows))
    assert result["problem"] and result["trainings"] == 0 and result["moments"] == []
    (sentence,) = triangle_words.list_unknown(result | {"left_out": []}, 0.0)
    assert sentence.endswith(f"{result['problem']}.")


def test_a_part_of_the_users_holds_all_of_their_events():
    events = play(1, 300)
    early = events.rows(~events.late)
    chosen = Part(users=0.25, draw=1).choose(early, seed=3)
    inside, outside = set(early.user[chosen]), set(early.user[~chosen])
    assert not inside & outside and len(inside) == round(0.25 * len(inside | outside))
    assert (chosen != Part(users=0.25, draw=2).choose(early, seed=3)).any()


def test_each_cell_is_the_metric_of_the_model_of_that_moment_in_that_window():
    events = play(2, 300)
    settings = view(users=False)
    result = measure(events, users=False)
    _, train = learner(events)
    for moment, row in zip(triangle.choose_moments(events, 5), result["moments"], strict=True):
        window = queries.rolling(settings, events, (events.time >= moment.time) & (events.time < moment.until), 2000)
        for name, contender in train(Part(before=moment.time), (MODEL, RULES)).items():
            ranks = queries.ask(contender.score, contender.candidates, window).ranks
            assert row[name]["point"] == pytest.approx(rank_metrics.gains("recall@10", ranks).mean())
        assert row["queries"] == len(window) and row["days"] == round((moment.time - events.time.min()) / DAY, 1)
    assert result["trainings"] == 4 and result["users"] is None


def test_a_model_that_learns_what_follows_overtakes_the_rules_and_stays_ahead():
    result = measure(play(3, 400), users=False)
    takeover = triangle_words.find_takeover(result["moments"])
    assert takeover is not None and takeover["days"] < 0.9 * DAYS
    after = [moment for moment in result["moments"] if moment["days"] >= takeover["days"]]
    assert all(moment["gain"]["low"] > 0 for moment in after)
    assert triangle_words.find_takeover(result["moments"], margin=1e6) is None


def test_in_a_world_without_order_the_model_never_overtakes_the_rules():
    never = [
        triangle_words.find_takeover(measure(play(seed, 300, chained=False), users=False, max_queries=1000)["moments"])
        is None
        for seed in range(SEEDS)
    ]
    assert sum(never) >= 19


def test_in_a_stationary_world_the_loss_by_age_holds_zero():
    held = []
    for seed in range(SEEDS):
        events = play(seed, 500, items=100, chained=False)
        ages = measure(events, users=False, moments=3, max_queries=1000, popular_model=True, metric="mrr")["ages"]
        held += [holds_zero(age["loss"]) for age in ages]
    assert np.mean(held) >= 0.9


def test_a_change_of_what_is_popular_shows_as_a_loss_of_older_versions():
    events = play(5, 500, items=100, chained=False, change_day=4)
    ages = measure(events, users=False, moments=5, popular_model=True)["ages"]
    before = [age for age in ages if 0.9 * DAYS - age["days"] < 4]
    assert before and all(age["loss"]["low"] > 0 for age in before)


@pytest.mark.parametrize(
    ("users", "items", "followers"), [(400, 500, 60), (400, 200, 10)], ids=["recall .45", "recall .94"]
)
def test_the_predicted_gain_of_twice_the_users_holds_the_truth(users, items, followers):
    held = []
    for seed in range(SEEDS):
        half = play(seed, users, items=items, followers=followers)
        result = measure(half, moments=3, max_queries=1000)["users"]["next"]["gain"]
        if result is None:
            continue
        once, _ = learner(half)
        twice, _ = learner(join(half, play(seed, users, items=items, followers=followers, first_user=users)))
        window = queries.rolling(view(), half, half.late, 1000)
        values = [
            rank_metrics.gains("recall@10", queries.ask(one[MODEL].score, one[MODEL].candidates, window).ranks).mean()
            for one in (once, twice)
        ]
        held.append(result["low"] <= values[1] / values[0] - 1 <= result["high"])
    assert len(held) >= 15 and np.mean(held) >= 0.85
