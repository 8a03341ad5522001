"""The parts of the score in numpy, by eye."""

import numpy as np
import pytest
import tensorflow as tf

from components.models.retrieval.neighbours import Neighbours
from components.models.retrieval.score_parts import DECAY, READ, NeighbourScores, ScoreParts

pytestmark = pytest.mark.tensorflow

# Rows 1 to 4; 1 leads to 2 and 3, 2 leads to 4 and away from 1; 3 and 4 have no neighbours. Candidates are the rows 2,
# 3 and 4.
TABLE = Neighbours(
    slot=np.array([0, 1, 2, 0, 0], np.int32),
    items=np.array([[0, 0], [2, 3], [4, 1]], np.int32),
    weights=np.array([[0, 0], [0.5, 0.25], [1.0, -1.0]], np.float32),
)
NEAR = NeighbourScores(TABLE, np.array([3, 3, 0, 1, 2]), 3)


def _standardised(*scores):
    return (np.array(scores) - np.mean(scores)) / max(np.std(scores), 1e-6)


def test_neighbours_of_the_last_items_count_most():
    history = tf.constant([[1, 0, 0], [1, 2, 0], [2, 3, 1], [3, 0, 0]], tf.int32)
    expected = [
        _standardised(0.5, 0.25, 0),
        _standardised(0.5 * DECAY, 0.25 * DECAY, 1),
        _standardised(0.5, 0.25, DECAY**2),
        [0, 0, 0],
    ]
    np.testing.assert_allclose(NEAR(history), expected, atol=1e-5)


def test_what_lies_far_back_is_not_read():
    history = np.full((1, READ + 1), 3, np.int32)
    history[0, 0] = 1
    assert not NEAR(tf.constant(history)).numpy().any()
    history[0, 1] = 1
    assert NEAR(tf.constant(history)).numpy().any()


def test_all_parts_by_eye():
    vectors, query = tf.constant([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), tf.constant([[0.0, 1.0]])
    parts = ScoreParts(vectors, 0.5, NEAR, np.array([0, 1, 3]), np.array([2.0, np.inf, 0.5]))
    towers, near, recent, young, untrained = parts(query, tf.constant([[1, 0, 0]], tf.int32))
    np.testing.assert_allclose(towers, [[0, 1.6, 2]], atol=1e-6)
    np.testing.assert_allclose(near[0], _standardised(0.5, 0.25, 0), atol=1e-5)
    np.testing.assert_allclose(recent, [np.log([1, 2, 4])], atol=1e-6)
    np.testing.assert_allclose(young, [[np.exp(-2), 0, np.exp(-0.5)]], atol=1e-6)
    assert untrained.numpy().tolist() == [[0, 1, 0]]
