"""Trains the towers, by the next item at every position of every history, and learns what the parts of the score count."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.features import histories
from components.features.id_codes import codes
from components.features.training_data import TrainingData
from components.metrics import validation_cut
from components.metrics.validation_cut import Questions
from components.models.retrieval import blend, fitting, neighbours, warm_start
from components.models.retrieval.context import ContextEmbedding, RequestContext
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.score_parts import PARTS, START, NeighbourScores, ScoreParts
from components.models.retrieval.warm_start import Saved

LEAST_QUESTIONS = 50
MICROSECONDS_PER_DAY = 86_400_000_000


class Choice(NamedTuple):
    """What is chosen on the last tenth of the training time.

    Attributes:
      epochs: how long the towers are trained.
      weights: [P], what each part of the score counts.
      gain: the score's mean of 1 / log2(1 + rank) there; 0 where there was too little to ask.
      tried: how many epochs it took to choose.
      warm: whether this is the choice for towers that start from given weights.
      cut: the moment, in microseconds, before which lies what these towers know.
      towers: those that it was chosen with, trained on what was before; None where there was too little to ask.
    """

    epochs: int
    weights: np.ndarray
    gain: float
    tried: int = 0
    warm: bool = False
    cut: int = 0
    towers: RetrievalModel | None = None

    @property
    def passes(self) -> float:
        """How often the events are read in all: to choose, those before the cut, and to train."""
        return self.tried * (1 - validation_cut.SHARE) + self.epochs

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the model's card."""
        weights = {name: round(float(weight), 4) for name, weight in zip(PARTS, self.weights, strict=True)}
        return {"epochs": self.epochs, "weights": weights, "gain": round(self.gain, 4)}


class Towers(NamedTuple):
    """Trained towers, the number of epochs whose weights they have, and of those that were tried."""

    model: RetrievalModel
    epochs: int
    tried: int


def choose(
    data: TrainingData, request: RequestContext, context: dict[str, np.ndarray], saved: Saved | None = None
) -> Choice:
    """Trains on the events before the cut and looks at those after it: the best epoch, then the weights of the parts.

    Args:
      data: the training split.
      request: of the declared context.
      context: column to [n], its features of every event.
      saved: the weights to start from. The cut is then not before the last event that they know; with too few events
        after it nothing can be chosen for such a start, and this is the choice for random weights.
    """
    moment = (
        validation_cut.cut(data) if saved is None else max(validation_cut.cut(data), warm_start.last_event(saved) + 1)
    )
    asked, early = validation_cut.questions(data, moment), data.events.time < moment
    if len(asked) < LEAST_QUESTIONS and saved is not None:
        return choose(data, request, context)
    if len(asked) < LEAST_QUESTIONS:
        return Choice(data.launch.model.epochs, START, 0.0)
    past, known = validation_cut.before(data, moment), {name: column[early] for name, column in context.items()}
    contexts = {name: column[asked.rows] for name, column in context.items()}
    candidates = int(data.items.active.sum())

    def watched(model: RetrievalModel) -> float:
        items, vectors = model.all_items(), tf.boolean_mask(model.vectors(), data.items.active)

        def score(batch: slice) -> np.ndarray:
            queries = model.last_query(
                tf.gather(items, asked.history[batch]), tf.constant(asked.history[batch]), _rows(contexts, batch)
            )
            return tf.matmul(queries, vectors, transpose_b=True).numpy()

        return asked.gain(score, candidates)

    towers = train(past, request, known, "choosing", watch=watched, saved=saved)
    parts = _answered(asked, towers.model, score_parts(past, towers.model), contexts, candidates)
    weights = blend.fit(parts, np.full(len(asked), parts.shape[1] - 1), asked.offset, START)
    every = dataclasses.replace(
        asked, sample=np.arange(parts.shape[1] - 1), target=np.full(len(asked), parts.shape[1] - 1)
    )
    gain = every.gain(lambda batch: parts[batch] @ weights.astype(np.float32), parts.shape[1])
    return Choice(towers.epochs, weights, gain, towers.tried, saved is not None, moment, towers.model)


