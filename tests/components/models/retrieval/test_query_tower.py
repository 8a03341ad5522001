"""The query tower: what each position sees, and that serving's short cut gives the same query."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS

from components.models.retrieval.query_tower import DECAYS, QueryTower

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

LENGTH, DIM, CONTEXT = 5, 4, 2


def _tower():
    tf.keras.utils.set_random_seed(3)
    return QueryTower(DIM, LENGTH)


def _inputs(counts, seed=0):
    """Histories of the given lengths, with garbage where the padding is, and contexts that do not change with the position."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(len(counts), LENGTH, DIM)).astype(np.float32)
    mask = (np.arange(LENGTH) < np.array(counts)[:, None]).astype(np.float32)
    context = np.repeat(rng.normal(size=(len(counts), 1, CONTEXT)).astype(np.float32), LENGTH, axis=1)
    return items, mask, context


def _everywhere(tower, items, mask, context, training=False):
    """The queries of all positions, [B, L, D]."""
    positions = np.argwhere(np.ones(np.shape(mask)))
    return (
        tower(items, mask, positions, np.reshape(context, (len(positions), -1)), training)
        .numpy()
        .reshape(np.shape(items))
    )


def test_only_the_asked_positions_are_answered_in_their_order():
    tower, (items, mask, context) = _tower(), _inputs([LENGTH, 3])
    positions = np.array([[1, 2], [0, 4], [0, 0]])
    answers = tower(items, mask, positions, context[positions[:, 0], positions[:, 1]]).numpy()
    np.testing.assert_allclose(
        answers, _everywhere(tower, items, mask, context)[positions[:, 0], positions[:, 1]], atol=1e-6
    )


def test_last_is_the_query_of_the_last_position_for_every_length():
    counts = np.arange(1, LENGTH + 1)
    tower, (items, mask, context) = _tower(), _inputs(counts)
    everywhere = _everywhere(tower, items, mask, context)
    last = tower.last(items, mask, context[:, 0]).numpy()
    np.testing.assert_allclose(last, everywhere[np.arange(len(counts)), counts - 1], atol=1e-6)


def test_a_history_of_nothing_gives_the_query_of_the_context_alone():
    tower, (items, mask, context) = _tower(), _inputs([0, 0])
    last = tower.last(items, mask, context[:, 0]).numpy()
    blank = tower.last(np.zeros_like(items), np.ones_like(mask), context[:, 0]).numpy()
    np.testing.assert_allclose(last, blank, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(last, axis=1), 1, atol=1e-5)
    assert np.isfinite(tower.last(items, mask, np.zeros_like(context[:, 0])).numpy()).all()
    assert np.isfinite(_everywhere(tower, items, mask, np.zeros_like(context))).all()


@pytest.mark.parametrize("position", range(LENGTH))
def test_later_items_and_contexts_change_nothing(position):
    tower, (items, mask, context) = _tower(), _inputs([LENGTH, LENGTH])
    before = _everywhere(tower, items, mask, context)
    later = np.arange(LENGTH)[None, :, None] > position
    after = _everywhere(
        tower,
        np.where(later, -items, items),
        np.where(later[..., 0], 0, mask).astype(np.float32),
        np.where(later, 9, context),
    )
    np.testing.assert_array_equal(after[:, : position + 1], before[:, : position + 1])
    is_position = np.arange(LENGTH)[None, :, None] == position
    changed = _everywhere(tower, np.where(is_position, -items, items), mask, context)
    assert np.abs(changed[:, position] - before[:, position]).max() > 1e-3


def test_padding_is_not_read():
    tower, (items, mask, context) = _tower(), _inputs([2, 3])
    other = np.where(mask[..., None] > 0, items, 77).astype(np.float32)
    np.testing.assert_array_equal(_everywhere(tower, items, mask, context), _everywhere(tower, other, mask, context))
    np.testing.assert_array_equal(tower.last(items, mask, context[:, 0]), tower.last(other, mask, context[:, 0]))


def test_queries_have_length_one():
    tower, (items, mask, context) = _tower(), _inputs([1, 4, 5], seed=2)
    np.testing.assert_allclose(np.linalg.norm(_everywhere(tower, items, mask, context), axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("pool", range(len(DECAYS)))
def test_each_pool_is_a_mean_whose_weights_decay_with_age(pool):
    tower, (items, mask, context) = _tower(), _inputs([LENGTH])
    _everywhere(tower, items, mask, context)
    chosen = np.zeros((len(DECAYS) * DIM, DIM), np.float32)
    chosen[pool * DIM : (pool + 1) * DIM] = np.eye(DIM)
    tower._mix.kernel.assign(chosen)  # the query is that pool alone
    tower._output.kernel.assign(tf.zeros_like(tower._output.kernel))
    for position in range(LENGTH):
        weights = DECAYS[pool] ** np.arange(position, -1, -1.0)
        mean = weights @ items[0, : position + 1] / weights.sum()
        np.testing.assert_allclose(
            _everywhere(tower, items, mask, context)[0, position], mean / np.linalg.norm(mean), atol=1e-5
        )
