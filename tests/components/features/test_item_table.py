"""The item table: rows, active items, features and numbers."""

import dataclasses

import numpy as np
import pytest

from components.declaration import Catalogue
from components.declaration.data import Boost
from components.features import item_table
from components.features.item_table import MISSING_INT

SHOP = Catalogue(
    "items", "item", title="title", categories=("kind",), texts=("words",), numbers=("price",), active="active"
)
COLUMNS = {
    "item": [b"a", b"b", b"c"],
    "title": [b"Axe", b"", b"Cup"],
    "kind": [b"tool", b"tool", b"pot"],
    "words": [b"Red steel", b"red", b"blue"],
    "price": np.array([1.0, 3.0, np.nan], np.float32),
    "active": np.array([1, 0, 1]),
}


def _columns(**changes):
    values = COLUMNS | changes
    return {
        name: column if isinstance(column, np.ndarray) else np.array(column, object) for name, column in values.items()
    }


def _build(logged=(), catalogue=SHOP, **changes):
    return item_table.build(catalogue, _columns(**changes), np.array(logged, object))


def test_a_catalogue_of_three_items():
    table = _build()
    assert table.ids.tolist() == [b"", b"a", b"b", b"c"]
    assert table.titles.tolist() == [b"", b"Axe", b"b", b"Cup"]
    assert table.active.tolist() == [False, True, False, True]
    assert table.numbers[:, 0].tolist() == [0, (1 - 2) / 1, (3 - 2) / 1, 0]  # of 1 and 3 the mean is 2, the deviation 1
    # "kind=tool" and "words:red" are shared; "kind=pot", "words:steel" and "words:blue" are of one item only.
    assert table.feature_count == 2
    assert [sorted(row[row > 0].tolist()) for row in table.features] == [[], [1, 2], [1, 2], []]


def test_without_a_catalogue_every_logged_item_is_active():
    table = item_table.build(None, {}, np.array([b"q", b"p", b"q", b""], object))
    assert table.ids.tolist() == [b"", b"p", b"q"]
    assert table.titles.tolist() == [b"", b"p", b"q"]
    assert table.active.tolist() == [False, True, True]
    assert (table.features.shape, table.feature_count, table.numbers.shape) == ((3, 1), 0, (3, 0))


def test_an_item_of_the_log_only_has_a_row_and_is_not_active():
    table = _build(logged=[b"z", b"a", b"z", b"A"])
    assert table.ids.tolist() == [b"", b"a", b"b", b"c", b"A", b"z"]
    assert table.active.tolist() == [False, True, False, True, False, False]
    assert table.titles[4:].tolist() == [b"A", b"z"]
    assert not table.features[4:].any()
    assert not table.numbers[4:].any()


def test_an_empty_log_or_catalogue_has_only_the_unknown_item():
    table = item_table.build(None, {}, np.zeros(0, object))
    assert table.ids.tolist() == [b""]
    assert table.rows_of(np.array([b"a", b""], object)).tolist() == [0, 0]
    empty = item_table.build(Catalogue("items", "item"), {"item": np.zeros(0, object)}, np.zeros(0, object))
    assert (len(empty), empty.active.tolist()) == (1, [False])


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_agrees_with_a_dictionary(seed):
    rng = np.random.default_rng(seed)
    logged, queried = (np.array([b"%d" % number for number in rng.integers(50, size=30)], object) for _ in range(2))
    table = item_table.build(None, {}, logged)
    rows = table.rows_of(queried)
    row_by_id = {item: row for row, item in enumerate(table.ids)}
    assert rows.dtype == np.int32
    assert rows.tolist() == [row_by_id.get(item, 0) for item in queried]
    assert table.rows_of(np.zeros(0, object)).shape == (0,)


@pytest.mark.parametrize(
    "active",
    [
        np.array([1, 0, 1]),
        np.array([1, MISSING_INT, 7]),
        np.array([1.0, np.nan, 1.0], np.float32),
        [b"true", b"false", b"1"],
        [b"True", b"", b"TRUE"],
        [b"yes", b"no", b"t"],
    ],
)
def test_what_counts_as_active(active):
    assert _build(active=active).active.tolist() == [False, True, False, True]


def test_without_an_active_column_every_catalogue_item_is_active():
    assert _build(logged=[b"z"], catalogue=Catalogue("items", "item")).active.tolist() == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_the_last_row_of_an_id_is_used_and_rows_without_an_id_are_dropped():
    catalogue = Catalogue("items", "item", title="title", texts=("words",), numbers=("price",), active="active")
    twice = {
        "item": [b"b", b"a", b"", b"b", b"c"],
        "title": [b"Old", b"Axe", b"Nobody", b"New", b"Cup"],
        "words": [b"red steel", b"red", b"red", b"blue", b"red blue"],
        "price": np.array([100.0, 1.0, 100.0, 2.0, 3.0], np.float32),
        "kind": [b"x"] * 5,
        "active": np.array([0, 1, 1, 1, 0]),
    }
    once = {name: [column[row] for row in (1, 3, 4)] for name, column in twice.items()}
    once = once | {name: np.array(once[name]) for name in ("price", "active")}
    table, expected = _build(catalogue=catalogue, **twice), _build(catalogue=catalogue, **once)
    assert table.titles.tolist() == [b"", b"Axe", b"New", b"Cup"]
    for field in ("ids", "titles", "active", "features", "numbers"):
        assert getattr(table, field).tolist() == getattr(expected, field).tolist(), field
    assert table.feature_count == expected.feature_count == 2


