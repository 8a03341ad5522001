"""Codes of ids agree with numpy's `unique`; a hash depends on its own row only."""

import numpy as np
import pytest

from components.features.id_codes import codes, hashes


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
    expected, inverse = np.unique(column, return_inverse=True)
    number, ids = codes(column)
    assert ids.tolist() == expected.tolist()
    assert number.tolist() == inverse.ravel().tolist()


def test_a_hash_depends_on_the_rows_own_ids_only():
    user, item = np.array([b"u", b"u", b"v", b"v"], object), np.array([b"a", b"b", b"a", b"b"], object)
    all_four = hashes(user, item)
    assert len(set(all_four.tolist())) == 4
    for row in range(4):
        assert hashes(user[[row]], item[[row]]).tolist() == [all_four[row]]
    assert hashes(np.zeros(0, object), np.zeros(0, object)).tolist() == []
