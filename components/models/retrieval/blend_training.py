"""Learns what each part of the score counts, on questions that the parts have not seen: for all, and by how long the user was away.

Letters: q questions, P parts, G ranges of the gap.

A user of a minute ago continues what they did; a user who comes back after a week wants new items. So the weights of each range
of the gap, the time since the last item of the history, are fitted anew with the weights for all as their prior. Questions with a long gap are
rare in a log: the validation's questions are repeated as if their users had been away.

The weights are those of the largest likelihood, of the plain parts: one curve of one reading of each table. A fit with more freedom (all
parts, by smooth NDCG; weights of a range) replaces them only where it generalises: where, fitted to half of the users, it ranks the other
half better (`blend_guard.cross_fit`).
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.metrics.validation_cut import Questions
from components.models.retrieval import approximate_ndcg, blend, blend_guard, shortlists
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.score_parts import EASE, STRONG, TOWERS, ScoreParts, is_plain
from components.models.retrieval.shortlists import Shortlists
from components.progress import Progress

# The starts of the ranges of the gap, in hours; and the absences that the questions simulate.
RANGES_HOURS = (0.0, 24.0, 168.0)
GAPS_HOURS = (24.0, 168.0)
MOST_OF_GAP = 800
LEAST_OF_RANGE = 100
LEAST_TO_ASCEND = 1000
# The standard errors by which a freer fit has to be better.
ASCENT_ERRORS, RANGE_ERRORS = 2.0, 1.0
POPULARITY = {"recent": 1e-3, "popular": 1e-5}  # what a rule is answered by where it has nothing to say
UNLEARNT = {TOWERS: 1.0, EASE: 0.15, "recent": 0.15}


class Blend(NamedTuple):
    """Weights of the parts.

    Attributes:
      names: of the parts.
      weights: [P] float64, for a request that does not say how old its history is.
      by_gap: [G, P] float64, for each range of the gap.
      gain: the score's mean of 1 / log2(1 + rank) on the questions.
      ndcg: its NDCG@10 there.
      alone: NDCG@10 of each part alone, ties broken by popularity.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    by_gap: np.ndarray
    gain: float
    ndcg: float
    alone: dict[str, float]

    def by_request(self, names: tuple[str, ...]) -> np.ndarray:
        """Returns the weights [1 + G, P] of the named parts, for a request without ages, then for each range of the gap.

        A part that was not there when they were learnt has 0.
        """
        every = dict(zip(self.names, np.concatenate([self.weights[None], self.by_gap]).T, strict=True))
        return np.stack([every.get(name, np.zeros(1 + len(self.by_gap))) for name in names], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the model's card."""
        weights = {name: round(float(weight), 4) for name, weight in zip(self.names, self.weights, strict=True)}
        return {
            "weights": weights,
            "ndcg": round(self.ndcg, 4),
            "alone": {name: round(value, 4) for name, value in self.alone.items()},
        }


def unlearnt(names: tuple[str, ...]) -> np.ndarray:
    """Returns the weights if there is nothing to learn them from: [1 + G, P], all rows alike."""
    return np.tile([UNLEARNT.get(name, 0.0) for name in names], (1 + len(RANGES_HOURS), 1))


def learn(
    seed: int, model: RetrievalModel, parts: ScoreParts, asked: list[Questions], context: dict[str, np.ndarray]
) -> Blend:
    """Learns the weights of some parts.

    Args:
      seed: of the samples of candidates.
      model: the towers.
      parts: of the score.
      asked: the questions as they came, then the same as if the users had been away.
      context: column to [n], the features of every event.
    """
    progress = Progress("weighing the parts", sum(map(len, asked)))
    lists = [_shorten(seed, model, parts, questions, context, progress) for questions in asked]
    start, by_name = np.eye(len(parts.names))[0], _alone(parts.names)
    alone = list(by_name.values())
    plain = np.array([is_plain(name) for name in parts.names])
    weights = _fit_all(lists[0], asked[0].user, start, plain, alone)
    every = shortlists.join(lists)
    hours, user = (np.concatenate([getattr(queries, name) for queries in asked]) for name in ("hours", "user"))
    place = np.searchsorted(RANGES_HOURS, hours, side="right") - 1
    ranges = [(every.of(place == number), user[place == number]) for number in range(len(RANGES_HOURS))]
    by_gap = np.stack([_fit_range(*questions, weights, plain, alone) for questions in ranges])
    ranks = lists[0].ranks(weights)
    values = {name: blend_guard.ndcg(lists[0].ranks(part_scores)) for name, part_scores in by_name.items()}
    return Blend(parts.names, weights, by_gap, blend_guard.gain(ranks), blend_guard.ndcg(ranks), values)


def _fit(lists: Shortlists, start: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Returns the weights [P] of largest likelihood, of which those that are not free [P] bool stay as they begin."""
    fixed = lists.parts @ np.where(free, 0, start).astype(np.float32)
    weights = start.astype(float)
    weights[free] = blend.fit(lists.parts[:, :, free], lists.target, lists.offset + fixed, start[free])
    return weights


def _fit_all(
    lists: Shortlists, user: np.ndarray, start: np.ndarray, plain: np.ndarray, alone: list[np.ndarray]
) -> np.ndarray:
    """Returns the weights [P] of largest likelihood of the plain parts [P] bool, or those of the best smooth NDCG of all; guarded."""

    def likely(some: Shortlists) -> np.ndarray:
        return _fit(some, start, plain)

    def ascend(some: Shortlists) -> np.ndarray:
        return approximate_ndcg.ascend(some, _fit(some, start, np.ones(len(start), bool)))

    if len(lists) >= LEAST_TO_ASCEND:
        top = blend_guard.top_discounts
        values, others = (blend_guard.cross_fit(lists, user, fit, top) for fit in (ascend, likely))
        if blend_guard.surpasses(values, others, ASCENT_ERRORS):
            return blend_guard.guard(lists, ascend(lists), alone)
    return blend_guard.guard(lists, likely(lists), alone)


def _fit_range(
    lists: Shortlists, user: np.ndarray, weights: np.ndarray, plain: np.ndarray, alone: list[np.ndarray]
) -> np.ndarray:
    """Returns the weights [P] of one range of the gap: those for all, those fitted from there on its questions, or its best part."""

    def own(some: Shortlists) -> np.ndarray:
        return _fit(some, weights, plain)

    def best_part(some: Shortlists) -> np.ndarray:
        return max(alone, key=lambda part: blend_guard.gain(some.ranks(part)))

    if len(lists) < LEAST_OF_RANGE:
        return weights
    values = {fit: blend_guard.cross_fit(lists, user, fit, blend_guard.discounts) for fit in (own, best_part)}
    best = max(values, key=lambda fit: values[fit].mean())
    differs = blend_guard.surpasses(values[best], blend_guard.discounts(lists.ranks(weights)), RANGE_ERRORS)
    return best(lists) if differs else weights


def _alone(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Returns the weights [P] of each part alone, ties broken by popularity, as a rule with its fallbacks answers.

    The two curves of a reading rank alike.
    """
    behind = np.array([POPULARITY.get(name, 0.0) for name in names])
    return {
        name: weights for name, weights in zip(names, np.eye(len(names)) + behind, strict=True) if STRONG not in name
    }


def _shorten(
    seed: int,
    model: RetrievalModel,
    parts: ScoreParts,
    asked: Questions,
    context: dict[str, np.ndarray],
    progress: Progress,
) -> Shortlists:
    """Returns the score parts of the candidates in the questions' shortlists."""
    items, lists = model.all_items(), []
    leading = [place for place, name in enumerate(parts.names) if STRONG not in name]
    for number, batch in enumerate(asked.batches(parts.candidates)):
        history = tf.constant(asked.history[batch])
        features = {name: tf.constant(column[asked.rows[batch]]) for name, column in context.items()}
        queries = model.last_query(tf.gather(items, history), history, features)
        lists.append(
            shortlists.shorten(parts(queries, history), asked.target[batch], asked.seen(batch), seed + number, leading)
        )
        progress.advance(len(asked.target[batch]))
    return shortlists.join(lists) if lists else shortlists.empty(len(parts.names))
