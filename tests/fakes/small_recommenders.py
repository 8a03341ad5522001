"""A toy world for the tests of the evaluation, and recommenders for it that are saved as what serves is.

Items stand in a ring; a user starts somewhere and takes the next item at every step, so the next item is known to whom
reads histories, and no item is more popular than another by nature.
"""

import numpy as np
import tensorflow as tf

from components.declaration import Launch, Log, Model, Objective, Promotion, Rules, Split
from components.features import item_table
from components.features.event_table import MISSING_INT, EventTable
from components.features.id_codes import codes
from components.registry import export
from components.registry.recommender import Recommender
from components.rules import declared_rules
from components.rules.rule_forms import RuleLog
from components.rules.rules_recommender import RulesRecommender

LAUNCH = Launch(
    name="ring",
    log=Log("events.csv", "user", "item", "time"),
    objectives=(Objective("watch"),),
    split=Split(eval_share=0.25),
    rules=Rules(names=("popularity", "recent_popularity")),
    promotion=Promotion(min_queries=100),
    model=Model(history=4, top_k=5),
)
ITEMS, USERS, STEPS, LATE = 40, 50, 12, 8


def events(user, item, time, positive=None, late=None, context=None, labels=None):
    """An event table from lists; ids may be numbers, times are microseconds."""
    count = len(time)
    return EventTable(
        user=np.array([str(name).encode() for name in user] + [None], object)[:-1],
        item=np.array([str(name).encode() for name in item] + [None], object)[:-1],
        time=np.array(time, np.int64),
        positive=np.ones(count, bool) if positive is None else np.array(positive, bool),
        position=np.full(count, MISSING_INT),
        labels={name: np.array(column, np.int64) for name, column in (labels or {}).items()},
        context=context or {},
        late=np.zeros(count, bool) if late is None else np.array(late, bool),
    )


def ring(users=USERS, items=ITEMS, steps=STEPS, seed=0):
    """The log of the toy world; the steps from `LATE` on are the eval split."""
    user, step = np.repeat(np.arange(users), steps), np.tile(np.arange(steps), users)
    start = np.random.default_rng(seed).integers(items, size=users)
    return events(user, (start[user] + step) % items, step * 1_000_000 + user, late=step >= LATE)


def items(count=ITEMS, inactive=()):
    """The item table of items "0", "1", ...; row r is the item r - 1 in the order of numbers."""
    ids = np.array([b""] + [str(item).encode() for item in range(count)], object)
    titles = np.array([b""] + [f"Item {item}".encode() for item in range(count)], object)
    active = np.array([False] + [item not in inactive for item in range(count)])
    return item_table.ItemTable(
        ids, titles, active, np.zeros((count + 1, 1), np.int32), 0, np.zeros((count + 1, 0), np.float32)
    )


class Table(Recommender):
    """Scores the candidates by the last item of the history: row 0 of the matrix [N, A] answers an empty one."""

    def __init__(self, matrix, launch=LAUNCH, table=None, context=None, worth=1.0):
        super().__init__(launch, table or items(len(matrix) - 1), context or {})
        self._matrix, self._worth = tf.constant(matrix, tf.float32), worth

    def scores(self, history, context):
        count = tf.reduce_sum(tf.cast(history > 0, tf.int32), axis=1)
        last = tf.where(count > 0, tf.gather(history, tf.maximum(count - 1, 0), batch_dims=1), 0)
        return tf.gather(self._matrix, last)

    def probabilities(self, history, items, context):
        """The item's number as a share, times `worth`, for every objective."""
        share = self._worth * tf.cast(items, tf.float32) / float(len(self._matrix))
        return {objective.name: share for objective in self._launch.ranking_objectives}


class Told(Recommender):
    """A model fed the answer: it puts the item first that a context column names, or that it remembers of the user."""

    def __init__(self, launch, column=None, memory=None):
        super().__init__(launch, items(ITEMS), {column: tf.string} if column else {})
        self._column, names = column, sorted(memory or {})
        table = tf.lookup.KeyValueTensorInitializer(
            tf.constant(names, tf.string), tf.constant([memory[name] for name in names], tf.string)
        )
        self._memory = tf.lookup.StaticHashTable(table, "")

    def score_catalogue(self, user_id, history, **context):
        answer = context[self._column] if self._column else self._memory.lookup(user_id)
        return {"scores": tf.one_hot(self.item_rows(answer) - 1, ITEMS)}

    def scores(self, history, context):
        return tf.zeros([tf.shape(history)[0], ITEMS])


def next_item(noise=0.0, seed=0, count=ITEMS):
    """Knows the ring: the item after the last one scores 1, the others noise."""
    rng = np.random.default_rng(seed)
    matrix = noise * rng.random((count + 1, count))
    for item in range(count):
        matrix[item + 1, (item + 1) % count] = 1.0
    return matrix


def random_scores(seed=0, count=ITEMS):
    return np.random.default_rng(seed).random((count + 1, count))


def popularity(log, count=ITEMS):
    """The same scores whoever asks: how often each item was taken in the train split."""
    counts = np.bincount(log.item[~log.late].astype(int), minlength=count)
    return np.tile(counts, (count + 1, 1))


def save_table(folder, matrix, launch=LAUNCH, kind="model", **more):
    """Saves a `Table`; returns its folder as a text."""
    export.save(Table(matrix, launch, **more), str(folder), {"kind": kind, "launch": launch.name})
    return str(folder)


def save_told(folder, launch, **told):
    """Saves a `Told`; returns its folder as a text."""
    export.save(Told(launch, **told), str(folder), {"kind": "model", "launch": launch.name})
    return str(folder)


def save_rules(folder, log, launch=LAUNCH, count=ITEMS, table=None, context=None):
    """Saves the rules counted from the log's train split; popularity serves."""
    early = log.rows(~log.late)
    table = items(count) if table is None else table
    rule_log = RuleLog(codes(early.user)[0], table.rows_of(early.item), early.time, early.tie, early.context, table)
    counts = declared_rules.count(launch, rule_log, (*launch.rules.names, *launch.rules.fallback_order))
    rates = {objective.name: np.full(len(table), 0.5, np.float32) for objective in launch.ranking_objectives}
    context = context or dict.fromkeys(launch.log.context, tf.string)
    rules = RulesRecommender(launch, table, context, counts, rates, "popularity")
    export.save(rules, str(folder), {"kind": "rules", "rule": "popularity", "launch": launch.name})
    return str(folder)
