"""Lists that are the same for everybody, such as "popular" and "newest": the candidates in the order of each rule by item.

Letters: n events, N rows of the item table, A candidates.
"""

import numpy as np

from components.declaration.rule_names import short_name
from components.declaration.views import ServingView
from components.features.training_data import TrainingData
from components.rules.event_counts import count_events
from components.rules.rule_forms import PerItem

BY_EVENTS = ("recent_popularity", "popularity")


def rank_lists(data: TrainingData, used: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Returns the rank of every candidate in each list, by the rule's name: [A] int32, 0 the best.

    Listed are the declared rules that score each item alike for everybody, the two of popularity, and those that the
    catalogue has a column for. Of candidates that a rule scores alike, the fallbacks decide in the declared order, then
    the other rules, then the item table's order. The first of the lists is the first of the fallbacks.

    Args:
      data: events and items.
      used: [n] bool, the events that are counted; None for all.
    """
    names = dict.fromkeys((*data.launch.rules.fallback_order, *data.launch.rules.names, *_available(data.launch)))
    counts = count_events(data, np.ones(len(data.events), bool) if used is None else used, names)
    boost = 1.0 if data.items.boost is None else data.items.boost
    scores = {
        name: (rule.scores * boost)[data.items.active] for name, rule in counts.items() if isinstance(rule, PerItem)
    }
    order = [name for name in dict.fromkeys(map(short_name, names)) if name in scores]
    return {name: _rank([scores[other] for other in dict.fromkeys((name, *order))]) for name in order}


def _available(launch: ServingView) -> tuple[str, ...]:
    """Returns the built-in rules that need nothing which the declaration lacks."""
    catalogue = launch.catalogue
    if catalogue is None:
        return BY_EVENTS
    needs = {"newest": catalogue.added, "priority": catalogue.priority, "round_robin": catalogue.categories}
    return (*BY_EVENTS, *(name for name, needed in needs.items() if needed), "catalogue_order")


def _rank(scores: list[np.ndarray]) -> np.ndarray:
    """Returns the rank of each candidate by the first scores, of equals by the next ones: [A] int32."""
    order = np.lexsort([-score for score in reversed(scores)])
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order))
    return ranks
