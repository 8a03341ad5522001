"""The two-tower model of TensorFlow Recommenders' retrieval tutorial as published, for `make bench-quality`.

A user-id tower, an item-id tower, 32 dimensions, Adagrad at 0.1, batches of 8192 that are shuffled once and cached,
three epochs, and
`FactorizedTopK` over all items inside `fit` (https://www.tensorflow.org/recommenders/examples/basic_retrieval).
"""

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from bench_protocols import Asked, Problem

DIM, EPOCHS, BATCH, RATE = 32, 3, 8192, 0.1


class TwoTowers(tfrs.Model):
    """An embedding per user id and per item id."""

    def __init__(self, users: np.ndarray, items: np.ndarray):
        super().__init__()
        lookups = (tf.keras.layers.StringLookup(vocabulary=ids.tolist(), mask_token=None) for ids in (users, items))
        self.user, self.item = (
            tf.keras.Sequential([ids, tf.keras.layers.Embedding(ids.vocabulary_size(), DIM)]) for ids in lookups
        )
        candidates = tf.data.Dataset.from_tensor_slices(items.tolist()).batch(128).map(self.item)
        self.task = tfrs.tasks.Retrieval(metrics=tfrs.metrics.FactorizedTopK(candidates=candidates))

    def compute_loss(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.task(self.user(features["user"]), self.item(features["item"]))


class Tutorial:
    """The tutorial's training loop behind the rivals' interface."""

    passes = EPOCHS

    def fit(self, problem: Problem) -> None:
        data = problem.data
        tf.keras.utils.set_random_seed(data.launch.seed)
        self.model = TwoTowers(np.unique(data.events.user), data.items.ids[1:])
        self.model.compile(optimizer=tf.keras.optimizers.Adagrad(RATE))
        rows = tf.data.Dataset.from_tensor_slices(
            {"user": data.events.user.tolist(), "item": data.events.item.tolist()}
        )
        shuffled = rows.shuffle(100_000, seed=data.launch.seed, reshuffle_each_iteration=False)
        self.model.fit(shuffled.batch(BATCH).cache(), epochs=EPOCHS, verbose=0)
        self.items = self.model.item(tf.constant(data.items.ids[problem.candidates].tolist())).numpy()

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        return self.model.user(tf.constant(asked.queries.user_id[batch].tolist())).numpy() @ self.items.T
