"""The contract of everything that serves: one set of signatures for the rules and for the model.

Letters: B requests, H history slots, E excluded slots, C candidates to rank, L items of history that are read, N rows
  of the item table, A active items (the candidates of retrieval), K answers, W answers where a request says how many.

serving_default   user_id [B], history [B, H], exclude_ids [B, E], <context> [B]  ->  item_ids [B, K], scores [B, K]
rank              user_id [B], history [B, H], item_ids [B, C], <context> [B]     ->  <objective> [B, C], value [B, C]
rank_examples     examples [B] (serialized tf.Example)                            ->  <objective> [B]
score_catalogue   user_id [B], history [B, H], <context> [B]                      ->  scores [B, A]
catalogue         nothing                                                         ->  item_ids [A], titles [A]

recommend_page    as serving_default, history_ages [B, H], <page>                 ->  item_ids [B, W], scores [B, W]
similar_items     item_ids [B, C], exclude_ids [B, E], <context> [B], <page>      ->  the same, answered_by [B]
list_items        rule [B], exclude_ids [B, E], <context> [B], <page>             ->  item_ids [B, W], scores [B, W]
choices           nothing                                                         ->  rules, and what each filter may hold

<page> is n [B] and offset [B] (`answer_page`), and an input for each catalogue column that requests may filter by
(`request_filters`): the filters hold before the ranking is cut, so that a page is full while there are items.

Ids are strings; histories are oldest first and padded with "". A context column is an input under its own name, or under
`input_name` of it where TensorFlow cannot take that. A SavedModel with these loads in plain TensorFlow, without this
code.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import tensorflow as tf

from components.declaration.request_names import input_name
from components.declaration.views import ServingView
from components.features.item_table import MISSING_INT, ItemTable
from components.registry import item_filter
from components.registry.answer_page import AnswerPages
from components.registry.graph_functions import concrete, share

HISTORY_FEATURE = "history"
RECOMMEND, SCORE_CATALOGUE = "serving_default", "score_catalogue"
# The same by the ages of the history, where a recommender weighs by them.
RECOMMEND_WITH_AGES, SCORE_WITH_AGES, HISTORY_AGES = "recommend_with_ages", "score_with_ages", "history_ages"
RECOMMEND_PAGE, SIMILAR, LIST, CHOICES = "recommend_page", "similar_items", "list_items", "choices"
ITEMS_SHAPE = (None, None)
# What stands for a missing value in a request or an example.
BLANK = {tf.string: "", tf.int64: MISSING_INT, tf.float32: float("nan")}


class Recommender(tf.Module):
    """Looks ids up, asks a subclass for scores, removes what must not be shown, answers the best."""

    def __init__(
        self,
        launch: ServingView,
        table: ItemTable,
        context: dict[str, tf.DType],
        lists: Mapping[str, np.ndarray] | None = None,
    ):
        """Makes the look-up tables.

        Args:
          launch: the declaration.
          table: the items; the active ones are the candidates.
          context: context column to dtype, as the requests carry them.
          lists: rules that order the candidates for everybody alike, by name: [A] int32, the rank of each, 0 the best.
            The first one answers where nothing is known of an item that others should be like.
        """
        super().__init__()
        active = np.flatnonzero(table.active)
        columns = np.full(len(table), len(active))
        columns[active] = np.arange(len(active))
        self._launch = launch
        self._context = context
        self._length = launch.model.history
        self._top_k = min(launch.model.top_k, len(active))
        self._active = tf.constant(active, tf.int32)
        self._columns = tf.constant(columns, tf.int32)
        self._candidate_ids = tf.constant(table.ids[active].tolist(), tf.string, [len(active)])
        self._candidate_titles = tf.constant(table.titles[active].tolist(), tf.string, [len(active)])
        self._rows = _rows_by_id(table)
        boost = _boost_of(table)
        self._boost = tf.constant(boost, tf.float32)
        self._filters = item_filter.build(launch.catalogue, table, context)
        self.pages = AnswerPages(table, launch.catalogue, context, lists, self._top_k)
        self.log_boost = tf.constant(np.log(boost[active]), tf.float32)  # [A]; what has the factor 0 is no candidate
        self.history_rows = share(self._last_known_rows, tf.TensorSpec(ITEMS_SHAPE, tf.string))
        self._shared_scores = share(self.scores, *self.request_specs)

    @property
    def request_specs(self) -> tuple[tf.TensorSpec, dict[str, tf.TensorSpec]]:
        """The history of a request as rows of the item table [B, L] int32, and its raw context columns, each [B]."""
        columns = {name: tf.TensorSpec([None], dtype) for name, dtype in self._context.items()}
        return tf.TensorSpec([None, self._length], tf.int32), columns

    def scores(self, history: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """Scores of all candidates; the subclass's part.

        Args:
          history: [B, L] int32 rows of the item table, oldest first, right-padded with 0.
          context: raw context columns, each [B].

        Returns:
          [B, A] float32, the declared boosts included: `log_boost` is for what scores by logarithms of weights.
        """
        raise NotImplementedError

    def aged_scores(self, history: tf.Tensor, history_ages: tf.Tensor, context: dict[str, tf.Tensor]) -> tf.Tensor:
        """Scores of all candidates for histories with ages; the same as without, unless a subclass reads them.

        Args:
          history: [B, H] string ids, as a request carries them.
          history_ages: [B, H] float32, seconds since each item of the history; negative or NaN where it is not known.
          context: raw context columns, each [B].
        """
        del history_ages
        return self._shared_scores(self.history_rows(history), context)

    def similar_scores(self, items: tf.Tensor, context: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores of all candidates by how much they are like some items, and who says so.

        Here as for a user who has done nothing but act on these; a subclass may know better.

        Args:
          items: [B, L] int32 rows of the item table, right-padded with 0.
          context: raw context columns, each [B].

        Returns:
          [B, A] float32 and [B] string, "" where none of the items is known: then a list answers.
        """
        return self._shared_scores(items, context), tf.where(items[:, 0] > 0, "model", "")

    def probabilities(
        self, history: tf.Tensor, items: tf.Tensor, context: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Probability of each objective for given items; the subclass's part.

        Args:
          history: as in `scores`.
          items: [B, C] int32 rows of the item table; 0 for an unknown item.
          context: raw context columns, each [B].

        Returns:
          Objective to [B, C] float32; empty where the declaration has no ranking objective.
        """
        raise NotImplementedError

    def recommend(
        self, user_id: tf.Tensor, history: tf.Tensor, exclude_ids: tf.Tensor, **context: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """`serving_default`. Where fewer than K items may be shown, the last answers are "" with a score of -inf."""
        del (
            user_id
        )  # part of the contract: what a server looks histories up by; the model itself reads the history only
        scores = self.apply_filters(self._shared_scores(self.history_rows(history), context), context)
        return self.answer(scores, history, exclude_ids)

    def apply_filters(self, scores: tf.Tensor, context: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns scores [B, A] with -inf where a declared filter hides a candidate from a request."""
        for one in self._filters:
            scores = tf.where(one(context), scores, -np.inf)
        return scores

    def answer(self, scores: tf.Tensor, history: tf.Tensor, exclude_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the K best items by scores [B, A] that are neither excluded nor, where these are not shown again, in the history."""
        best = tf.math.top_k(self._without(scores, self._hidden(history, exclude_ids)), self._top_k)
        shown = best.values > -np.inf
        return {"item_ids": tf.where(shown, tf.gather(self._candidate_ids, best.indices), ""), "scores": best.values}

    def _hidden(self, history: tf.Tensor, exclude_ids: tf.Tensor) -> tf.Tensor:
        """Returns the ids that a recommendation leaves out: [B, any]."""
        return tf.concat([exclude_ids, history], axis=1) if self._launch.exclude_seen else exclude_ids

    def recommend_page(
        self, user_id: tf.Tensor, history: tf.Tensor, history_ages: tf.Tensor, exclude_ids: tf.Tensor, **more: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """`recommend_page`: `serving_default`, as many as wanted, from a rank on, of the items that pass the request's filters."""
        del user_id
        return self._page(
            self.aged_scores(history, history_ages, self._declared(more)), self._hidden(history, exclude_ids), more
        )

    def similar_items(self, item_ids: tf.Tensor, exclude_ids: tf.Tensor, **more: tf.Tensor) -> dict[str, tf.Tensor]:
        """`similar_items`: items like these; `answered_by` is "model" or the rule whose order they have."""
        scores, answered_by = self.similar_scores(self.history_rows(item_ids), self._declared(more))
        scores, answered_by = self.pages.stand_in(scores, answered_by)
        return self._page(scores, tf.concat([item_ids, exclude_ids], axis=1), more) | {"answered_by": answered_by}

    def list_items(self, rule: tf.Tensor, exclude_ids: tf.Tensor, **more: tf.Tensor) -> dict[str, tf.Tensor]:
        """`list_items`: the items in the order of a rule; nothing for an unknown one. Scores are 0, -1, ...: they tell the order."""
        return self._page(self.pages.score_list(rule), exclude_ids, more)

    def _declared(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the declared context columns among some inputs."""
        return {name: inputs[name] for name in self._context}

    def _page(self, scores: tf.Tensor, hidden: tf.Tensor, more: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the page that the inputs `n` and `offset` name, after all filters; `more` also holds the context."""
        return self.pages.cut(self._candidate_ids, self._without(self.apply_filters(scores, more), hidden), more)

    def rank(
        self, user_id: tf.Tensor, history: tf.Tensor, item_ids: tf.Tensor, **context: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """`rank`. value = boost x sum over objectives of weight x probability; an unknown item is one of which nothing is known."""
        del user_id
        rows = self.item_rows(item_ids)
        answers = self.probabilities(self.history_rows(history), rows, context)
        weights = {objective.name: objective.weight for objective in self._launch.ranking_objectives}
        value = tf.add_n([weights[name] * answer for name, answer in answers.items()])
        return answers | {"value": tf.gather(self._boost, rows) * value}

    def score_catalogue(self, user_id: tf.Tensor, history: tf.Tensor, **context: tf.Tensor) -> dict[str, tf.Tensor]:
        """`score_catalogue`: what the evaluation ranks by; nothing is removed, what a filter hides has the score -inf."""
        del user_id
        return {"scores": self.apply_filters(self._shared_scores(self.history_rows(history), context), context)}

    def catalogue(self) -> dict[str, tf.Tensor]:
        """`catalogue`: the candidates in the order of the columns of `score_catalogue`."""
        return {"item_ids": tf.identity(self._candidate_ids), "titles": tf.identity(self._candidate_titles)}

    def rank_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """`rank_examples`: the same probabilities for serialized examples with one item and the history of its moment."""
        log = self._launch.log
        spec = {log.item: tf.io.FixedLenFeature([], tf.string, ""), HISTORY_FEATURE: tf.io.RaggedFeature(tf.string)}
        spec |= {name: tf.io.FixedLenFeature([], dtype, BLANK[dtype]) for name, dtype in self._context.items()}
        parsed = tf.io.parse_example(examples, spec)
        history = self.history_rows(parsed[HISTORY_FEATURE].to_tensor(""))
        context = {name: parsed[name] for name in self._context}
        answers = self.probabilities(history, self.item_rows(parsed[log.item])[:, None], context)
        # The Evaluator stops the run at a NaN. A head that answers NaN is found out by the evaluation of what
        # serves, which asks `rank`.
        return {name: tf.where(tf.math.is_nan(answer), 0.5, answer)[:, 0] for name, answer in answers.items()}

    def item_rows(self, ids: tf.Tensor) -> tf.Tensor:
        """Rows of the item table, of any shape, int32; 0 for unknown ids and padding."""
        return tf.cast(self._rows.lookup(ids), tf.int32)

    def _last_known_rows(self, history: tf.Tensor) -> tf.Tensor:
        """Ids [B, H] to the rows of the last L known items [B, L] int32, right-padded with 0; unknown items are left out."""
        rows = self.item_rows(history)
        return tf.ragged.boolean_mask(rows, rows > 0)[:, -self._length :].to_tensor(0, shape=[None, self._length])

    def _without(self, scores: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
        """Scores [B, A] with -inf at the ids in `hidden` [B, any]; ids that are no candidate fall into a spare column."""
        columns = tf.where(hidden == "", tf.size(self._active), tf.gather(self._columns, self.item_rows(hidden)))
        requests = tf.broadcast_to(tf.range(tf.shape(hidden)[0])[:, None], tf.shape(columns))
        spare = tf.pad(scores, [[0, 0], [0, 1]])
        places = tf.reshape(tf.stack([requests, columns], axis=-1), [-1, 2])
        return tf.tensor_scatter_nd_update(spare, places, tf.fill([tf.shape(places)[0]], -np.inf))[:, :-1]

    def signatures(self) -> dict[str, Callable]:
        """Returns the concrete functions to export, by signature name."""
        ids = {"user_id": (None,), "history": ITEMS_SHAPE}
        named = {RECOMMEND: self.trace(self.recommend, ids | {"exclude_ids": ITEMS_SHAPE})}
        named[SCORE_CATALOGUE] = self.trace(self.score_catalogue, ids)
        named["catalogue"] = concrete(self.catalogue)
        named |= self._page_signatures(ids | {"exclude_ids": ITEMS_SHAPE})
        if self._launch.has_ranking_head and type(self).probabilities is not Recommender.probabilities:
            named["rank"] = self.trace(self.rank, ids | {"item_ids": ITEMS_SHAPE})
            named["rank_examples"] = concrete(self.rank_examples, tf.TensorSpec([None], tf.string, "examples"))
        return named

    def _page_signatures(self, strings: dict[str, tuple]) -> dict[str, Callable]:
        """Returns the signatures whose answers are pages; that of lists where there are any."""
        page, excluded = self.pages.specs.values(), {"exclude_ids": ITEMS_SHAPE}
        named = {
            RECOMMEND_PAGE: self.trace(self.recommend_page, strings, {HISTORY_AGES: ITEMS_SHAPE}, page),
            SIMILAR: self.trace(self.similar_items, excluded | {"item_ids": ITEMS_SHAPE}, more=page),
            CHOICES: concrete(self.pages.choices),
        }
        if self.pages.lists:
            named[LIST] = self.trace(self.list_items, excluded | {"rule": (None,)}, more=page)
        return named

    def trace(
        self,
        function: Callable,
        strings: dict[str, tuple],
        numbers: dict[str, tuple] | None = None,
        more: Iterable[tf.TensorSpec] = (),
    ) -> Callable:
        """Returns the concrete function for inputs of strings and of float32 numbers of given shapes, the declared context [B], and more."""
        columns = {input_name(column): column for column in self._context}
        specs = {name: tf.TensorSpec(shape, tf.string, name) for name, shape in strings.items()}
        specs |= {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in (numbers or {}).items()}
        specs |= {name: tf.TensorSpec([None], self._context[column], name) for name, column in columns.items()}
        specs |= {spec.name: spec for spec in more}

        def call(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return function(**{columns.get(name, name): value for name, value in inputs.items()})

        return concrete(call, **specs)


def _rows_by_id(table: ItemTable) -> tf.lookup.StaticHashTable:
    """Returns the row of the item table of each id; 0 for an unknown one."""
    ids = tf.constant(table.ids.tolist(), tf.string)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(ids, tf.range(len(table), dtype=tf.int64)), 0)


def _boost_of(table: ItemTable) -> np.ndarray:
    return np.ones(len(table)) if table.boost is None else table.boost
