"""The trained model behind the serving contract: towers, ranking head, and the rules for users it knows nothing of."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from components.declaration.views import TrainerView
from components.features.item_table import ItemTable
from components.models.ranking.head_features import HeadFeatures
from components.models.ranking.ranking_head import RankingModel
from components.models.retrieval.blend_training import RANGES_HOURS
from components.models.retrieval.context import RequestContext
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.score_parts import ScoreParts
from components.registry.graph_functions import concrete, share
from components.registry.recommender import (
    HISTORY_AGES,
    ITEMS_SHAPE,
    RECOMMEND_WITH_AGES,
    SCORE_WITH_AGES,
    Recommender,
)
from components.rules.rule_scores import RuleScores

SECONDS_PER_HOUR = 3600.0


@dataclasses.dataclass(frozen=True)
class _Trained:
    """The Keras models, where TensorFlow's tracking does not look for them: saved whole they would take optimizers and item embeddings along."""

    retrieval: RetrievalModel
    ranking: RankingModel | None


class ModelRecommender(Recommender):
    """Adds `embed_query` (user_id, history, context -> [B, D]) and `embed_items` (item_ids [C] -> [C, D]) to the contract.

    `recommend_with_ages` and `score_with_ages` are `serving_default` and `score_catalogue` with one more input,
    `history_ages` [B, H] float32: the seconds since each item of the history. A user who comes back after a week is
    answered by other weights than one who is still here.
    """

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
        features: HeadFeatures | None = None,
        lists: Mapping[str, np.ndarray] | None = None,
    ):
        """Takes what was trained.

        Args:
          launch: the declaration.
          table: the items.
          context: of a request.
          retrieval: the towers.
          ranking: the ranking head, if the log has labels for one.
          parts: of the score.
          weights: [1 + G, P], what each part counts for a request without ages, then for each range of the gap.
          fallback: scores the candidates for a request without a known history, by the declared order of rules.
          features: the declared columns that the ranking head reads; None for none.
          lists: see `Recommender`.
        """
        super().__init__(launch, table, context.dtypes, lists)
        self._request = context
        self._trained = _Trained(retrieval, ranking)
        self._fallback = fallback
        self._features = features
        self._item_vectors = tf.Variable(retrieval.all_items(), trainable=False)
        self.parts = parts
        self._part_weights, self._general_weights = tf.constant(weights, tf.float32), weights[0]
        self._build()
        self._share()
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
        self._embed(history, nothing)
        self._rate(history, history, nothing)

    def _share(self) -> None:
        """Makes graphs that the signatures share of what they have in common."""
        history, context = self.request_specs
        self.parts.share(history)
        weights = tf.TensorSpec([None, len(self.parts.names)], tf.float32)
        self._queries = share(self._embed, history, context)
        self._scores = share(self._score, history, context, weights)
        self._rates = share(self._rate, history, tf.TensorSpec(ITEMS_SHAPE, tf.int32), context)

    def _embed(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        return self._trained.retrieval.last_query(
            tf.gather(self._item_vectors, history), history, self._request(context)
        )

    def _vectors(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(tf.gather(self._item_vectors, rows), axis=-1)

    @property
    def ranking(self) -> RankingModel | None:
        """The ranking head, if there is one."""
        return self._trained.ranking

    def item_vectors(self) -> np.ndarray:
        """Returns the vectors of `embed_items` for every row of the item table: [N, D] float32, zero in row 0."""
        return tf.math.l2_normalize(self._item_vectors, axis=-1).numpy()

    def scores(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns the weighted parts of the score (`score_parts`) plus the declared boosts, exact; the rules' scores where the history is empty."""
        return self._scores(history, context, tf.repeat(self._part_weights[:1], tf.shape(history)[0], axis=0))

    def weighted_scores(self, history: tf.Tensor, context: dict[str, tf.Tensor], weights: np.ndarray) -> tf.Tensor:
        """Returns the same by other weights [P] of the parts."""
        return self._scores(
            history, context, tf.tile(tf.constant(weights, tf.float32)[None], [tf.shape(history)[0], 1])
        )

    def _score(self, history: tf.Tensor, context: dict[str, tf.Tensor], weights: tf.Tensor) -> tf.Tensor:
        """Returns the same by the weights [B, P] of each request."""
        score = self.parts.score(self._queries(history, context), history, weights) + self.log_boost
        if not self.parts.candidates:
            return score
        # The rules pass over all candidates several times: for those requests only that need them.
        empty = tf.where(history[:, 0] == 0)
        request = {name: tf.gather_nd(column, empty) for name, column in context.items()}
        rules = self._fallback(self._fallback.names, tf.gather_nd(history, empty), request)
        return tf.tensor_scatter_nd_update(
            score, empty, tf.broadcast_to(rules, [tf.shape(empty)[0], tf.shape(score)[1]])
        )

    def similar_scores(self, items: tf.Tensor, context: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Recommender.similar_scores`; an item without a vector is one of which neither an event nor a feature is known.

        All parts of the score count: without popularity and recency fewer held-out pairs are found (docs/serving.md).
        """
        has_vector = tf.reduce_any(tf.gather(self._item_vectors, items) != 0, axis=[1, 2])
        return self.scores(items, context), tf.where(has_vector, "model", "")

    def _weights_of(self, history: tf.Tensor, history_ages: tf.Tensor) -> tf.Tensor:
        """Returns the weights of each request, [B, P]; those for all where no age is known.

        Args:
          history: [B, H] string.
          history_ages: [B, H] float32, seconds since each item of the history; negative or NaN where it is not known.
        """
        has_age = (history != "") & (history_ages >= 0)
        hours = tf.reduce_min(tf.where(has_age, history_ages, np.inf), axis=1) / SECONDS_PER_HOUR
        place = tf.searchsorted(tf.constant(RANGES_HOURS, tf.float32), hours, side="right")
        return tf.gather(self._part_weights, tf.where(tf.math.is_finite(hours), place, 0))

    def recommend_with_ages(
        self,
        user_id: tf.Tensor,
        history: tf.Tensor,
        exclude_ids: tf.Tensor,
        history_ages: tf.Tensor,
        **context: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """`recommend_with_ages`: `serving_default` by the weights for how long the user was away."""
        del user_id
        return self.answer(self._aged(history, history_ages, context), history, exclude_ids)

    def score_with_ages(
        self, user_id: tf.Tensor, history: tf.Tensor, history_ages: tf.Tensor, **context: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """`score_with_ages`: `score_catalogue` by the weights for how long the user was away."""
        del user_id
        return {"scores": self._aged(history, history_ages, context)}

    def aged_scores(self, history: tf.Tensor, history_ages: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """See `Recommender.aged_scores`: the weights of the parts depend on how long the user was away."""
        return self._scores(self.history_rows(history), context, self._weights_of(history, history_ages))

    def _aged(self, history: tf.Tensor, history_ages: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns the scores [B, A] of histories with ages, after the declared filters."""
        return self.apply_filters(self.aged_scores(history, history_ages, context), context)

    def probabilities(
        self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See `Recommender.probabilities`; calibrated at the mean position of the training log."""
        return self._rates(history, items, context)

    def _rate(self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ranking = self._trained.ranking
        if ranking is None:
            return {}
        queries = self._embed(history, context)
        count, size = tf.shape(items)[1], queries.shape[-1]
        query = tf.reshape(tf.repeat(queries, count, axis=0), [-1, size])
        score = self.parts.score_items(queries, history, items, self._general_weights)
        pairs = {"query": query, "item": self._vectors(tf.reshape(items, [-1])), "score": tf.reshape(score, [-1])}
        if self._features is not None:
            request = {name: tf.repeat(column, count) for name, column in self._request(context).items()}
            pairs["features"] = self._features(tf.reshape(items, [-1]), request)
        logits = ranking(pairs)
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
        """Returns the contract's signatures and the two embeddings."""
        named = super().signatures()
        ids, ages = {"user_id": (None,), "history": ITEMS_SHAPE}, {HISTORY_AGES: ITEMS_SHAPE}
        named[RECOMMEND_WITH_AGES] = self.trace(self.recommend_with_ages, ids | {"exclude_ids": ITEMS_SHAPE}, ages)
        named[SCORE_WITH_AGES] = self.trace(self.score_with_ages, ids, ages)
        named["embed_query"] = self.trace(self.embed_query, {"user_id": (None,), "history": (None, None)})
        named["embed_items"] = concrete(self.embed_items, tf.TensorSpec([None], tf.string, "item_ids"))
        return named
