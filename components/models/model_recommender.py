"""The trained model behind the serving contract: towers, ranking head, and the rules for users it knows nothing of."""

import dataclasses

import numpy as np
import tensorflow as tf

from components.declaration.views import TrainerView
from components.features.item_table import ItemTable
from components.models.ranking.ranking_head import RankingModel
from components.models.retrieval.context import RequestContext
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.score_parts import ScoreParts
from components.registry.recommender import Recommender, concrete
from components.rules.rule_scores import RuleScores


@dataclasses.dataclass(frozen=True)
class _Trained:
    """The Keras models, where TensorFlow's tracking does not look for them: saved whole they would take optimizers and item embeddings along."""

    retrieval: RetrievalModel
    ranking: RankingModel | None


class ModelRecommender(Recommender):
    """Adds `embed_query` (user_id, history, context -> [B, D]) and `embed_items` (item_ids [C] -> [C, D]) to the contract."""

    def __init__(
        self,
        launch: TrainerView,
        table: ItemTable,
        context: RequestContext,
        retrieval: RetrievalModel,
        ranking: RankingModel | None,
        parts: ScoreParts,
        weights: np.ndarray,
        fallback: RuleScores,
    ):
        """Takes what was trained.

        Args:
          launch: the declaration.
          table: the items.
          context: of a request.
          retrieval: the towers.
          ranking: the ranking head, if the log has what one learns from.
          parts: of the score.
          weights: [P], what each part counts.
          fallback: scores the candidates for a request without a known history, by the declared order of rules.
        """
        super().__init__(launch, table, context.dtypes)
        self._request = context
        self._trained = _Trained(retrieval, ranking)
        self._fallback = fallback
        self._item_vectors = tf.constant(retrieval.all_items())
        self._parts = parts
        self._part_weights = tf.unstack(tf.constant(weights, tf.float32))
        self._build()
        self._weights = [
            *retrieval.query.variables,
            *retrieval.context.variables,
            *(ranking.variables if ranking else ()),
        ]

    def _build(self) -> None:
        """Makes the weights of layers that had nothing to be trained on."""
        nothing = {
            name: tf.zeros([1], dtype) if dtype != tf.string else tf.constant([""])
            for name, dtype in self._context.items()
        }
        history = tf.zeros([1, self._length], tf.int32)
        self._queries(history, nothing)
        self.probabilities(history, history, nothing)

    def _queries(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        return self._trained.retrieval.last_query(
            tf.gather(self._item_vectors, history), history, self._request(context)
        )

    def _vectors(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(tf.gather(self._item_vectors, rows), axis=-1)

    def item_vectors(self) -> np.ndarray:
        """What `embed_items` answers, for every row of the item table: [N, D] float32, zero in row 0."""
        return tf.math.l2_normalize(self._item_vectors, axis=-1).numpy()

    def scores(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """The weighted parts of the score (`score_parts`) and the declared boosts, exact; the rules' scores where the history is empty."""
        parts = self._parts(self._queries(history, context), history)
        score = sum(weight * part for weight, part in zip(self._part_weights, parts, strict=True))
        rules = self._fallback(self._fallback.names, history, context)
        return tf.where(history[:, :1] > 0, score + self.log_boost, rules)

    def probabilities(
        self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See `Recommender.probabilities`; calibrated at the mean position of the training log."""
        ranking = self._trained.ranking
        if ranking is None:
            return {}
        queries = self._queries(history, context)
        count, size = tf.shape(items)[1], queries.shape[-1]
        query = tf.reshape(tf.repeat(queries, count, axis=0), [-1, size])
        logits = ranking({"query": query, "item": self._vectors(tf.reshape(items, [-1]))})
        answers = tf.unstack(tf.sigmoid(logits), axis=-1)
        return {
            name: tf.reshape(answer, tf.shape(items)) for name, answer in zip(ranking.objectives, answers, strict=True)
        }

    def embed_query(self, user_id: tf.Tensor, history: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
        """`embed_query`: [B, D] float32 of length 1; only meaningful where the history holds a known item."""
        del user_id
        return {"embedding": self._queries(self.history_rows(history), context)}

    def embed_items(self, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """`embed_items`: item_ids [C] to [C, D] float32 of length 1; zero for unknown items."""
        return {"embedding": self._vectors(self.item_rows(item_ids))}

    def signatures(self) -> dict:
        """The contract's signatures and the two embeddings."""
        named = super().signatures()
        named["embed_query"] = self._traced(self.embed_query, {"user_id": (None,), "history": (None, None)})
        named["embed_items"] = concrete(self.embed_items, tf.TensorSpec([None], tf.string, "item_ids"))
        return named
