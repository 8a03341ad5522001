"""The item tower, against its sum written out in numpy."""

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS

from components.declaration import Catalogue
from components.features import item_table
from components.models.retrieval.item_tower import ID_DROPOUT, ItemTower

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

DIM = 3
IDS = np.array([b"a", b"b", b"c", b"d"], object)
BARE = item_table.build(None, {}, IDS)
RICH = item_table.build(
    Catalogue("items", "item", categories=("kind",), texts=("words",), numbers=("price", "weight")),
    {
        "item": IDS,
        "kind": np.array([b"x", b"x", b"y", b"y"], object),
        "words": np.array([b"red", b"red", b"", b"red"], object),
        "price": np.array([1, 2, 3, 4], np.float32),
        "weight": np.array([1, -1, 1, np.nan], np.float32),
    },
    IDS,
)
ROWS = np.arange(5, dtype=np.int32)
TRAINED = np.array([False, True, True, False, True])


def _tower(table, trained=TRAINED):
    tf.keras.utils.set_random_seed(5)
    tower = ItemTower(table, trained, DIM)
    tower(ROWS)
    return tower


def _expected(tower, table, ids):
    """id embedding, where kept, plus the embeddings of the features plus numbers times their weights; row 0 is zero."""
    vectors = ids[:, None] * tower._id.numpy()
    for row, features in enumerate(table.features):
        vectors[row] += sum((tower._feature.numpy()[feature] for feature in features if feature), np.zeros(DIM))
    if table.numbers.shape[1]:
        vectors += table.numbers @ tower._number.kernel.numpy()
    return np.where(ROWS[:, None] > 0, vectors, 0)


@pytest.mark.parametrize("table", [BARE, RICH])
def test_vectors_agree_with_the_sum_written_out(table):
    tower = _tower(table)
    np.testing.assert_allclose(tower(ROWS), _expected(tower, table, TRAINED), atol=1e-6)


def test_an_item_that_training_never_met_speaks_by_its_features_only():
    tower = _tower(RICH)
    before = tower(ROWS).numpy()
    tower._id.assign(tower._id + 100.0)
    moved = np.abs(tower(ROWS).numpy() - before).max(axis=1) > 1
    assert moved.tolist() == TRAINED.tolist()
    assert np.abs(before[3]).max() > 0


def test_row_zero_is_zero_whatever_was_trained():
    tower = _tower(RICH, np.ones(5, bool))
    tower._feature.assign(tower._feature + 100.0)
    assert not tower(ROWS)[0].numpy().any()
    assert not tower(ROWS, training=True)[0].numpy().any()


def test_rows_may_come_in_any_order_and_repeat():
    tower = _tower(RICH)
    everything = tower(ROWS).numpy()
    np.testing.assert_allclose(tower(np.array([4, 1, 4], np.int32)), everything[[4, 1, 4]], atol=1e-6)


def test_ids_are_dropped_in_training_only_and_wholly():
    tower = _tower(RICH)
    kept, dropped = _expected(tower, RICH, TRAINED), _expected(tower, RICH, np.zeros(5))
    row, times = 2, 4000
    vectors = tower(np.full(times, row, np.int32), training=True).numpy()
    is_kept = np.isclose(vectors, kept[row], atol=1e-6).all(axis=1)
    is_dropped = np.isclose(vectors, dropped[row], atol=1e-6).all(axis=1)
    assert (is_kept ^ is_dropped).all()
    assert abs(is_dropped.mean() - ID_DROPOUT) < 4 * np.sqrt(ID_DROPOUT * (1 - ID_DROPOUT) / times)
    np.testing.assert_allclose(tower(np.full(times, row, np.int32)), np.tile(kept[row], (times, 1)), atol=1e-6)


def test_without_features_no_id_is_dropped():
    tower = _tower(BARE)
    row = np.full(4000, 2, np.int32)
    np.testing.assert_array_equal(tower(row, training=True), tower(row))
