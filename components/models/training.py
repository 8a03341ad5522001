"""Trains the model and exports it: the `run_fn` of the step "Trainer".

First the towers, by the next item at every position of every history; then, on their frozen vectors, the ranking head, by the labels
of the log. The eval split is not read.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from components.features import histories, training_data
from components.features.id_codes import codes
from components.features.preprocessing import CODE_KEY
from components.features.training_data import TrainingData
from components.models import export, model_card, vector_export
from components.models.context import ContextEmbedding, RequestContext
from components.models.model_recommender import ModelRecommender
from components.models.ranking import MAX_POSITIONS, RankingModel
from components.models.retrieval import RetrievalModel
from components.progress import FIGURE, Progress
from components.rules.training import fallback_scores

RANKING_BATCH = 2048
EMBEDDED_AT_ONCE = 4096


def run_fn(fn_args: Any) -> None:
    """TFX's entry: see `tfx.components.trainer.fn_args_utils.FnArgs` for the argument."""
    data = training_data.read(fn_args)
    positives = int(data.events.positive.sum())
    figure = f"learnt from {positives:,} positive events; {int(data.items.active.sum()):,} items to recommend"
    card = model_card.describe(data, fn_args.custom_config.get(CODE_KEY, ""))
    recommender = trained(data)
    export.save(recommender, fn_args.serving_model_dir, card | {"kind": "model", FIGURE: figure})
    vector_export.write(recommender, data, fn_args.serving_model_dir)


def trained(data: TrainingData) -> ModelRecommender:
    """Towers and ranking head, trained on the data; the same data and seed give the same model."""
    tf.keras.utils.set_random_seed(data.launch.seed)
    request = RequestContext(data.launch.log.context, data.transform)
    context = request.of_rows(data.events.context)
    retrieval = train_retrieval(data, request, context)
    ranking = train_ranking(data, retrieval, context) if data.launch.has_ranking_head else None
    return ModelRecommender(data.launch, data.items, request, retrieval, ranking, fallback_scores(data))


def train_retrieval(data: TrainingData, request: RequestContext, context: dict[str, np.ndarray]) -> RetrievalModel:
    """The towers, trained on windows of every user's positive events."""
    sequences = _sequences(data, context)
    settings = data.launch.model
    counts = np.bincount(sequences["target"][sequences["weight"] > 0], minlength=len(data.items))
    model = RetrievalModel(data.items, counts, settings, ContextEmbedding(request.sizes, request.names))
    _fit(model, sequences, settings.batch_users, settings.epochs, settings.learning_rate, "training", data.launch.seed)
    return model


def _sequences(data: TrainingData, context: dict[str, np.ndarray]) -> dict:
    """Windows of histories as the retrieval model reads them: arrays [W, L], and `context` column to [W, L]."""
    known = _known(data)
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


def _known(data: TrainingData) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """User, item, time and positive of the events as `histories` takes them; an event without an item's id tells nothing."""
    user, _ = codes(data.events.user)
    return user, data.item_rows, data.events.time, data.events.positive & (data.item_rows > 0)


def train_ranking(data: TrainingData, retrieval: RetrievalModel, context: dict[str, np.ndarray]) -> RankingModel:
    """The ranking head, trained on every labelled row with the query of its moment."""
    names = tuple(objective.name for objective in data.launch.ranking_objectives)
    labels = np.stack([np.maximum(data.events.labels[name], -1) for name in names], axis=1).astype(np.float32)
    rows = np.flatnonzero((labels >= 0).any(axis=1))
    position = np.clip(data.events.position[rows] + 1, 0, MAX_POSITIONS).astype(np.int32)
    share = np.bincount(position, minlength=MAX_POSITIONS + 1) / max(len(rows), 1)
    rates = [float(np.clip(label[label >= 0].mean() if (label >= 0).any() else 0.5, 1e-4, 1 - 1e-4)) for label in labels[rows].T]
    model = RankingModel(names, rates, share.tolist())
    examples = {
        "query": _row_queries(data, retrieval, rows, {name: column[rows] for name, column in context.items()}),
        "item": retrieval.vectors().numpy()[data.item_rows[rows]],
        "position": position,
        "label": labels[rows],
    }
    _fit(model, examples, RANKING_BATCH, data.launch.model.ranking_epochs, data.launch.model.learning_rate, "ranking head", data.launch.seed)
    return model


def _row_queries(data: TrainingData, retrieval: RetrievalModel, rows: np.ndarray, context: dict[str, np.ndarray]) -> np.ndarray:
    """The query vectors [rows, D] with the histories of the rows' own moments."""
    past = np.maximum(histories.rolling_histories(*_known(data), rows, data.launch.model.history, data.launch.seed, data.events.tie), 0)
    items = retrieval.all_items()
    query = tf.function(lambda past, context: retrieval.last_query(tf.gather(items, past), past, context), reduce_retracing=True)
    parts = []
    for start in range(0, len(rows), EMBEDDED_AT_ONCE):
        batch = slice(start, start + EMBEDDED_AT_ONCE)
        parts.append(query(tf.constant(past[batch]), {name: tf.constant(column[batch]) for name, column in context.items()}).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, data.launch.model.dim), np.float32)


def _fit(model: tf.keras.Model, arrays: dict, batch: int, epochs: int, learning_rate: float, task: str, seed: int) -> None:
    """Fits on arrays in memory, reshuffled every epoch; no metrics, only the loss, which is what progress shows."""
    rows = len(next(iter(arrays.values())))
    if not rows:
        return
    steps = -(-rows // batch)
    progress = Progress(task, epochs * steps)
    report = tf.keras.callbacks.LambdaCallback(on_batch_end=lambda _, logs: progress.advance(note=f"loss {logs['loss']:.3f}"))
    falling = tf.keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    model.compile(optimizer=tf.keras.optimizers.Adam(falling))
    model.fit(_batches(arrays, rows, batch, epochs, seed), epochs=epochs, steps_per_epoch=steps, verbose=0, callbacks=[report])


def _batches(arrays: dict, rows: int, batch: int, epochs: int, seed: int) -> tf.data.Dataset:
    """Batches of all epochs, each epoch in an order of its own: row numbers are shuffled, then whole batches gathered.

    Shuffling the rows themselves took five times the CPU (500,000 rows of two 64-vectors: 3.4 against 0.7 CPU-s an epoch).
    """
    tensors = tf.nest.map_structure(tf.constant, arrays)

    def order(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffled = tf.random.experimental.stateless_shuffle(tf.range(rows), seed=tf.stack([tf.constant(seed, tf.int64), epoch]))
        return tf.data.Dataset.from_tensor_slices(shuffled).batch(batch)

    def gathered(chosen: tf.Tensor) -> dict:
        return tf.nest.map_structure(lambda column: tf.gather(column, chosen), tensors)

    return tf.data.Dataset.range(epochs).flat_map(order).map(gathered)
