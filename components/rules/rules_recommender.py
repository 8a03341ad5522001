"""The rules behind the serving contract: day one's product, the bar, and nothing that was trained.

Letters as in `components.registry.recommender`.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from components.declaration.rule_names import short_name
from components.declaration.views import ServingView
from components.features.item_table import ItemTable
from components.registry.graph_functions import share
from components.registry.recommender import Recommender
from components.rules.attribute_scores import AttributeScores
from components.rules.rule_forms import TIE, NextItems, Rule
from components.rules.rule_scores import RuleScores

RULE_SIGNATURE, ATTRIBUTES = "score_rule_", "attributes"


class RulesRecommender(Recommender):
    """Serves one rule, and exports the scores of each (`score_rule_<name>`), so that the evaluation can judge them all."""

    def __init__(
        self,
        launch: ServingView,
        table: ItemTable,
        context: dict[str, tf.DType],
        rules: Mapping[str, Rule],
        rates: dict[str, np.ndarray],
        served: str,
        lists: Mapping[str, np.ndarray] | None = None,
    ):
        """Takes the counts.

        Args:
          launch: the declaration.
          table: the items.
          context: context column to dtype.
          rules: the counted rules and fallbacks, by the names they are called.
          rates: objective to [N] float32, how often an item fulfils it.
          served: the rule that answers `serving_default`.
          lists: see `Recommender`.
        """
        super().__init__(launch, table, context, lists)
        self.served = served
        self._fallbacks = tuple(map(short_name, launch.rules.fallback_order))
        self._rule_scores = RuleScores(rules, table)
        self._by_items = tuple(name for name, rule in rules.items() if isinstance(rule, NextItems))
        self._attributes = AttributeScores(table)
        self._by_rule = {name: share(functools.partial(self._score, name), *self.request_specs) for name in rules}
        self._rates = {name: tf.constant(rate, tf.float32) for name, rate in rates.items()}

    def scores(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """See `Recommender.scores`."""
        return self.rule_scores(self.served, history, context)

    def rule_scores(self, rule: str, history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Scores by one rule, and by the fallbacks where it has nothing to say, for histories [B, L] of rows: [B, A] float32."""
        return self._by_rule[rule](history, context)

    def _score(self, rule: str, history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        scores = self._rule_scores(dict.fromkeys((rule, *self._fallbacks)), history, context)
        return tf.broadcast_to(scores, [tf.shape(history)[0], tf.size(self._active)])

    def similar_scores(self, items: tf.Tensor, context: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Recommender.similar_scores`: by the rules that say what goes with an item, then by attributes, then by the first list.

        The first of these that says something of the items answers, and orders what it knows above all that follow.
        """
        # Each level has scores from 0 to 1, 0 for what it says nothing of.
        levels = [(name, self._rule_scores((name,), items, context)) for name in self._by_items]
        levels.append((ATTRIBUTES, self._scale_by_boost(self._attributes(items))))
        total, answered_by = self._list_scores(items), tf.fill([tf.shape(items)[0]], "")
        for height, (name, scores) in enumerate(reversed(levels), 1):
            best = tf.reduce_max(scores, axis=1, keepdims=True)
            # Of two items that a level scores alike, those below it decide.
            settled = (tf.math.divide_no_nan(scores, best) + TIE * total / height) / (1.0 + TIE)
            total = tf.where(scores > 0, height + settled, total)
            answered_by = tf.where(best[:, 0] > 0, name, answered_by)
        return total, answered_by

    def _scale_by_boost(self, scores: tf.Tensor) -> tf.Tensor:
        return scores * tf.exp(self.log_boost)

    def _list_scores(self, items: tf.Tensor) -> tf.Tensor:
        """Returns the candidates in the order of the first list as scores in (0, 1]: [B, A]; zeros where there is none."""
        shape = [tf.shape(items)[0], tf.size(self._active)]
        if not self.pages.lists:
            return tf.zeros(shape)
        ranks = tf.cast(self.pages.list_ranks[0], tf.float32)
        return tf.broadcast_to(1 - ranks / tf.cast(tf.size(self._active), tf.float32), shape)

    def probabilities(
        self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the counted rates of the items, the same for every user."""
        return {name: tf.gather(rate, items) for name, rate in self._rates.items()}

    def signatures(self) -> dict[str, Callable]:
        """Returns the contract's signatures and one for each declared rule."""
        named = super().signatures()
        for rule in map(short_name, self._launch.rules.names):
            named[RULE_SIGNATURE + rule] = self.trace(self._scorer(rule), {"user_id": (None,), "history": (None, None)})
        return named

    def _scorer(self, rule: str) -> Callable:
        def score(user_id: tf.Tensor, history: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
            del user_id
            return {"scores": self.apply_filters(self.rule_scores(rule, self.history_rows(history), context), context)}

        return score
