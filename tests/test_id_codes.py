"""Numbers for ids, against numpy's `unique`."""

import numpy as np
import pytest

from components.features.id_codes import codes


def test_numbers_follow_the_order_of_the_ids():
    number, ids = codes(np.array([b"b", b"a", b"c", b"a", b""], object))
    assert ids.tolist() == [b"", b"a", b"b", b"c"]
    assert number.tolist() == [2, 1, 3, 1, 0]


def test_no_ids():
    number, ids = codes(np.zeros(0, object))
    assert (number.shape, number.dtype) == ((0,), np.int64)
    assert (ids.shape, ids.dtype) == ((0,), object)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_unique(seed):
    rng = np.random.default_rng(seed)
    column = np.array([bytes(rng.integers(0, 256, size=rng.integers(4), dtype=np.uint8)) for _ in range(200)], object)
    expected, place = np.unique(column, return_inverse=True)
    number, ids = codes(column)
    assert ids.tolist() == expected.tolist()
    assert number.tolist() == place.ravel().tolist()
