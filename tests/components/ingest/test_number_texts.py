import pyarrow as pa
import pytest

from components.ingest.number_texts import numbers_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("4.5", 4.5), ("4,5", 4.5), (" -1,25 ", -1.25), ("1e3", 1000.0), ("7", 7.0)),
        *(("yes", 1.0), ("No", 0.0), ("TRUE", 1.0), ("f", 0.0), ("1", 1.0)),
        *(("1,234", None), ("4,5,6", None), ("none", None), ("", None), (None, None)),
    ],
)
def test_a_text_is_the_number_that_people_mean_by_it(text, number):
    assert numbers_of(pa.array([text], pa.string()), pa.float64()).to_pylist() == [number]


def test_true_and_false_are_one_and_zero_and_numbers_stay():
    assert numbers_of(pa.array([True, False, None]), pa.float64()).to_pylist() == [1.0, 0.0, None]
    assert numbers_of(pa.array([3, None]), pa.int64()).to_pylist() == [3, None]
