"""Lists that are the same for everybody, and what the catalogue alone says of similar items."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import CATALOGUE, LAUNCH, data, log

from components.declaration import Rules
from components.declaration.data import Boost
from components.features import item_table
from components.features.training_data import TrainingData
from components.rules import training
from components.rules.attribute_scores import AttributeScores
from components.rules.rule_lists import rank_lists

pytestmark = pytest.mark.tensorflow
DAY = 86_400_000_000
# Active in the order of the table: A, B, C, D, E, G.
CLICKS = log(
    *[(b"u1", b"C", 20 * DAY), (b"u2", b"C", 1), (b"u3", b"B", 2), (b"u4", b"B", 3), (b"u5", b"B", 4)], launch=LAUNCH
)


def made(launch=LAUNCH, events=CLICKS, columns=CATALOGUE):
    table = item_table.build(launch.catalogue, columns, events.item)
    return TrainingData(launch, events, table, data().transform, columns)


def order(ranks):
    return "".join("ABCDEG"[column] for column in np.argsort(ranks))


def test_candidates_stand_in_the_order_of_the_rule_then_of_the_fallbacks_then_of_the_catalogue():
    lists = {name: order(ranks) for name, ranks in rank_lists(made()).items()}
    assert lists == {
        "recent_popularity": "CBADEG",  # the last week knows C alone
        "popularity": "BCADEG",
        "round_robin": "ACBDEG",  # mug, hat, mug, hat, mug, mug
        "catalogue_order": "ABCDEG",
    }
    assert next(iter(lists)) == "recent_popularity", "the first fallback answers where nothing else does"


def test_a_launch_without_an_event_lists_what_the_catalogue_says():
    catalogue = dataclasses.replace(LAUNCH.catalogue, added="added", priority="priority")
    launch = dataclasses.replace(LAUNCH, catalogue=catalogue, rules=Rules(names=("newest", "popularity")))
    columns = CATALOGUE | {
        "added": np.array(
            [b"2024-01-01", b"2024-05-01", b"", b"2024-03-01", b"2023-01-01", b"2025-01-01", b"2024-04-01"], object
        ),
        "priority": np.array([1, 2, 9, 4, 5, 6, 7], np.int64),
    }
    lists = {name: order(ranks) for name, ranks in rank_lists(made(launch, log(launch=LAUNCH), columns)).items()}
    assert lists["newest"] == lists["popularity"] == "BGDAEC"
    assert lists["priority"] == "CGEDBA"


def test_a_boost_lifts_an_item_in_every_list():
    boosted = dataclasses.replace(LAUNCH.catalogue, boosts=(Boost("kind", "hat", 5.0),))
    lists = rank_lists(made(dataclasses.replace(LAUNCH, catalogue=boosted)))
    assert (
        order(lists["popularity"]) == "CBDAEG"
    )  # 2 x 5 before 3; D has no click: of equals the boosted fallback decides


def test_only_the_chosen_events_count():
    used = np.array([True, True, False, False, False])
    assert order(rank_lists(made(), used)["popularity"])[0] == "C"


def test_without_a_catalogue_there_are_the_lists_of_popularity():
    launch = dataclasses.replace(LAUNCH, catalogue=None)
    assert list(rank_lists(made(launch, columns={}))) == ["recent_popularity", "popularity"]


@pytest.mark.parametrize("seed", range(3))
def test_similar_attributes_are_the_formula(seed):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 5, (9, 3)).astype(np.int32)
    for row in features:
        row[1:][np.isin(row[1:], row[:1])] = 0
        row[2] *= row[2] != row[1]
    features[0] = 0
    active = rng.random(9) < 0.7
    table = dataclasses.replace(
        item_table.build(None, {}, np.array([b"%d" % place for place in range(8)], object)),
        features=features,
        feature_count=4,
        active=active,
    )
    counts = np.array([(features == number).sum() for number in range(5)])
    weight = np.log(9 / np.maximum(counts, 1)) ** 2
    seeds = [1, 4, 0]
    profile = np.zeros(5)
    for seed_row in seeds:
        for number in features[seed_row]:
            profile[number] += weight[number] if number else 0
    norms = [np.sqrt(sum(weight[number] for number in row if number)) for row in features]
    expected = [
        sum(profile[number] for number in features[row] if number) / norms[row] if norms[row] else 0.0
        for row in np.flatnonzero(active)
    ]
    got = AttributeScores(table)(tf.constant([seeds], tf.int32)).numpy()[0]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_without_an_event_similar_items_are_those_of_the_same_kind():
    catalogue = dataclasses.replace(LAUNCH.catalogue, added="price")
    rules = Rules(names=("newest", "covisitation", "catalogue_order"))
    launch = dataclasses.replace(LAUNCH, catalogue=catalogue, rules=rules)
    rules = training.count_rules(made(launch, log(launch=LAUNCH)), np.zeros(0, bool), "newest")
    rows = rules.item_rows(tf.constant([["C"], ["G"], ["never"]]))
    scores, answered_by = rules.similar_scores(rows, {})
    # Hats, then the newest (the dearest here) of the others; F is a hat that is not active.
    assert [order(-row) for row in scores.numpy()] == ["DCGEBA", "GEBADC", "GEDCBA"]
    assert answered_by.numpy().tolist() == [b"attributes", b"attributes", b""]
