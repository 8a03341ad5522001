"""The rules behind the serving contract: day one's product, the bar, and nothing that was trained.

Letters as in `components.models.recommender`; M neighbours per item, W the declared co-visitation window.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from components.declaration import Launch
from components.features.item_table import ItemTable
from components.models.recommender import Recommender
from components.rules.counting import RuleCounts

RULE_SIGNATURE = "score_rule_"
FALLBACK_WEIGHT = 1e-3


class RulesRecommender(Recommender):
    """Serves one rule, and exports the scores of each (`score_rule_<name>`), so that the evaluation can judge them all."""

    def __init__(self, launch: Launch, table: ItemTable, context: dict[str, tf.DType], counts: RuleCounts, rates: dict[str, np.ndarray], served: str):
        """Takes the counts.

        Args:
          launch: the declaration.
          table: the items.
          context: context column to dtype.
          counts: of all rules.
          rates: objective to [N] float32, how often an item fulfils it.
          served: the rule that answers `serving_default`.
        """
        super().__init__(launch, table, context)
        self.served = served
        self._window, self._decay = launch.rules.covisitation_window, launch.rules.covisitation_decay
        self._popularity = {
            "popularity": self._of_candidates(counts.popularity),
            "recent_popularity": self._of_candidates(counts.recent_popularity),
        }
        fallback = self._of_candidates(counts.fallback(launch))
        self._fallback = fallback / tf.maximum(tf.reduce_max(tf.abs(fallback)), 1e-6)
        self._neighbours = tf.constant(counts.neighbours)
        self._weights = tf.constant(counts.weights)
        self._rates = {name: tf.constant(rate, tf.float32) for name, rate in rates.items()}

    def _of_candidates(self, counts: np.ndarray) -> tf.Tensor:
        return tf.gather(tf.constant(counts, tf.float32), self._active)

    def scores(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """See `Recommender.scores`."""
        return self.rule_scores(self.served, history)

    def rule_scores(self, rule: str, history: tf.Tensor) -> tf.Tensor:
        """Scores by one rule for histories [B, L] of rows: [B, A] float32."""
        if rule == "covisitation":
            return self._covisitation(history)
        return tf.broadcast_to(self._popularity[rule], [tf.shape(history)[0], tf.size(self._active)])

    def _covisitation(self, history: tf.Tensor) -> tf.Tensor:
        """sum over the last W items, j-th last, of decay^j x weight(item, candidate); popularity settles ties and empty histories."""
        count = tf.reduce_sum(tf.cast(history > 0, tf.int32), axis=1, keepdims=True)
        back = tf.range(self._window)[None, :]
        places = count - 1 - back
        last = tf.where(places >= 0, tf.gather(history, tf.maximum(places, 0), batch_dims=1), 0)
        decay = tf.pow(tf.constant(self._decay, tf.float32), tf.cast(back, tf.float32))
        weights = tf.gather(self._weights, last) * decay[..., None]
        columns = tf.gather(self._columns, tf.gather(self._neighbours, last))
        requests = tf.broadcast_to(tf.range(tf.shape(history)[0])[:, None, None], tf.shape(columns))
        places = tf.reshape(tf.stack([requests, columns], axis=-1), [-1, 2])
        width = tf.size(self._active) + 1  # the spare last column takes the neighbours that are no candidates
        visited = tf.scatter_nd(places, tf.reshape(weights, [-1]), [tf.shape(history)[0], width])[:, :-1]
        return visited + FALLBACK_WEIGHT * self._fallback

    def probabilities(self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The counted rates of the items, whoever asks."""
        return {name: tf.gather(rate, items) for name, rate in self._rates.items()}

    def signatures(self) -> dict[str, Callable]:
        """The contract's signatures and one for each declared rule."""
        named = super().signatures()
        for rule in self._launch.rules.names:
            named[RULE_SIGNATURE + rule] = self._traced(self._scorer(rule), {"user_id": (None,), "history": (None, None)})
        return named

    def _scorer(self, rule: str) -> Callable:
        def score(user_id: tf.Tensor, history: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
            del user_id, context
            return {"scores": self.rule_scores(rule, self.history_rows(history))}

        return score
