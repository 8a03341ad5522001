"""Fits a Keras model on arrays in memory: batches, the learning rate's fall, progress, the best epoch.

Loss and validation value of each epoch go to `training_log`.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.models import training_log
from components.models.retrieval.lazy_adam import LazyAdam
from components.progress import Progress

PATIENCE = 3
GROUP_BATCHES = 16  # rows of about the same length share a batch, sorted within that many batches


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How a model is fitted.

    Attributes:
      batch: rows per step.
      epochs: passes over the rows, each in an order of its own; Adam's rate falls to zero along a cosine over all of
        them.
      learning_rate: at the start.
      task: what progress says.
      seed: of the orders.
      stop: after how many epochs to stop all the same; the rate falls as if there were more. None for none.
    """

    batch: int
    epochs: int
    learning_rate: float
    task: str
    seed: int
    stop: int | None = None


class Epochs(NamedTuple):
    """How many epochs made the model's weights, and how many were tried."""

    kept: int
    tried: int


def fit(
    model: tf.keras.Model,
    arrays: dict,
    schedule: Schedule,
    watch: Callable[[], float] | None = None,
    lengths: np.ndarray | None = None,
) -> Epochs:
    """Trains a model; nothing happens without rows.

    Args:
      model: to be trained.
      arrays: name to [rows, ...], nested as the model takes its inputs.
      schedule: how.
      lengths: [rows] int, how much of the second axis of each row is no padding; a batch is cut to its longest. None
        for rows without padding.
      watch: the model's value on the validation part, asked after each epoch. The model keeps the weights of the best
        epoch, and training stops when `PATIENCE` epochs were no better.
    """
    rows = len(next(iter(arrays.values())))
    if not rows:
        return Epochs(0, 0)
    steps, epochs = -(-rows // schedule.batch), min(schedule.stop or schedule.epochs, schedule.epochs)
    falling = tf.keras.optimizers.schedules.CosineDecay(schedule.learning_rate, schedule.epochs * steps)
    model.compile(optimizer=LazyAdam(falling))
    # Some layers make their weights when they are first called, and the optimizer has to know all of them.
    model.compute_loss(tf.nest.map_structure(lambda column: tf.constant(column[:1]), arrays))
    model.optimizer.build(model.trainable_variables)
    dataset = batches(arrays, rows, schedule.batch, epochs, schedule.seed, lengths)
    progress, best = Progress(schedule.task, epochs * steps), _Best(model, watch) if watch else None
    # Keras's own loop traces a step twice and reads all of its code by AutoGraph: 5 CPU-s before the first step, as
    # much as five epochs of a small log.
    step = tf.function(model.train_step, autograph=False, input_signature=[dataset.element_spec])
    answers = map(step, dataset)
    for epoch in range(1, epochs + 1):
        loss = _run_epoch(lambda: float(next(answers)["loss"]), steps, progress)
        training_log.write_scalar(f"{schedule.task}/loss", loss, epoch)
        if best and best.is_over(schedule.task):
            break
    return best.restore() if best else Epochs(epochs, epochs)


def _run_epoch(step: Callable[[], float], steps: int, progress: Progress) -> float:
    """Takes the steps of an epoch; returns their mean loss."""
    total = 0.0
    for _ in range(steps):
        loss = step()
        total += loss
        progress.advance(note=f"loss {loss:.3f}")
    return total / steps


class _Best:
    """Remembers the weights of the best epoch."""

    def __init__(self, model: tf.keras.Model, watch: Callable[[], float]):
        self._model, self._watch, self._value, self._epoch, self._tried = model, watch, float("-inf"), 0, 0
        self._weights: list = []

    def is_over(self, task: str) -> bool:
        """Values the model after an epoch; returns whether it no longer gets better."""
        value, self._tried = self._watch(), self._tried + 1
        training_log.write_scalar(f"{task}/validation value", value, self._tried)
        if value > self._value:
            self._value, self._epoch, self._weights = value, self._tried, self._model.get_weights()
        return self._tried - self._epoch >= PATIENCE

    def restore(self) -> Epochs:
        """Gives the model its best weights."""
        self._model.set_weights(self._weights)
        return Epochs(self._epoch, self._tried)


def batches(
    arrays: dict, rows: int, batch: int, epochs: int, seed: int, lengths: np.ndarray | None = None
) -> tf.data.Dataset:
    """Batches of all epochs, each epoch in an order of its own: row numbers are shuffled, then gathered batch by batch.

    Shuffling the rows themselves took five times the CPU (500,000 rows of two 64-vectors: 3.4 against 0.7 CPU-s an
    epoch).
    """
    tensors = tf.nest.map_structure(tf.constant, arrays)
    longest = None if lengths is None else tf.constant(lengths, tf.int32)

    # Without AutoGraph, which would read all of this code: nothing here branches on a tensor.
    @tf.autograph.experimental.do_not_convert
    def order(epoch: tf.Tensor) -> tf.data.Dataset:
        state = tf.stack([tf.constant(seed, tf.int64), epoch])
        shuffled = tf.random.experimental.stateless_shuffle(tf.range(rows), seed=state)
        if longest is None:
            return tf.data.Dataset.from_tensor_slices(shuffled).batch(batch)
        return _alike(tf.gather(shuffled, _by_length(tf.gather(longest, shuffled), batch)), rows, batch, state)

    @tf.autograph.experimental.do_not_convert
    def gather(chosen: tf.Tensor) -> dict:
        columns = tf.nest.map_structure(lambda column: tf.gather(column, chosen), tensors)
        if longest is None:
            return columns
        cut = tf.reduce_max(tf.gather(longest, chosen))
        return tf.nest.map_structure(lambda column: column[:, :cut], columns)

    return tf.data.Dataset.range(epochs).flat_map(order).map(gather)


def _by_length(lengths: tf.Tensor, batch: int) -> tf.Tensor:
    """Returns shuffled row numbers, sorted by length [rows] within groups of `GROUP_BATCHES` batches: [rows] int32."""
    group = tf.range(tf.size(lengths)) // (GROUP_BATCHES * batch)
    return tf.argsort(group * (tf.reduce_max(lengths) + 1) + lengths, stable=True)


def _alike(sorted_rows: tf.Tensor, rows: int, batch: int, state: tf.Tensor) -> tf.data.Dataset:
    """Batches of consecutive rows, in a random order of the batches."""
    starts = tf.random.experimental.stateless_shuffle(tf.range(0, rows, batch), seed=state)

    @tf.autograph.experimental.do_not_convert
    def slice_batch(start: tf.Tensor) -> tf.Tensor:
        return sorted_rows[start : start + batch]

    return tf.data.Dataset.from_tensor_slices(starts).map(slice_batch)
