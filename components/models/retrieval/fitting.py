"""Fits a Keras model on arrays in memory: batches, the learning rate's fall, progress, the best epoch. No metrics but the loss inside `fit`."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from components.progress import Progress

PATIENCE = 3


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


def fit(model: tf.keras.Model, arrays: dict, schedule: Schedule, watch: Callable[[], float] | None = None) -> Epochs:
    """Trains a model; nothing happens without rows.

    Args:
      model: to be trained.
      arrays: name to [rows, ...], nested as the model takes its inputs.
      schedule: how.
      watch: the model's value on the validation part, asked after each epoch. The model keeps the weights of the best
        epoch, and training stops when `PATIENCE` epochs were no better.
    """
    rows = len(next(iter(arrays.values())))
    if not rows:
        return Epochs(0, 0)
    steps, epochs = -(-rows // schedule.batch), min(schedule.stop or schedule.epochs, schedule.epochs)
    progress = Progress(schedule.task, epochs * steps)
    report = tf.keras.callbacks.LambdaCallback(
        on_batch_end=lambda _, logs: progress.advance(note=f"loss {logs['loss']:.3f}")
    )
    best = _Best(watch) if watch else None
    falling = tf.keras.optimizers.schedules.CosineDecay(schedule.learning_rate, schedule.epochs * steps)
    model.compile(optimizer=tf.keras.optimizers.Adam(falling))
    # Nothing in a step branches on a tensor. AutoGraph would rewrite Keras's own code all the same: 5 CPU-s before the
    # first step.
    model.train_step = tf.autograph.experimental.do_not_convert(model.train_step)
    dataset = batches(arrays, rows, schedule.batch, epochs, schedule.seed)
    model.fit(dataset, epochs=epochs, steps_per_epoch=steps, verbose=0, callbacks=[report, best] if best else [report])
    return best.restored() if best else Epochs(epochs, epochs)


class _Best(tf.keras.callbacks.Callback):
    """Remembers the weights of the best epoch."""

    def __init__(self, watch: Callable[[], float]):
        super().__init__()
        self._watch, self._value, self._epoch, self._tried = watch, float("-inf"), 0, 0
        self._weights: list = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Looks at the model, and stops what no longer gets better."""
        value, self._tried = self._watch(), epoch + 1
        if value > self._value:
            self._value, self._epoch, self._weights = value, epoch + 1, self.model.get_weights()
        self.model.stop_training = epoch + 1 - self._epoch >= PATIENCE

    def restored(self) -> Epochs:
        """Gives the model its best weights."""
        self.model.set_weights(self._weights)
        return Epochs(self._epoch, self._tried)


def batches(arrays: dict, rows: int, batch: int, epochs: int, seed: int) -> tf.data.Dataset:
    """Batches of all epochs, each epoch in an order of its own: row numbers are shuffled, then whole batches gathered.

    Shuffling the rows themselves took five times the CPU (500,000 rows of two 64-vectors: 3.4 against 0.7 CPU-s an
    epoch).
    """
    tensors = tf.nest.map_structure(tf.constant, arrays)

    def order(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(rows), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )
        return tf.data.Dataset.from_tensor_slices(shuffled).batch(batch)

    def gathered(chosen: tf.Tensor) -> dict:
        return tf.nest.map_structure(lambda column: tf.gather(column, chosen), tensors)

    return tf.data.Dataset.range(epochs).flat_map(order).map(gathered)
