"""Fitting: the batches of each epoch, and the best epoch."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS

from components.models.retrieval import fitting

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


@pytest.mark.parametrize(("rows", "batch"), [(10, 3), (4, 4), (1, 8)])
def test_each_epoch_holds_every_row_once_in_an_order_of_its_own(rows, batch):
    arrays = {"a": np.arange(rows), "context": {"b": np.arange(rows) * 10.0}}
    batches = list(fitting.batches(arrays, rows, batch, epochs=3, seed=5).as_numpy_iterator())
    steps = -(-rows // batch)
    assert [len(part["a"]) for part in batches] == ([batch] * (rows // batch) + [rows % batch] * (rows % batch > 0)) * 3
    orders = [
        np.concatenate([part["a"] for part in batches[epoch * steps : (epoch + 1) * steps]]).tolist()
        for epoch in range(3)
    ]
    assert [sorted(order) for order in orders] == [list(range(rows))] * 3
    assert all((part["context"]["b"] == part["a"] * 10).all() for part in batches)
    assert rows < 5 or all(one != other for one, other in itertools.combinations(orders, 2))


class _Slope(tf.keras.Model):
    """A weight that falls by one at every step."""

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight("weight", (), initializer="zeros")

    def train_step(self, inputs):
        self.weight.assign_sub(1.0)
        return {"loss": self.weight}


def _schedule(epochs, stop=None):
    return fitting.Schedule(batch=2, epochs=epochs, learning_rate=0.1, task="test", seed=1, stop=stop)


@pytest.mark.parametrize(
    ("values", "best", "seen"), [([1, 3, 2, 2, 2, 9], 2, 5), ([1, 2, 3, 4, 5, 6], 6, 6), ([5, 1, 1, 1, 9, 9], 1, 4)]
)
def test_the_weights_of_the_best_epoch_are_kept_and_patience_ends(values, best, seen):
    model, value_iterator = _Slope(), iter(values)
    assert fitting.fit(model, {"a": np.zeros(4, np.float32)}, _schedule(6), lambda: next(value_iterator)) == (
        best,
        seen,
    )
    assert model.weight.numpy() == -2 * best  # two steps an epoch
    assert len(list(value_iterator)) == 6 - seen


def test_it_stops_where_it_is_told_to():
    model = _Slope()
    assert fitting.fit(model, {"a": np.zeros(4, np.float32)}, _schedule(6, stop=3)) == (3, 3)
    assert model.weight.numpy() == -6


def test_without_rows_nothing_happens():
    assert fitting.fit(_Slope(), {"a": np.zeros(0)}, _schedule(2)) == (0, 0)


def test_rows_of_about_the_same_length_share_a_batch_that_is_cut_to_its_longest():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, size=200)
    arrays = {"history": np.where(np.arange(30) < lengths[:, None], np.arange(200)[:, None] + 1, 0)}
    batches = [
        part["history"]
        for part in fitting.batches(arrays, 200, 10, epochs=2, seed=5, lengths=lengths).as_numpy_iterator()
    ]
    assert len(batches) == 40
    for epoch in (batches[:20], batches[20:]):
        assert sorted(np.concatenate([part[:, 0] for part in epoch]).tolist()) == list(range(1, 201))
    for part in batches:
        batch_lengths = lengths[part[:, 0] - 1]
        assert part.shape[1] == batch_lengths.max()
        assert ((part > 0).sum(axis=1) == batch_lengths).all()
    spreads = [np.ptp(lengths[part[:, 0] - 1]) for part in batches]
    assert np.mean(spreads) < 6  # of batches drawn at random about 24
    widths = [part.shape[1] for part in batches[:16]]
    assert widths != sorted(widths)  # short and long ones come mixed
