"""Trains the towers, by the next item at every position of every history, and chooses for how long and with which weights of the score's parts."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.features import histories
from components.features.training_data import TrainingData
from components.metrics import validation_cut
from components.metrics.validation_cut import Questions
from components.models.retrieval import blend_training, fitting, part_counts, warm_start
from components.models.retrieval.blend_training import Blend
from components.models.retrieval.context import ContextEmbedding, RequestContext
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.score_parts import ScoreParts
from components.models.retrieval.warm_start import Saved

LEAST_QUESTIONS = 50
# With fewer questions of left-out users (a small log, or one whose users come once) the blend would learn from too
# little, and from users that the towers know better than those who will ask: then the cut is one in time.
LEAST_HELD = 1000
# The share of the validation's items that training before the cut does not know, from which on new items matter: what
# they are worth can be learnt by a cut in time only, and towers that know nothing after it have to be trained again.
NEW_ITEMS_SHARE = 0.05
STEPS_AN_EPOCH, LEAST_BATCH = 100, 32
# A large log needs fewer passes: with more steps than this in all, down to half of the declared epochs.
STEPS_IN_ALL = 10_000


class Choice(NamedTuple):
    """What is chosen on the last tenth of the training time.

    Attributes:
      epochs: how long the towers are trained.
      blend: what each part of the score counts; None where there was too little to ask.
      tried: how many epochs it took to choose.
      warm: whether this is the choice for towers that start from given weights.
      unlearnt: [n] bool, the events that these towers do not know.
      towers: those that it was chosen with; None where there was too little to ask.
      serves: whether these towers serve, as all that they do not know are the last events of a few users; else they are
        trained again on everything.
      parts: of the score, counted on what these towers know.
    """

    epochs: int
    blend: Blend | None
    tried: int = 0
    warm: bool = False
    unlearnt: np.ndarray | None = None
    towers: RetrievalModel | None = None
    serves: bool = False
    parts: ScoreParts | None = None

    @property
    def gain(self) -> float:
        """The score's mean of 1 / log2(1 + rank) on the validation part; 0 where there was too little to ask."""
        return self.blend.gain if self.blend else 0.0

    @property
    def passes(self) -> float:
        """How often the events are read in all: to choose, and to train again."""
        return self.tried if self.serves else self.tried * (1 - validation_cut.SHARE) + self.epochs

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the model's card."""
        return {"epochs": self.epochs, "trained_once": self.serves, "gain": round(self.gain, 4)} | (
            self.blend.to_dict() if self.blend else {}
        )


class Towers(NamedTuple):
    """Trained towers, the number of epochs whose weights they have, and of those that were tried."""

    model: RetrievalModel
    epochs: int
    tried: int


def choose(
    data: TrainingData, request: RequestContext, context: dict[str, np.ndarray], saved: Saved | None = None
) -> Choice:
    """Trains on a part of the events and asks for others: the best epoch, then the weights of the parts.

    Left out are the last events of some users, so that the towers may serve unchanged; where new items matter, or for
    a warm start, everything
    after the cut.

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
    queries, unlearnt = validation_cut.questions(data, moment), data.events.time >= moment
    if len(queries) < LEAST_QUESTIONS and saved is not None:
        return choose(data, request, context)
    if len(queries) < LEAST_QUESTIONS:
        return Choice(data.launch.model.epochs, None)
    serves = False
    if saved is None and _new_items(data, queries, unlearnt) < NEW_ITEMS_SHARE:
        held = validation_cut.held_out(data, moment)
        of_held = validation_cut.questions(data, moment, held)
        if len(of_held) >= LEAST_HELD:
            queries, unlearnt, serves = of_held, held, True
    past, past_context = (
        validation_cut.without(data, unlearnt),
        {name: column[~unlearnt] for name, column in context.items()},
    )
    watch = _watch(data, queries, {name: column[queries.rows] for name, column in context.items()})
    towers = train(past, request, past_context, "choosing", watch=watch, saved=saved)
    most = blend_training.MOST_OF_GAP
    away = [validation_cut.questions(data, moment, unlearnt, gap, most) for gap in blend_training.GAPS_HOURS]
    parts = part_counts.score_parts(past, towers.model)
    blend = blend_training.learn(data.launch.seed, towers.model, parts, [queries, *away], context)
    return Choice(towers.epochs, blend, towers.tried, saved is not None, unlearnt, towers.model, serves, parts)


def _new_items(data: TrainingData, asked: Questions, unlearnt: np.ndarray) -> float:
    """Returns the share of the questions whose item has no positive event before."""
    in_train = np.zeros(len(data.items), bool)
    in_train[data.item_rows[data.events.positive & ~unlearnt]] = True
    return float((~in_train[data.item_rows[asked.rows]]).mean())


def _watch(data: TrainingData, asked: Questions, contexts: dict[str, np.ndarray]) -> Callable[[RetrievalModel], float]:
    """Returns the value of towers: how well they rank the questions' targets among a sample of candidates."""
    active = np.flatnonzero(data.items.active)
    shown, target = active[asked.sample], active[asked.target]

    def value(model: RetrievalModel) -> float:
        items = model.all_items()
        unit = tf.math.l2_normalize(items, axis=-1)
        candidates, target_vectors = tf.gather(unit, shown), tf.gather(unit, target)

        def score(batch: slice) -> np.ndarray:
            history = tf.constant(asked.history[batch])
            context = {name: tf.constant(column[batch]) for name, column in contexts.items()}
            queries = model.last_query(tf.gather(items, history), history, context)
            of_target = tf.reduce_sum(queries * target_vectors[batch], axis=1, keepdims=True)
            return tf.concat([tf.matmul(queries, candidates, transpose_b=True), of_target], axis=1).numpy()

        return asked.gain(score)

    return value


