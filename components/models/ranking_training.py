"""Trains the ranking head on frozen vectors, by the labels of the log."""

import numpy as np
import tensorflow as tf

from components.features import histories
from components.features.training_data import TrainingData
from components.models import fitting
from components.models.ranking import MAX_POSITIONS, RankingModel
from components.models.retrieval import RetrievalModel
from components.models.retrieval_training import known_events

BATCH = 2048
EMBEDDED_AT_ONCE = 4096
MOST_ROWS = 1_000_000
PRIOR_ROWS = 200.0


def train(data: TrainingData, retrieval: RetrievalModel, context: dict[str, np.ndarray]) -> RankingModel:
    """The ranking head, trained on labelled rows with the query of their moment; on a sample of them if there are more than `MOST_ROWS`."""
    names = tuple(objective.name for objective in data.launch.ranking_objectives)
    labels = np.stack([np.maximum(data.events.labels[name], -1) for name in names], axis=1).astype(np.float32)
    rows = _sampled(np.flatnonzero((labels >= 0).any(axis=1)), data.launch.seed)
    position = np.clip(data.events.position[rows] + 1, 0, MAX_POSITIONS).astype(np.int32)
    share = np.bincount(position, minlength=MAX_POSITIONS + 1) / max(len(rows), 1)
    rates = [float(np.clip(label[label >= 0].mean() if (label >= 0).any() else 0.5, 1e-4, 1 - 1e-4)) for label in labels[rows].T]
    model = RankingModel(names, rates, share.tolist(), _place_logits(position, labels[rows], np.array(rates)))
    examples = {  # as tensors at once: half a gigabyte of vectors would otherwise be held twice
        "query": row_queries(data, retrieval, rows, {name: column[rows] for name, column in context.items()}),
        "item": retrieval.vectors().numpy()[data.item_rows[rows]],
        "position": position,
        "label": labels[rows],
    }
    settings, examples = data.launch.model, tf.nest.map_structure(tf.constant, examples)
    fitting.fit(model, examples, fitting.Schedule(BATCH, settings.ranking_epochs, settings.learning_rate, "ranking head", data.launch.seed))
    return model


def _place_logits(position: np.ndarray, labels: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """What a position's own rate of ones adds to the log odds of the mean rate: [P + 1, O], drawn towards none where there are few rows.

    From zeros the few numbers of the bias would have to be learnt at the pace of the weights of the head: a third of the effect after three epochs.

    Args:
      position: [K] int32.
      labels: [K, O] float32, negative where missing.
      rates: [O], the mean rates.
    """
    logits = np.zeros((MAX_POSITIONS + 1, len(rates)))
    for objective, (label, rate) in enumerate(zip(labels.T, rates, strict=True)):
        known = label >= 0
        ones, rows = (np.bincount(position[known], weights, minlength=MAX_POSITIONS + 1) for weights in (label[known], None))
        smooth = (ones + PRIOR_ROWS * rate) / (rows + PRIOR_ROWS)
        logits[:, objective] = np.log(smooth / (1 - smooth)) - np.log(rate / (1 - rate))
    return logits


def _sampled(rows: np.ndarray, seed: int) -> np.ndarray:
    """At most `MOST_ROWS` of the rows, in their order: two vectors of 64 for each row are 512 bytes, so the limit is half a gigabyte."""
    return rows if len(rows) <= MOST_ROWS else np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))


def row_queries(data: TrainingData, retrieval: RetrievalModel, rows: np.ndarray, context: dict[str, np.ndarray]) -> np.ndarray:
    """The query vectors [rows, D] with the histories of the rows' own moments."""
    past = np.maximum(histories.rolling_histories(*known_events(data), rows, data.launch.model.history, data.launch.seed, data.events.tie), 0)
    items = retrieval.all_items()
    query = tf.function(lambda past, context: retrieval.last_query(tf.gather(items, past), past, context), reduce_retracing=True, autograph=False)
    parts = []
    for start in range(0, len(rows), EMBEDDED_AT_ONCE):
        batch = slice(start, start + EMBEDDED_AT_ONCE)
        parts.append(query(tf.constant(past[batch]), {name: tf.constant(column[batch]) for name, column in context.items()}).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, data.launch.model.dim), np.float32)
