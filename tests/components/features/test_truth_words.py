"""One list of truth words: `active` and boosts read a flag alike."""

import numpy as np
import pytest

from components.declaration import Boost, Catalogue
from components.features import item_table, truth_words


def column(*values):
    return np.array([*values, None], object)[:-1]


@pytest.mark.parametrize("word", sorted(truth_words.TRUE_WORDS))
@pytest.mark.parametrize("spelled", [str, str.upper, str.capitalize])
def test_a_true_word_is_active_and_matches_a_boost_on_true(word, spelled):
    text = spelled(word).encode()
    catalogue = Catalogue(path="x.csv", item="id", active="on_sale", boosts=(Boost("on_sale", "true", 3.0),))
    columns = {"id": column(b"a", b"b"), "on_sale": column(text, b"no")}
    table = item_table.build(catalogue, columns, column())
    row = int(table.rows_of(column(b"a"))[0])
    other = int(table.rows_of(column(b"b"))[0])
    assert table.active[row] and not table.active[other]
    assert (table.boost[row], table.boost[other]) == (3.0, 1.0)


@pytest.mark.parametrize("word", sorted(truth_words.FALSE_WORDS))
def test_a_false_word_is_not_active_and_is_hidden_by_a_boost_of_zero_on_false(word):
    catalogue = Catalogue(path="x.csv", item="id", boosts=(Boost("in_stock", "false", 0.0),))
    table = item_table.build(catalogue, {"id": column(b"a"), "in_stock": column(word.encode())}, column())
    assert not table.active[int(table.rows_of(column(b"a"))[0])]
    assert not truth_words.is_true(column(word.encode()))[0]


def test_numbers_are_true_above_zero_and_missing_is_not():
    assert truth_words.is_true(np.array([1, 0, 2])).tolist() == [True, False, True]
    assert truth_words.is_true(np.array([np.nan, 1.0])).tolist() == [False, True]
    assert truth_words.is_true(column(b"")).tolist() == [False]


def test_the_words_do_not_overlap():
    assert not truth_words.TRUE_WORDS & truth_words.FALSE_WORDS
