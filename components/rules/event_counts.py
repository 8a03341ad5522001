"""Counts declared rules from the events of the train split: for the step Rules, and as parts of the model's score."""

from collections.abc import Iterable

import numpy as np

from components.features.id_codes import codes
from components.features.training_data import TrainingData
from components.rules import declared_rules
from components.rules.rule_forms import NextItems, Rule, RuleLog
from components.rules.rule_scores import RuleScores


def fallback_scores(data: TrainingData) -> RuleScores:
    """Returns the scores for requests without a history, in the declared order; rules that read histories are left out."""
    rules = count_events(data, np.ones(len(data.events), bool), data.launch.rules.fallback_order)
    return RuleScores({name: rule for name, rule in rules.items() if not isinstance(rule, NextItems)}, data.items)


def count_events(data: TrainingData, used: np.ndarray, names: Iterable[str]) -> dict[str, Rule]:
    """Counts the declared rules `names` from the positive events among the rows in `used` [n] bool."""
    rows = used & data.events.positive & (data.item_rows > 0)
    user, _ = codes(data.events.user)
    context = {name: column[rows] for name, column in data.events.context.items()}
    events = (user[rows], data.item_rows[rows], data.events.time[rows], data.events.tie[rows])
    log = RuleLog(*events, context, data.items, data.catalogue, _places(data))
    return declared_rules.count(data.launch, log, names)


def _places(data: TrainingData) -> np.ndarray:
    """Returns the catalogue's row of each item, the last of several: [N] int64; -1 for none."""
    place = np.full(len(data.items), -1)
    if data.launch.catalogue:
        listed = data.items.rows_of(data.catalogue[data.launch.catalogue.item])
        place[listed] = np.arange(len(listed))
        place[0] = -1
    return place