def _rows(columns: dict[str, np.ndarray], rows: slice | np.ndarray) -> dict[str, tf.Tensor]:
    return {name: tf.constant(column[rows]) for name, column in columns.items()}


def _answered(
    asked: Questions, model: RetrievalModel, parts: ScoreParts, contexts: dict[str, np.ndarray], candidates: int
) -> np.ndarray:
    """The parts of the scores that the questions look at: [q, S, P] float32."""
    items, answers = model.all_items(), []
    for batch in asked.batches(candidates):
        history = tf.constant(asked.history[batch])
        queries = model.last_query(tf.gather(items, history), history, _rows(contexts, batch))
        answers.append(np.stack([asked.chosen(part.numpy(), batch) for part in parts(queries, history)], axis=-1))
    return np.concatenate(answers)


def train(
    data: TrainingData,
    request: RequestContext,
    context: dict[str, np.ndarray],
    task: str,
    stop: int | None = None,
    watch: Callable[[RetrievalModel], float] | None = None,
    saved: Saved | None = None,
) -> Towers:
    """The towers, trained on windows of every user's positive events.

    Args:
      data: what is learnt from.
      request: of the declared context.
      context: column to [n], its features of every event.
      task: what progress says.
      stop: after how many epochs to stop.
      watch: the towers' value on the validation part; see `fitting.fit`.
      saved: weights to start from; None for random ones.
    """
    settings = data.launch.model
    windows = sequences(data, context)
    counts = np.bincount(windows["target"][windows["weight"] > 0], minlength=len(data.items))
    model = RetrievalModel(data.items, counts, settings, ContextEmbedding(request.sizes, request.names))
    if saved is not None and len(windows["target"]):
        model.compute_loss(_first(windows))  # makes the layers' weights
        warm_start.begin(saved, data, model)
    schedule = fitting.Schedule(
        settings.batch_users, settings.epochs, settings.learning_rate, task, data.launch.seed, stop
    )
    return Towers(model, *fitting.fit(model, windows, schedule, watch and (lambda: watch(model))))


def _first(windows: dict) -> dict:
    """The first window alone."""
    return tf.nest.map_structure(lambda column: tf.constant(column[:1]), windows)


def sequences(data: TrainingData, context: dict[str, np.ndarray]) -> dict:
    """Windows of histories as the retrieval model reads them: arrays [W, L], and `context` column to [W, L]."""
    known = known_events(data)
    windows = histories.sequences(*known, data.launch.model.history, data.launch.seed, data.events.tie)
    items, rows = np.maximum(windows.items, 0), windows.rows[:, 1:]
    weight = rows >= 0
    if data.launch.exclude_seen:
        weight &= ~histories.seen_before(*known, data.launch.seed, data.events.tie)[rows]
    asked = np.maximum(rows, 0)
    return {
        "history": items[:, :-1],
        "target": items[:, 1:],
        "weight": weight.astype(np.float32),
        "context": {name: column[asked] for name, column in context.items()},
    }


def known_events(data: TrainingData) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """User, item, time and positive of the events as `histories` takes them; an event without an item's id tells nothing."""
    user, _ = codes(data.events.user)
    return user, data.item_rows, data.events.time, data.events.positive & (data.item_rows > 0)


def score_parts(data: TrainingData, model: RetrievalModel) -> ScoreParts:
    """The parts of the score, from the events and the trained towers."""
    user, item, time, positive = known_events(data)
    order = histories.order_by_user_and_time(user, time, data.launch.seed, tie=data.events.tie)
    order = order[positive[order]]
    active, size = np.flatnonzero(data.items.active), len(data.items)
    columns = np.full(size, len(active))
    columns[active] = np.arange(len(active))
    near = NeighbourScores(neighbours.count(user[order], item[order], size), columns, len(active))
    window, end = data.launch.rules.recent_days * MICROSECONDS_PER_DAY, time[positive].max(initial=0)
    recent = np.bincount(item[positive & (time >= end - window)], minlength=size)
    first = np.full(size, np.inf)
    np.minimum.at(first, item[positive], time[positive])
    age = np.where(np.isinf(first), np.inf, (end - first) / window)
    return ScoreParts(
        tf.gather(model.vectors(), active), data.launch.model.temperature, near, recent[active], age[active]
    )
