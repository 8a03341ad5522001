"""The parts of the score in numpy, by eye."""

import numpy as np
import pytest
import tensorflow as tf

from components.models.retrieval import score_parts
from components.models.retrieval.neighbour_table import NeighbourTable
from components.models.retrieval.score_parts import Reading, ScoreParts, TableScores, of_items

pytestmark = pytest.mark.tensorflow

# Rows 1 to 4; 1 leads to 2 and 3, 2 leads to 4 and away from 1; 3 and 4 have no neighbours. Candidates are the rows 2, 3 and 4.
TABLE = NeighbourTable(
    np.array([0, 0, 2, 4, 4, 4]), np.array([2, 3, 4, 1], np.int32), np.array([0.5, 0.25, 1.0, -1.0], np.float32)
)
COLUMNS = np.array([3, 3, 0, 1, 2])
HISTORY = tf.constant([[1, 0, 0], [1, 2, 0], [2, 3, 1], [3, 0, 0]], tf.int32)
DECAY = 0.5
SUMS = np.array([[0.5, 0.25, 0], [0.5 * DECAY, 0.25 * DECAY, 1], [0.5, 0.25, DECAY**2], [0, 0, 0]])


def _logarithms(sums):
    return [np.log(1 + scale * np.array(sums)) for scale in (1000, 30)]


def _table(name="next", **reading):
    return TableScores(TABLE, {name: Reading(**{"items": 20, "decay": DECAY} | reading)}, COLUMNS, 3)


def test_the_last_items_count_most_and_the_sums_are_taken_by_their_logarithm():
    np.testing.assert_allclose(_table().laid_out(HISTORY), _logarithms(SUMS), rtol=1e-5)


def test_several_readings_of_a_table_are_those_of_each_alone():
    alone = {"next": Reading(20, DECAY), "ease": Reading(20, DECAY, deviation=True), "last": Reading(1, 1.0)}
    together = TableScores(TABLE, alone, COLUMNS, 3)
    assert together.names == ("next", "next strong", "ease", "last", "last strong")
    each = [part for name, how in alone.items() for part in _table(name, **how._asdict()).laid_out(HISTORY)]
    np.testing.assert_allclose(together.laid_out(HISTORY), each, rtol=1e-6)
    cells, values = together.of_cells(HISTORY)
    laid = np.zeros((5, 12))
    laid[:, cells.numpy()] = values
    np.testing.assert_allclose(laid.reshape(5, 4, 3), each, rtol=1e-4, atol=1e-6)


def test_a_deviation_makes_long_and_short_histories_comparable():
    scores = _table(deviation=True).laid_out(HISTORY)[0].numpy()
    np.testing.assert_allclose(scores, SUMS / np.maximum(SUMS.std(axis=1, keepdims=True), 1e-6), rtol=1e-4)


def test_what_lies_far_back_is_not_read():
    few = _table(items=2)
    np.testing.assert_allclose(few.laid_out(tf.constant([[1, 3, 3]]))[0], np.zeros((1, 3)), atol=1e-6)
    assert few.laid_out(tf.constant([[3, 1, 3]]))[0].numpy().any()


@pytest.mark.parametrize("laid_out", [0, 100])
@pytest.mark.parametrize("deviation", [False, True])
def test_touched_cells_are_those_of_the_layout(monkeypatch, deviation, laid_out):
    monkeypatch.setattr(score_parts, "LAID_OUT_CANDIDATES", laid_out)
    table = _table(deviation=deviation)
    cells, values = table.of_cells(HISTORY)
    cells, laid = cells.numpy(), np.zeros((4, 3))
    laid[cells // 3, cells % 3] = values[0]
    assert len(set(cells)) == len(cells) < 12
    np.testing.assert_allclose(laid, table.laid_out(HISTORY)[0], rtol=1e-4, atol=1e-6)


def _laid(parts, query, history):
    """The parts at every candidate: [P, B, A]."""
    columns = np.tile(np.arange(parts.candidates), (len(history), 1))
    return np.stack([part.at(columns) for part in parts(tf.constant(query), history)])


CANDIDATES = np.array([3, 0, 3, 2, 1])  # of a table of five items, of which rows 0 and 2 are no candidates


def _parts():
    vectors = tf.constant([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    static = of_items(np.array([0, 1, 3]), np.array([0, 2, 7]), np.array([2.0, np.inf, 0.5]))
    return ScoreParts(vectors, 0.5, [_table(items=5), _table("ease", deviation=True)], static, CANDIDATES)


def test_all_parts_by_eye():
    parts = _parts()
    assert parts.names == ("towers", "next", "next strong", "ease", "recent", "popular", "young", "untrained")
    towers, *following, _, recent, popular, young, untrained = _laid(parts, np.float32([[0, 1]]), HISTORY[:1])
    np.testing.assert_allclose(towers, [[0, 1.6, 2]], atol=1e-6)
    np.testing.assert_allclose(following, _logarithms(SUMS[:1]), rtol=1e-5)
    np.testing.assert_allclose(recent, [np.log([1, 2, 4])], atol=1e-6)
    np.testing.assert_allclose(popular, [np.log([1, 3, 8])], atol=1e-6)
    np.testing.assert_allclose(young, [[np.exp(-2), 0, np.exp(-0.5)]], atol=1e-6)
    assert untrained.tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("laid_out", [0, 100])
def test_the_score_is_the_weighted_sum_of_the_parts_of_each_request(monkeypatch, laid_out):
    monkeypatch.setattr(score_parts, "LAID_OUT_CANDIDATES", laid_out)
    rng, parts = np.random.default_rng(0), _parts()
    query, weights = rng.normal(size=(4, 2)).astype(np.float32), rng.normal(size=(4, 8)).astype(np.float32)
    expected = np.einsum("pba,bp->ba", _laid(parts, query, HISTORY), weights)
    np.testing.assert_allclose(
        parts.score(tf.constant(query), HISTORY, tf.constant(weights)), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("laid_out", [0, 100])
def test_the_score_of_some_items_is_that_of_all_and_nothing_for_what_is_no_candidate(monkeypatch, laid_out):
    monkeypatch.setattr(score_parts, "LAID_OUT_CANDIDATES", laid_out)
    rng, parts = np.random.default_rng(0), _parts()
    query, weights = rng.normal(size=(4, 2)).astype(np.float32), rng.normal(size=8).astype(np.float32)
    every = parts.score(tf.constant(query), HISTORY, tf.constant(np.tile(weights, (4, 1)))).numpy()
    rows = rng.integers(5, size=(4, 6)).astype(np.int32)
    column = CANDIDATES[rows]
    expected = np.where(column < 3, np.take_along_axis(every, np.minimum(column, 2), axis=1), np.nan)
    some = parts.score_items(tf.constant(query), HISTORY, tf.constant(rows), weights)
    np.testing.assert_allclose(some, expected, rtol=1e-4, atol=1e-5)
    empty = parts.score_items(tf.constant(query), tf.zeros_like(HISTORY), tf.constant(rows), weights)
    assert np.isfinite(empty.numpy()[column < 3]).all()
