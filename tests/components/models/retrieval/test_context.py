"""The context of a request: raw columns, row by row or in bulk, and the vector that the towers read."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, transform

from components.features.item_table import MISSING_INT
from components.models.retrieval import context
from components.models.retrieval.context import EMBEDDING_DIM, ContextEmbedding, RequestContext

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

COLUMNS = {
    "device": np.array([b"tv", b"phone", b"", b"radio", b"tv"], object),
    "age:float": np.array([0, 4, np.nan, 6, 2], np.float32),
    "visits": np.array([1, 3, 5, 7, 9]),
    "tier": np.array([b"gold", b"tin", b"tin", b"lead", b""], object),
}
NAMES = tuple(COLUMNS)
AGES, VISITS = (0.0, 4.0), (1, 3, 5, 7)  # of the training rows


@pytest.fixture(scope="module")
def request_context():
    return RequestContext(NAMES, transform())


def test_by_eye(request_context):
    answer = request_context.of_rows(COLUMNS)
    assert answer["device"].tolist() == [1, 0, 2, 2, 1]
    assert answer["tier"].tolist() == [1, 0, 0, 2, 2]
    ages = (COLUMNS["age:float"] - np.mean(AGES)) / np.std(AGES)
    np.testing.assert_allclose(answer["age:float"], np.where(np.isnan(ages), 0, ages), atol=1e-6)
    np.testing.assert_allclose(answer["visits"], (COLUMNS["visits"] - np.mean(VISITS)) / np.std(VISITS), atol=1e-6)


def test_dtypes_and_vocabularies(request_context):
    assert request_context.dtypes == {
        "device": tf.string,
        "age:float": tf.float32,
        "visits": tf.int64,
        "tier": tf.string,
    }
    assert request_context.sizes == {"device": 2 + 1, "tier": 2 + 1}


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_in_chunks_as_row_by_row(request_context, monkeypatch, chunk):
    monkeypatch.setattr(context, "CHUNK_ROWS", chunk)
    answer = request_context.of_rows(COLUMNS)
    for row in range(5):
        alone = request_context(
            {name: tf.constant(column[row : row + 1], request_context.dtypes[name]) for name, column in COLUMNS.items()}
        )
        assert {name: value.numpy()[0] for name, value in alone.items()} == {
            name: column[row] for name, column in answer.items()
        }


def test_a_zero_is_a_value_and_no_gap():
    ages = RequestContext(("age:float",), transform()).of_rows(
        {"age:float": np.array([0, np.nan, np.inf], np.float32)}
    )["age:float"]
    assert ages.tolist() == [(0 - np.mean(AGES)) / np.std(AGES), 0, 0]


def test_a_missing_whole_number_is_the_smallest_one():
    column = tf.constant([0, MISSING_INT, -1], tf.int64)
    assert context._is_there(column).numpy().tolist() == [True, False, True]


def test_no_context_is_fine():
    nothing = RequestContext((), transform())
    assert nothing({}) == {}
    assert nothing.of_rows({}) == {}
    assert ContextEmbedding({}, ())({}, tf.zeros([3, 7, 4])).shape == (3, 7, 0)


def test_a_log_without_rows_has_no_features(request_context):
    assert request_context.of_rows({name: column[:0] for name, column in COLUMNS.items()}) == {}


def test_the_vector_holds_an_embedding_per_vocabulary_and_numbers_as_they_are(request_context):
    embedding = ContextEmbedding(request_context.sizes, NAMES)
    features = {name: tf.constant(value) for name, value in request_context.of_rows(COLUMNS).items()}
    vector = embedding(features, tf.zeros([5, 1])).numpy()
    assert vector.shape == (5, EMBEDDING_DIM + 1 + 1 + EMBEDDING_DIM)
    np.testing.assert_array_equal(vector[:, EMBEDDING_DIM], features["age:float"])
    np.testing.assert_array_equal(
        vector[[2, 0], :EMBEDDING_DIM], vector[[3, 4], :EMBEDDING_DIM]
    )  # missing as unknown, tv as tv
    assert np.abs(vector[0, :EMBEDDING_DIM] - vector[1, :EMBEDDING_DIM]).max() > 0
