"""Transform's features: TFX's analyzers run on four rows, and the resulting graph encodes these and other values."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import CONTEXT_ROWS, transform

from components.features.preprocessing import CONTEXT_PREFIX

pytestmark = pytest.mark.tensorflow

TRUE_AGES = [0.0, 4.0]  # the row with two ages has the first of them; the row with a NaN has none


def _text(values):
    return tf.sparse.from_dense(tf.constant([[value] for value in values]))


def _numbers(rows):
    return tf.ragged.constant(rows, tf.float32).to_sparse()


@pytest.fixture(scope="module")
def features():
    layer = transform().transform_features_layer()
    return lambda **columns: layer(columns)


def test_the_vocabulary_is_by_frequency_and_takes_the_first_value_of_a_row():
    devices = [row["device"][0] for row in CONTEXT_ROWS if row["device"]]
    assert (devices.count("phone"), devices.count("tv")) == (2, 1)
    assert transform().vocabulary_by_name(CONTEXT_PREFIX + "device") == [b"phone", b"tv"]
    assert transform().vocabulary_by_name(CONTEXT_PREFIX + "tier") == [b"tin", b"gold"]


def test_unknown_and_missing_strings_fall_into_the_extra_bucket(features):
    answer = features(device=_text(["tv", "phone", "radio", ""]))[CONTEXT_PREFIX + "device"]
    assert answer.numpy().tolist() == [1, 0, 2, 2]
    assert features(tier=tf.constant([["gold"], ["lead"]]))[CONTEXT_PREFIX + "tier"].numpy().tolist() == [1, 2]


def test_numbers_are_standardised_over_the_present_values(features):
    answer = features(**{"age:float": _numbers([[0.0], [4.0], [6.0, 99.0], [], [float("nan")]])})[
        CONTEXT_PREFIX + "age:float"
    ]
    mean, deviation = np.mean(TRUE_AGES), np.std(TRUE_AGES)
    np.testing.assert_allclose(
        answer, [(0 - mean) / deviation, (4 - mean) / deviation, (6 - mean) / deviation, 0, 0], atol=1e-6
    )
    assert answer.dtype == tf.float32


def test_dense_integers_are_standardised_too(features):
    visits = [row["visits"] for row in CONTEXT_ROWS]
    answer = features(visits=tf.constant(visits, tf.int64))[CONTEXT_PREFIX + "visits"]
    np.testing.assert_allclose(answer, (visits - np.mean(visits)) / np.std(visits), atol=1e-6)


def test_a_number_that_training_never_saw_stays_finite(features):
    answer = features(never=_numbers([[3.0], []]))[CONTEXT_PREFIX + "never"].numpy()
    assert np.isfinite(answer).all()
    assert np.abs(answer).max() <= 3


def test_the_time_passes_through(features):
    assert features(time=tf.constant([[5], [7]], tf.int64))["time"].numpy().tolist() == [5, 7]
