"""Counts the rules, chooses the one that serves, exports it: the `run_fn` of the step "Rules"."""

from typing import Any

import numpy as np

from components.declaration.rule_names import short_name
from components.declaration.views import RulesView
from components.features import training_data
from components.features.event_table import EventTable
from components.features.preprocessing import CODE_KEY
from components.features.training_data import TrainingData
from components.metrics import queries, rank_metrics
from components.progress import FIGURE
from components.registry import export, model_card
from components.rules.event_counts import count_events
from components.rules.exact_ranks import UNKNOWN, ExactRanks, RuleQueries
from components.rules.rule_lists import rank_lists
from components.rules.rules_recommender import RulesRecommender

VALIDATION_SHARE = 0.1
PRIOR_ROWS = 20.0
# Held-out events from which on rules are compared, where one of them needs no event: with fewer the choice is chance.
LEAST_HELD_OUT = 20
NEEDED_ACTIONS = round(LEAST_HELD_OUT / VALIDATION_SHARE)


def run_fn(fn_args: Any) -> None:
    """TFX's entry: see `tfx.components.trainer.fn_args_utils.FnArgs` for the argument."""
    data = training_data.read(fn_args, RulesView)
    served = best_rule(data)
    recommender = count_rules(data, np.ones(len(data.events), bool), served)
    card = model_card.describe(data, fn_args.custom_config.get(CODE_KEY, ""))
    entries: dict[str, Any] = {"kind": "rules", "rule": served, FIGURE: _figure(data, served)}
    entries |= {"compared": compares_rules(data), "needed": NEEDED_ACTIONS}
    export.save(recommender, fn_args.serving_model_dir, card | entries)


def compares_rules(data: TrainingData) -> bool:
    """Returns whether there are enough events to compare the rules; always true if each of them needs events."""
    held_out = int(data.events.positive.sum()) * VALIDATION_SHARE
    return data.launch.rules.before_events is None or held_out >= LEAST_HELD_OUT


def _figure(data: TrainingData, served: str) -> str:
    if compares_rules(data):
        return f"{served} is the best of {len(data.launch.rules.names)}"
    return f"{served} serves: {data.events.positive.sum():,} of {NEEDED_ACTIONS:,} actions to compare rules by"


def best_rule(data: TrainingData) -> str:
    """Returns the rule with the best metric on the last tenth of the training time, counted on the rest.

    The eval split is not read. A single declared rule is not compared. Where a rule needs no event, it serves until
    there are events enough for a choice.
    """
    launch = data.launch
    names = tuple(map(short_name, launch.rules.names))
    if launch.rules.before_events is not None and not compares_rules(data):
        return launch.rules.before_events
    positives = np.sort(data.events.time[data.events.positive])
    if len(names) < 2 or len(positives) < 2:
        return names[0]
    late = data.events.time >= positives[int(len(positives) * (1 - VALIDATION_SHARE))]
    sample = rule_queries(data, queries.rolling(launch, data.events, late, launch.promotion.max_queries))
    counts = count_events(data, ~late, (*launch.rules.names, *launch.rules.fallback_order))
    metric = launch.promotion.metric_paths[launch.promotion.metric]
    exact, fallbacks = ExactRanks(counts, data.items), tuple(map(short_name, launch.rules.fallback_order))

    def value(rule: str) -> float:
        ranks = exact.ranks(dict.fromkeys((rule, *fallbacks)), sample)
        return float(rank_metrics.gains(metric, ranks).mean()) if len(sample) else 0.0

    return max(names, key=value)


def rule_queries(data: TrainingData, asked: queries.Queries) -> RuleQueries:
    """Returns queries as rows and columns of the item table; items that are no candidates do not count as seen."""
    history = data.items.rows_of(asked.history.reshape(-1)).reshape(asked.history.shape)
    column = np.where(data.items.active, np.cumsum(data.items.active) - 1, UNKNOWN)
    target, seen_columns = column[data.items.rows_of(asked.target)], column[data.items.rows_of(asked.seen_item)]
    return RuleQueries(
        history, target, asked.context, asked.seen_query[seen_columns >= 0], seen_columns[seen_columns >= 0]
    )


def count_rules(data: TrainingData, used: np.ndarray, served: str) -> RulesRecommender:
    """Counts the rules from the rows in `used` [n] bool."""
    rules = data.launch.rules
    counts = count_events(data, used, (*rules.names, *rules.fallback_order))
    context = {name: data.transform.raw_feature_spec()[name].dtype for name in data.launch.log.context}
    rates = _rates(data.launch, data.events.rows(used), data.item_rows[used], len(data.items))
    return RulesRecommender(data.launch, data.items, context, counts, rates, served, rank_lists(data, used))


def _rates(launch: RulesView, events: EventTable, rows: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Returns each item's rate of each objective, shrunk towards the mean: (ones + prior x mean) / (labels + prior): [N] float32."""
    rates = {}
    for objective in launch.ranking_objectives:
        label = events.labels[objective.name]
        is_labelled = label >= 0
        ones = np.bincount(rows[is_labelled], label[is_labelled], minlength=size)
        labels = np.bincount(rows[is_labelled], minlength=size)
        mean = label[is_labelled].mean() if is_labelled.any() else 0.0
        rates[objective.name] = ((ones + PRIOR_ROWS * mean) / (labels + PRIOR_ROWS)).astype(np.float32)
    return rates
