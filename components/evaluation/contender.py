"""A saved recommender that is judged: through its exported signatures only, so that what is judged is what would serve."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from components.declaration.request_names import input_name
from components.errors import first_line
from components.metrics.queries import Known, Queries
from components.registry import export
from components.registry.recommender import (
    HISTORY_AGES,
    RECOMMEND,
    RECOMMEND_WITH_AGES,
    SCORE_CATALOGUE,
    SCORE_WITH_AGES,
)

RANK, RANKED = "rank", 256


@dataclasses.dataclass(frozen=True)
class Contender:
    """A loaded SavedModel and the signature that scores its candidates.

    Attributes:
      model: the loaded SavedModel; kept, as its functions live only as long as it does.
      candidates: [A] object, item ids in the order of the scores' columns.
      titles: [A] object.
      kind: "model" or "rules".
      rule: the rule that serves; "" for a model.
      signature: the one that scores: where the model has one, by the ages of the history, as our server asks it.
      card: what its makers say of it.
    """

    model: Any
    candidates: np.ndarray
    titles: np.ndarray
    kind: str
    rule: str
    signature: str = SCORE_CATALOGUE
    card: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def by(self, signature: str) -> "Contender":
        """Returns the same contender with another scoring signature."""
        return dataclasses.replace(self, signature=signature)

    def score(self, known: Known) -> np.ndarray:
        """Returns the scores of all candidates for a batch of queries: [batch, A] float32, read-only (TensorFlow's memory).

        Raises:
          ValueError: if the signature needs inputs that the queries do not hold, or fails.
        """
        return np.asarray(self._call(self.signature, known)["scores"])

    def recommend(self, queries: Queries, row: int) -> tuple[list[bytes], np.ndarray]:
        """Recommends items for one query, without those that the user had seen: item ids and scores."""
        seen_items = queries.seen_item[queries.seen_query == row]
        hidden = tf.constant(seen_items.tolist(), tf.string, [1, len(seen_items)])
        signature = RECOMMEND_WITH_AGES if self.signature == SCORE_WITH_AGES else RECOMMEND
        answer = self._call(signature, queries.known(slice(row, row + 1)), exclude_ids=hidden)
        return answer["item_ids"].numpy()[0].tolist(), answer["scores"].numpy()[0]

    def rank(self, known: Known, items: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the probability of each objective for one item per query: [batch] float32 each.

        Args:
          known: [batch] queries.
          items: [batch] object, ids as bytes.

        Raises:
          ValueError: if there is no ranking head, or it cannot be asked.
        """
        if RANK not in self.model.signatures:
            raise ValueError(f"it has no signature {RANK}")
        answers = self._call(RANK, known, item_ids=tf.constant(items[:, None].tolist(), tf.string))
        return {name: answer.numpy()[:, 0] for name, answer in answers.items() if name != "value"}

    def check_ranking(self, queries: Queries) -> None:
        """Asks `rank`, where there is one, what some of the items that were taken are worth.

        Raises:
          ValueError: if it fails, or answers anything but numbers.
        """
        batch = slice(0, RANKED)
        if RANK not in self.model.signatures or not len(queries):
            return
        items = tf.constant(queries.target[batch][:, None].tolist(), tf.string)
        for name, answer in self._call(RANK, queries.known(batch), item_ids=items).items():
            if not np.isfinite(answer.numpy()).all():
                raise ValueError(f"its signature {RANK} answers no number for {name}: the ranking head is broken")

    def _call(self, signature: str, known: Known, **more: tf.Tensor) -> dict[str, tf.Tensor]:
        function = self.model.signatures[signature]
        signature_inputs = function.structured_input_signature[1]
        # Nobody: the id is in the contract for servers, which look histories up by it, and is no feature.
        columns = {"user_id": np.full(len(known.history), b"", object), "history": known.history}
        columns |= {input_name(name): column for name, column in known.context.items()}
        ages = np.full(known.history.shape, -1.0) if known.ages is None else known.ages
        columns |= {HISTORY_AGES: ages} if HISTORY_AGES in signature_inputs else {}
        lacking = set(signature_inputs) - set(columns) - set(more)
        if lacking:
            raise ValueError(
                f"its signature {signature} asks for {', '.join(sorted(lacking))}, which the declared log does not give"
            )
        try:
            inputs = {
                name: tf.constant(value, signature_inputs[name].dtype)
                for name, value in columns.items()
                if name in signature_inputs
            }
            return function(**inputs, **more)
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise ValueError(f"its signature {signature} fails: {first_line(error)}") from error


def load(folder: str) -> Contender:
    """Loads a saved recommender.

    Raises:
      ValueError: if the folder holds no SavedModel that keeps the contract; the text says what is missing.
    """
    try:
        model, card = tf.saved_model.load(folder), export.card(folder)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ValueError(f"{folder} does not load as a SavedModel: {first_line(error)}") from error
    missing = {SCORE_CATALOGUE, "catalogue", RECOMMEND} - set(model.signatures)
    if missing:
        raise ValueError(f"{folder} lacks the signatures {', '.join(sorted(missing))}")
    listed = model.signatures["catalogue"]()
    ids, titles = (listed[name].numpy() for name in ("item_ids", "titles"))
    scoring = SCORE_WITH_AGES if {SCORE_WITH_AGES, RECOMMEND_WITH_AGES} <= set(model.signatures) else SCORE_CATALOGUE
    return Contender(model, ids, titles, card.get("kind", "model"), card.get("rule", ""), scoring, card)
