"""The served graph of counted rules: scores of all candidates, by one rule after the other.

Letters: B requests, L items of history, N rows of the item table, A candidates, S context slices, M neighbours per
  item, W a rule's window.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from components.features.item_table import ItemTable
from components.rules.rule_forms import SEPARATOR, TIE, NextItems, PerContext, PerItem, Rule


class RuleScores(tf.Module):
    """Scores by an order of rules: where one has nothing to say, the next does."""

    def __init__(self, rules: Mapping[str, Rule], table: ItemTable):
        """Takes counted rules by name, and the items: which are candidates, and what is boosted."""
        super().__init__()
        self._active = np.flatnonzero(table.active)
        columns = np.full(len(table), len(self._active))
        columns[self._active] = np.arange(len(self._active))
        self._columns = tf.constant(columns, tf.int32)
        self._boost = None if table.boost is None else self.of_candidates(table.boost)
        makers = {PerItem: _EqualForAll, PerContext: _ByContext, NextItems: _ByHistory}
        self.names = tuple(rules)
        self._rules = {name: makers[type(rule)](rule, self) for name, rule in rules.items()}

    def __call__(self, order: Iterable[str], history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Scores by the rules of an order: items scored by an earlier rule rank above those scored only by a later one.

        Each rule's best item has the score 1 before the rules are stacked, so a score only tells the order. A boosted
        item's score is multiplied within each rule; an item without a score in a rule stays without one.

        Args:
          order: names of rules, each once.
          history: [B, L] int32 rows of the item table, oldest first, right-padded with 0.
          context: raw context columns, each [B].

        Returns:
          [B, A] float32, from 0 to the number of rules; [1, A] where the rules are the same whoever asks.
        """
        below = tf.zeros([1, len(self._active)])
        for level, name in enumerate(reversed(tuple(order))):
            scores = self._rules[name](history, context)
            scores = scores if self._boost is None else scores * self._boost
            best = tf.maximum(
                tf.reduce_max(scores, axis=1, keepdims=True), 0.0
            )  # no candidate at all has the maximum -inf
            settled = (tf.math.divide_no_nan(scores, best) + TIE * below / max(level, 1)) / (1.0 + TIE)
            below = tf.where(scores > 0, level + settled, below)
        return below

    def of_candidates(self, scores: np.ndarray) -> tf.Tensor:
        """[..., N] to [..., A] float32."""
        return tf.constant(scores[..., self._active], tf.float32)

    def scatter(self, rows: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Returns the sum of weights [B, any] per candidate, by rows [B, any] of the item table: [B, A]."""
        columns = tf.gather(self._columns, rows)
        requests = tf.broadcast_to(tf.range(tf.shape(columns)[0])[:, None], tf.shape(columns))
        places = tf.reshape(tf.stack([requests, columns], axis=-1), [-1, 2])
        # The spare last column takes what is no candidate.
        return tf.scatter_nd(places, tf.reshape(weights, [-1]), [tf.shape(columns)[0], len(self._active) + 1])[:, :-1]


class _EqualForAll(tf.Module):
    def __init__(self, rule: PerItem, world: RuleScores):
        super().__init__()
        self._scores = world.of_candidates(rule.scores)[None]

    def __call__(self, history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return self._scores


class _ByContext(tf.Module):
    def __init__(self, rule: PerContext, world: RuleScores):
        super().__init__()
        self._names = rule.columns
        self._scores = world.of_candidates(rule.scores)
        keys = tf.constant(rule.keys.tolist(), tf.string, [len(rule.keys)])
        self._slices = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, tf.range(len(rule.keys))), len(rule.keys)
        )

    def __call__(self, history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        columns = [tf.reshape(context[name], [-1]) for name in self._names]
        texts = [column if column.dtype == tf.string else tf.strings.as_string(column) for column in columns]
        return tf.gather(self._scores, self._slices.lookup(tf.strings.join(texts, SEPARATOR.decode())))


class _ByHistory(tf.Module):
    def __init__(self, rule: NextItems, world: RuleScores):
        super().__init__()
        self._window, self._decay = rule.window, rule.decay
        self._neighbours, self._weights = tf.constant(rule.neighbours, tf.int32), tf.constant(rule.weights, tf.float32)
        self._scattered = world.scatter

    def __call__(self, history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Sum over the last W items, j-th last, of decay^j x weight(item, candidate): [B, A]."""
        batch = tf.shape(history)[0]
        count = tf.reduce_sum(tf.cast(history > 0, tf.int32), axis=1, keepdims=True)
        back = tf.range(self._window)[None, :]
        places = count - 1 - back
        last = tf.where(places >= 0, tf.gather(history, tf.maximum(places, 0), batch_dims=1), 0)
        decay = tf.pow(tf.constant(self._decay, tf.float32), tf.cast(back, tf.float32))
        weights = tf.gather(self._weights, last) * decay[..., None]
        return self._scattered(
            tf.reshape(tf.gather(self._neighbours, last), [batch, -1]), tf.reshape(weights, [batch, -1])
        )
