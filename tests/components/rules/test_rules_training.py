"""The rules' training: the choice of the rule that serves, and the rates."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import LAUNCH, PLAIN, data, events

from components.declaration import Rules
from components.declaration.rule_names import RULE_NAMES
from components.features.event_table import EventTable
from components.features.item_table import MISSING_INT
from components.rules import event_counts, training

pytestmark = pytest.mark.tensorflow

DAY = 86_400_000_000
CLOSE = dataclasses.replace(PLAIN, promotion=dataclasses.replace(PLAIN.promotion, metric="mrr"))


def _log(user, item, time, positive=None):
    names = [np.array([b"%d" % value for value in column] + [None], object)[:-1] for column in (user, item)]
    count = len(time)
    everything = np.ones(count, bool)
    return EventTable(
        *names,
        np.array(time, np.int64),
        everything if positive is None else positive,
        np.full(count, -1),
        {},
        {},
        ~everything,
    )


def _circles(seed):
    """Users who walk along a circle of 20 items: the next item follows from the last, and all are equally popular."""
    rng = np.random.default_rng(seed)
    start, step = np.repeat(rng.integers(20, size=40), 10), np.tile(np.arange(10), 40)
    return _log(np.repeat(np.arange(40), 10), (start + step) % 20, step * 40 + np.repeat(np.arange(40), 10))


def _fashion(seed):
    """Every eight days another item is in fashion; all users come once, so that no item follows another."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(40), 15)
    item = np.where(rng.random(600) < 0.7, 100 + day // 8, rng.integers(60, size=600))
    return _log(np.arange(600), item, day * DAY + np.tile(np.arange(15), 40))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("world", "names", "best"),
    [(_circles, RULE_NAMES, "covisitation"), (_fashion, RULE_NAMES[:2], "recent_popularity")],
)
def test_the_rule_that_fits_the_world_is_chosen(world, names, best, seed):
    launch = dataclasses.replace(CLOSE, rules=Rules(names=names))
    assert training.best_rule(data(launch, world(seed))) == best


@pytest.mark.parametrize("seed", range(3))
def test_popularity_by_context_is_chosen_where_tastes_follow_the_context(seed):
    rng = np.random.default_rng(seed)
    device = rng.integers(3, size=900)
    log = dataclasses.replace(
        _log(np.arange(900), 20 * device + rng.integers(12, size=900), np.arange(900)), context={"device": device}
    )
    by_device = dataclasses.replace(LAUNCH.log, context=("device",))
    launch = dataclasses.replace(LAUNCH, log=by_device, catalogue=None, promotion=CLOSE.promotion)
    launch = dataclasses.replace(
        launch, rules=Rules(names=(*RULE_NAMES[:2], "context_popularity"), context=("device",))
    )
    log = dataclasses.replace(log, labels={objective.name: np.full(900, -1) for objective in launch.ranking_objectives})
    assert training.best_rule(data(launch, log)) == "context_popularity"


def test_of_rules_that_do_equally_well_the_first_declared_serves():
    for names in (("popularity", "recent_popularity"), ("recent_popularity", "popularity")):
        launch = dataclasses.replace(CLOSE, rules=Rules(names=names, recent_days=10_000.0))
        assert training.best_rule(data(launch, _circles(0))) == names[0]


def _never_repeated():
    """250 events; each of the last users takes an item and then another one, in a pair that nobody took before."""
    early = [item for item in range(20) for _ in range(item + 1)] + [100 + pair for pair in range(12)]
    late = [item for pair in range(12) for item in (100 + pair, pair)]
    user = [*range(len(early)), *(1000 + pair // 2 for pair in range(24))]
    return _log(user, early + late, range(len(early + late)))


def test_the_rules_to_choose_from_are_counted_before_the_validation_cut():
    launch = dataclasses.replace(CLOSE, rules=Rules(names=("popularity", "covisitation")))
    assert (
        training.best_rule(data(launch, _never_repeated())) == "popularity"
    )  # counted on everything, covisitation would know all pairs


@pytest.mark.parametrize(
    "log",
    [
        _log([], [], []),
        _log([1], [1], [5]),
        _log([1, 1, 2], [1, 2, 1], [5, 5, 5]),
        _log([1, 1], [1, 1], [5, 6]),
        _log([1, 1, 2], [1, 2, 1], [5, 6, 7], np.zeros(3, bool)),
    ],
    ids=["empty", "one event", "one moment", "repeats only", "no positives"],
)
def test_a_log_that_tells_nothing_has_a_rule_all_the_same(log):
    train_data = data(PLAIN, log)
    served = training.best_rule(train_data)
    assert served in PLAIN.rules.names
    rules = training.count_rules(train_data, np.ones(len(log), bool), served)
    assert rules.score_catalogue(tf.constant([b"u"]), tf.constant([[b"1"]]))["scores"].shape == (
        1,
        int(train_data.items.active.sum()),
    )


def test_positives_only_are_counted_and_only_the_rows_in_use():
    log = _log([1, 1, 2, 2], [1, 2, 1, 3], [5, 6, 7, 8], np.array([True, False, True, True]))
    counts = event_counts.count_events(data(PLAIN, log), np.array([True, True, True, False]), PLAIN.rules.names)
    assert counts["popularity"].scores.tolist() == [0, 2, 0, 0]


def test_events_without_an_item_are_not_counted():
    log = _log([1, 1, 1], [1, 2, 3], [5, 6, 7])
    log.item[1] = b""
    counts = event_counts.count_events(data(PLAIN, log), np.ones(3, bool), PLAIN.rules.names)
    assert counts["popularity"].scores.tolist() == [0, 1, 1]
    assert counts["covisitation"].neighbours.tolist() == [[0], [2], [0]]


def test_rates_are_drawn_towards_the_mean():
    log = events(LAUNCH)
    click = log.labels["click"].copy()
    rows = np.full(len(log), 0)
    rows[log.item == b"A"] = 1
    rates = training._rates(LAUNCH, log, rows, size=3)["click"]
    has_label = click >= 0
    mean = click[has_label].mean()
    of_a = click[has_label & (log.item == b"A")]
    prior = training.PRIOR_ROWS
    assert rates[1] == pytest.approx((of_a.sum() + prior * mean) / (len(of_a) + prior))
    assert rates[2] == pytest.approx(mean)
    assert min(of_a.mean(), mean) <= rates[1] <= max(of_a.mean(), mean)


def test_without_labels_every_rate_is_zero():
    log = events(LAUNCH)
    for label in log.labels.values():
        label[:] = MISSING_INT
    rates = training._rates(LAUNCH, log, np.zeros(len(log), int), size=2)
    assert {name: rate.tolist() for name, rate in rates.items()} == {"click": [0, 0], "buy": [0, 0]}