def train(
    data: TrainingData,
    request: RequestContext,
    context: dict[str, np.ndarray],
    task: str,
    stop: int | None = None,
    watch: Callable[[RetrievalModel], float] | None = None,
    saved: Saved | None = None,
) -> Towers:
    """Trains the towers on windows of every user's positive events.

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
    if len(windows["target"]):
        model.compute_loss(_first(windows))  # makes the layers' weights
        if saved is not None:
            warm_start.begin(saved, data, model)
    batch = batch_size(len(windows["target"]), settings.batch_users)
    # Adam's rate falls with the root of the batch (Malladi et al., "On the SDEs and scaling rules for adaptive gradient
    # algorithms", 2022).
    rate = settings.learning_rate * (batch / settings.batch_users) ** 0.5
    epochs = most_epochs(len(windows["target"]), batch, settings.epochs)
    schedule = fitting.Schedule(batch, epochs, rate, task, data.launch.seed, stop)
    lengths = np.maximum((windows["history"] > 0).sum(axis=1), 1)
    return Towers(model, *fitting.fit(model, windows, schedule, watch and (lambda: watch(model)), lengths))


def batch_size(windows: int, most: int) -> int:
    """Returns the windows per step: the declared number, halved for small epochs, not below `LEAST_BATCH`."""
    size = most
    while size >= 2 * LEAST_BATCH and windows < STEPS_AN_EPOCH * size:
        size //= 2
    return size


def most_epochs(windows: int, batch: int, most: int) -> int:
    """Returns the epochs at most: the declared number, and down to half of it where they have over `STEPS_IN_ALL` steps."""
    return max(min(most, STEPS_IN_ALL // max(-(-windows // batch), 1)), -(-most // 2))


def _first(windows: dict) -> dict:
    """Returns the first window alone."""
    return tf.nest.map_structure(lambda column: tf.constant(column[:1]), windows)


def sequences(data: TrainingData, context: dict[str, np.ndarray]) -> dict:
    """Windows of histories as the retrieval model reads them: arrays [W, L], and `context` column to [W, L]."""
    log_columns = part_counts.known_events(data)
    windows = histories.sequences(*log_columns, data.launch.model.history, data.launch.seed, data.events.tie)
    items, rows = np.maximum(windows.items, 0), windows.rows[:, 1:]
    weight = rows >= 0
    if data.launch.exclude_seen:
        weight &= ~histories.seen_before(*log_columns, data.launch.seed, data.events.tie)[rows]
    event_rows = np.maximum(rows, 0)
    return {
        "history": items[:, :-1],
        "target": items[:, 1:],
        "weight": weight.astype(np.float32),
        "context": {name: column[event_rows] for name, column in context.items()},
    }