@pytest.mark.parametrize(
    "price",
    [
        np.array([1, 3, MISSING_INT]),
        np.array([1, 3, np.inf], np.float32),
        [b"1", b"3.0", b"V"],
        [b"1,0", b"3,00", b"1,234"],  # the last may be a thousand
        [b"1", b" 3 ", b""],
        [b"1", b"3", b"nan"],
    ],
)
def test_an_invalid_number_is_missing(price):
    assert _build(price=price).numbers[:, 0].tolist() == [0, -1, 1, 0]


def test_a_constant_number_or_none_at_all_is_zero():
    assert not _build(price=np.array([5.0, 5.0, 5.0], np.float32)).numbers.any()
    assert not _build(price=[b"", b"x", b""]).numbers.any()


def test_categories_and_titles_may_be_numbers():
    table = _build(kind=np.array([3, 3, MISSING_INT]), title=np.array([7, MISSING_INT, 8]), words=[b"", b"", b""])
    same = _build(kind=[b"3", b"3", b""], title=[b"7", b"", b"8"], words=[b"", b"", b""])
    assert table.titles.tolist() == same.titles.tolist() == [b"", b"7", b"b", b"8"]
    assert table.features.tolist() == same.features.tolist()
    floats = _build(kind=np.array([1.5, 1.5, np.nan], np.float32), words=[b"", b"", b""])
    assert floats.features[:, 0].tolist() == [0, 1, 1, 0]


def test_a_missing_category_is_a_feature_of_its_own():
    table = _build(kind=[b"", b"", b"pot"], words=[b"", b"", b""])
    assert table.features[:, 0].tolist() == [0, 1, 1, 0]


def test_the_same_word_in_two_columns_is_two_features_and_twice_in_one_column_is_one():
    catalogue = Catalogue("items", "item", texts=("title", "words"))
    table = _build(catalogue=catalogue, title=[b"red", b"red", b"red"], words=[b"red red", b"red", b""])
    assert table.feature_count == 2
    assert [int((row > 0).sum()) for row in table.features] == [0, 2, 2, 1]


def test_feature_slots_are_limited():
    words = b" ".join(b"w%d" % number for number in range(item_table.MAX_FEATURE_SLOTS + 5))
    table = _build(words=[words, words, b""])
    assert table.features.shape == (4, item_table.MAX_FEATURE_SLOTS)
    assert table.feature_count == 1 + item_table.MAX_FEATURE_SLOTS - 1  # the category, and the words that still fit


def _boosted(*boosts, **changes):
    return _build(
        catalogue=dataclasses.replace(SHOP, boosts=tuple(Boost(*boost) for boost in boosts)), logged=[b"z"], **changes
    )


def test_nothing_is_boosted_without_a_declared_boost():
    assert _build().boost is None


def test_boosts_of_an_item_multiply_and_leave_the_others():
    table = _boosted(("kind", "tool", 2.0), ("words", "red", 0.25))
    assert table.ids.tolist() == [b"", b"a", b"b", b"c", b"z"]
    assert table.boost.tolist() == [1, 2, 2 * 0.25, 1, 1]
    assert table.active.tolist() == [False, True, False, True, False]


def test_a_factor_of_zero_hides():
    table = _boosted(("kind", "pot", 0.0))
    assert table.active.tolist() == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("column", "value", "boosted"),
    [
        (np.array([1.0, 3.0, np.nan], np.float32), "3", [1, 1, 2, 1, 1]),
        (np.array([1, 3, MISSING_INT]), "3.0", [1, 1, 2, 1, 1]),
        (np.array([0.1, 0.3, 1.0], np.float32), "0.1", [1, 2, 1, 1, 1]),
        (np.array([b"True", b"no", b"true"], object), "true", [1, 2, 1, 2, 1]),
        (np.array([1, 0, 1]), "true", [1, 2, 1, 2, 1]),
        (np.array([1, 0, 1]), "False", [1, 1, 2, 1, 1]),
        (np.array([b"", b"", b"x"], object), "", [1, 2, 2, 1, 1]),
    ],
)
def test_a_boost_matches_text_numbers_and_flags(column, value, boosted):
    assert _boosted(("price", value, 2.0), price=column).boost.tolist() == boosted


def test_what_requests_may_filter_by_is_what_the_catalogue_says():
    table = _build(logged=[b"z"], words=[b"Red steel red", b"", b"blue"])
    assert table.filterable["kind"].tolist() == [(), (b"tool",), (b"tool",), (b"pot",), ()]
    assert table.filterable["words"].tolist() == [(), (b"Red", b"steel", b"red"), (), (b"blue",), ()]
    np.testing.assert_array_equal(table.filterable["price"], [np.nan, 1, 3, np.nan, np.nan])
    assert SHOP.filterable == ("kind", "words", "price")


def test_a_long_text_is_nothing_to_filter_by():
    words = b" ".join(b"word%d" % place for place in range(item_table.MAX_FEATURE_SLOTS + 1))
    assert "words" not in _build(words=[words, b"a", b"b"]).filterable
    assert "words" in _build(words=[words.rpartition(b" ")[0], b"a", b"b"]).filterable


def test_a_category_of_numbers_is_filtered_by_its_text():
    assert _build(kind=np.array([1999, MISSING_INT, 7])).filterable["kind"].tolist() == [(), (b"1999",), (), (b"7",)]
