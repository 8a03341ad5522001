import numpy as np
import pyarrow as pa
import pytest
from small_vectors import FOUR, vectors

from components.registry.item_vectors import VectorsError


def test_rows_are_what_they_were_made_from():
    made = vectors(price=pa.array([1.5, None, 2.0, 37.55], pa.float32()))

    assert made.ids == ["i0", "i1", "i2", "i3"]
    assert made.dim == 3 and made.features == ("price",)
    assert np.array_equal(made.matrix, np.array(FOUR, np.float32))
    assert made.records()[1] == {"item_id": "i1", "title": "Item i1", "active": True}
    assert made.records()[3]["price"] == 37.55


def test_batches_hold_every_row_once_in_order():
    made = vectors()

    assert [batch.ids for batch in made.batches(3)] == [["i0", "i1", "i2"], ["i3"]]
    assert np.array_equal(np.concatenate([batch.matrix for batch in made.batches(3)]), made.matrix)


def test_only_active_items_are_offered():
    assert vectors(active=[True, False, True, False]).select_active().ids == ["i0", "i2"]


def test_a_zero_has_no_direction():
    assert vectors([[0, 0], [1, 0], [-1, 1]]).select_nonzero().ids == ["i1", "i2"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"active": [False] * 4}, "needs at least one active item, version 7 has none of 4"),
        ({"ids": ["a", "b", "a", "c"]}, "needs each item once, version 7 has repeated ids in 2 of 4 items: 'a', 'a'."),
        ({"ids": ["a", "b", "", "c"]}, "needs an id for every item, version 7 has an empty one in 1 of 4 items: ''."),
        (
            {"matrix": [[1, 0], [np.nan, 0]]},
            "needs finite numbers, version 7 has NaN or infinity in 1 of 2 items: 'i1'.",
        ),
        ({"matrix": [[np.inf, 0]] * 5}, "NaN or infinity in 5 of 5 items: 'i0', 'i1', 'i2', ..."),
    ],
)
def test_what_no_index_should_hold_is_refused_as_a_whole(rows, said):
    with pytest.raises(VectorsError) as refused:
        vectors(**rows).select_active()

    assert said in str(refused.value)
    assert "Nothing was written, sent or deleted." in str(refused.value)


def test_what_is_wrong_with_an_inactive_item_does_not_matter():
    assert len(vectors([[1, 0], [np.nan, 0]], active=[True, False]).select_active()) == 1
