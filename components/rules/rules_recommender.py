"""The rules behind the serving contract: day one's product, the bar, and nothing that was trained.

Letters as in `components.registry.recommender`.
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from components.declaration.rule_names import short_name
from components.declaration.views import ServingView
from components.features.item_table import ItemTable
from components.registry.recommender import Recommender
from components.rules.rule_forms import Rule
from components.rules.rule_scores import RuleScores

RULE_SIGNATURE = "score_rule_"


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
    ):
        """Takes the counts.

        Args:
          launch: the declaration.
          table: the items.
          context: context column to dtype.
          rules: the counted rules and fallbacks, by the names they are called.
          rates: objective to [N] float32, how often an item fulfils it.
          served: the rule that answers `serving_default`.
        """
        super().__init__(launch, table, context)
        self.served = served
        self._fallbacks = tuple(map(short_name, launch.rules.fallback_order))
        self._rule_scores = RuleScores(rules, table)
        self._rates = {name: tf.constant(rate, tf.float32) for name, rate in rates.items()}

    def scores(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """See `Recommender.scores`."""
        return self.rule_scores(self.served, history, context)

    def rule_scores(self, rule: str, history: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Scores by one rule, and by the fallbacks where it has nothing to say, for histories [B, L] of rows: [B, A] float32."""
        scores = self._rule_scores(dict.fromkeys((rule, *self._fallbacks)), history, context)
        return tf.broadcast_to(scores, [tf.shape(history)[0], tf.size(self._active)])

    def probabilities(
        self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the counted rates of the items, the same for every user."""
        return {name: tf.gather(rate, items) for name, rate in self._rates.items()}

    def signatures(self) -> dict[str, Callable]:
        """Returns the contract's signatures and one for each declared rule."""
        named = super().signatures()
        for rule in map(short_name, self._launch.rules.names):
            named[RULE_SIGNATURE + rule] = self.traced(
                self._scorer(rule), {"user_id": (None,), "history": (None, None)}
            )
        return named

    def _scorer(self, rule: str) -> Callable:
        def score(user_id: tf.Tensor, history: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
            del user_id
            return {"scores": self.allowed(self.rule_scores(rule, self.history_rows(history), context), context)}

        return score
