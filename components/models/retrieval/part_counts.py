"""Counts the parts of the score from the training events and the catalogue.

Letters: n events, e positive ones in the order of user and time, N rows of the item table, A candidates.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from components.features import histories
from components.features.id_codes import codes
from components.features.training_data import TrainingData
from components.ingest.event_time import DAY
from components.models.retrieval import item_similarity, neighbour_table, neighbours
from components.models.retrieval.neighbour_table import NeighbourTable
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.score_parts import (
    ATTRIBUTES,
    EASE,
    KNN,
    NEXT,
    READINGS,
    TRANSITION,
    Reading,
    ScoreParts,
    TableScores,
    of_items,
)
from components.rules.event_counts import count_events
from components.rules.rule_forms import NextItems

RULE = "rule "


def known_events(data: TrainingData) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """User, item, time and positive of the events as `histories` takes them, [n] each; an event without an item's id tells nothing."""
    user, _ = codes(data.events.user)
    return user, data.item_rows, data.events.time, data.events.positive & (data.item_rows > 0)


def score_parts(data: TrainingData, model: RetrievalModel) -> ScoreParts:
    """Returns the parts of the score, from the events and the trained towers."""
    active = np.flatnonzero(data.items.active)
    columns = np.full(len(data.items), len(active))
    columns[active] = np.arange(len(active))
    tables = [TableScores(table, readings, columns, len(active)) for table, readings in _tables(data)]
    return ScoreParts(
        tf.gather(model.vectors(), active),
        data.launch.model.temperature,
        tables,
        of_items(*_of_candidates(data, active)),
        columns,
    )


def _tables(data: TrainingData) -> Iterator[tuple[NeighbourTable, Mapping[str, Reading]]]:
    """Yields every table that scores candidates by the last items, and its readings by name."""
    user, item, time, positive = known_events(data)
    order = histories.order_by_user_and_time(user, time, data.launch.seed, tie=data.events.tie)
    order, candidates = order[positive[order]], data.items.active
    yield item_similarity.next_items(user[order], item[order], candidates), READINGS[NEXT]
    yield item_similarity.transitions(user[order], item[order], candidates), READINGS[TRANSITION]
    yield item_similarity.knn(user[order], item[order], candidates), READINGS[KNN]
    yield neighbours.count(user[order], item[order], candidates), READINGS[EASE]
    if data.items.feature_count:
        yield item_similarity.attributes(data.items, candidates, data.launch.seed), READINGS[ATTRIBUTES]
    # Popularity by item is a part already, and co-visitation is `next` but for the root: what a team's own rules add is counted as they serve.
    counts = count_events(data, np.ones(len(data.events), bool), data.launch.rules.names)
    for name, rule in counts.items():
        if isinstance(rule, NextItems):
            table = neighbour_table.of_slots(rule.neighbours, rule.weights, candidates)
            yield table, {RULE + name: Reading(rule.window, rule.decay)}


def _of_candidates(data: TrainingData, active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recent events, all events, and the age as a share of the recent days: [A] each."""
    _, item, time, positive = known_events(data)
    size, window, end = (
        len(data.items),
        data.launch.rules.recent_days * DAY,
        time[positive].max(initial=0),
    )
    recent = np.bincount(item[positive & (time >= end - window)], minlength=size)
    first = np.full(size, np.inf)
    np.minimum.at(first, item[positive], time[positive])
    age = np.where(np.isinf(first), np.inf, (end - first) / window)
    return recent[active], np.bincount(item[positive], minlength=size)[active], age[active]
