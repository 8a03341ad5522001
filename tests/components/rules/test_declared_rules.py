"""A custom rule: a function and a line in the declaration; and the error for an invalid one."""

import dataclasses
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import LAUNCH, data

from components.declaration import Rules
from components.errors import DeclarationError
from components.evaluation import contender
from components.metrics import queries
from components.registry import export
from components.rules import declared_rules, event_counts, training
from components.rules.rule_forms import NextItems, PerItem

pytestmark = pytest.mark.tensorflow

HOUSE = "components.rules.house"


@pytest.fixture
def house(monkeypatch):
    """A module `components.rules.house` that the test fills with functions."""
    module = types.ModuleType(HOUSE)
    monkeypatch.setitem(sys.modules, HOUSE, module)
    return module


def cheapest(launch, log):
    """The catalogue's cheapest items first; the prices are standardised."""
    price = log.items.numbers[:, 0]
    return PerItem(np.where(log.items.active, price.max() - price + 1, 0))


def declaring(*names, fallbacks=("popularity",)):
    return dataclasses.replace(LAUNCH, rules=Rules(names=(*names, "popularity"), fallbacks=fallbacks))


def test_a_rule_of_ones_own_is_counted_served_and_judged_like_the_others(house, tmp_path):
    house.cheapest = cheapest
    launch = declaring(f"{HOUSE}.cheapest")
    train_data = data(launch)

    export.save(
        training.count_rules(train_data, np.ones(len(train_data.events), bool), "cheapest"),
        str(tmp_path),
        {"kind": "rules", "rule": "cheapest"},
    )

    loaded = contender.load(str(tmp_path))
    assert {"score_rule_cheapest", "score_rule_popularity"} <= set(loaded.model.signatures)
    eval_queries = queries.rolling(launch, train_data.events, train_data.events.positive)
    for judged in (loaded, loaded.by("score_rule_cheapest")):
        scores = judged.score(eval_queries.known(slice(0, 1)))[0]
        assert loaded.candidates[np.argsort(-scores)].tolist() == [b"A", b"B", b"C", b"D", b"E", b"G"]


def test_it_competes_on_the_validation_part_under_its_short_name(house):
    house.after = declared_rules.BUILT_IN["covisitation"]
    assert training.best_rule(data(declaring(f"{HOUSE}.after"))) == "after"


def test_it_may_be_a_fallback(house):
    house.last = lambda launch, log: PerItem((log.items.ids == b"G").astype(np.float32))
    launch = declaring(f"{HOUSE}.last", fallbacks=(f"{HOUSE}.last", "popularity"))
    train_data = data(launch)
    rules = training.count_rules(train_data, np.ones(len(train_data.events), bool), "popularity")
    nothing = tf.constant("")
    context = {
        name: tf.fill([1], nothing if spec.dtype == tf.string else tf.constant(0, spec.dtype))
        for name, spec in rules.request_specs[1].items()
    }
    scores = rules.rule_scores("popularity", tf.zeros([1, 3], tf.int32), context).numpy()[0]
    assert train_data.items.ids[train_data.items.active][scores.argmin()] == b"G", (
        "nobody took it, so that it comes last, but it comes"
    )
    assert scores.min() > 0
    alone = event_counts.fallback_scores(train_data)
    scores = alone(alone.names, tf.zeros([1, 3], tf.int32), {}).numpy()[0]
    assert train_data.items.ids[train_data.items.active][scores.argmax()] == b"G"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (np.ones, "It returns a ndarray."),
        (lambda size: PerItem(np.ones(size - 1)), "where"),
        (lambda size: PerItem(np.full(size, np.nan)), "finite numbers of at least 0"),
        (lambda size: PerItem(-np.ones(size)), "finite numbers of at least 0"),
        (lambda size: NextItems(np.full((size, 1), size), np.ones((size, 1)), 1, 1.0), "no rows of the item table"),
        (lambda size: NextItems(np.zeros((size, 2), int), np.ones((size, 1)), 1, 1.0), "It returns scores of shape"),
    ],
)
def test_what_it_may_not_return(house, answer, text):
    house.wrong = lambda launch, log: answer(len(log.items))
    launch = declaring(f"{HOUSE}.wrong")
    with pytest.raises(
        DeclarationError, match=f"launch.rules.names needs a rule that returns .* got '{HOUSE}.wrong'"
    ) as caught:
        training.best_rule(data(launch))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("components.rules.nowhere.rule", "a module that exists"),
        ("components.rules.counting.nothing", "a function nothing in"),
    ],
)
def test_a_rule_that_is_not_there(name, text):
    with pytest.raises(DeclarationError, match=text):
        declared_rules.function_of(name)


def test_the_built_in_rules_are_the_declarable_ones():
    from components.declaration.rule_names import BUILT_IN_RULES, FOR_EVERYBODY

    assert set(declared_rules.BUILT_IN) == set(BUILT_IN_RULES) > set(FOR_EVERYBODY)
