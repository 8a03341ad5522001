from pathlib import Path

import pyarrow as pa
import pytest

from components.declaration import Catalogue
from pipeline.onboarding import catalogue_proposal, new
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.log_sample import Sample

ITEMS = [f"i{number}" for number in range(40)]


def sample(**columns):
    made = {name: Column(name, pa.array(values)) for name, values in columns.items()}
    return Sample(Path("/data"), "items.csv", ("/data/items.csv",), ",", made, 40)


def test_columns_get_their_roles_from_names_types_and_values():
    made = sample(
        code=[f"x{number}" for number in range(40)],
        sku=ITEMS,
        name=[f"Red chair {number}" for number in range(40)],
        genre=["a", "b"] * 20,
        blurb=[f"a text of words {number}" for number in range(40)],
        price=[1.5, 2.5] * 20,
        year=["1999", "2001"] * 20,
        group_id=[1, 2, 3, 4] * 10,
        in_stock=[True, False] * 20,
        added=[1_760_000_000 + number for number in range(40)],
        constant=[7] * 40,
    )
    proposed = catalogue_proposal.propose(made, "items.csv", pa.array(["i3", "i4", "i99", "i3"]))

    assert proposed.catalogue == Catalogue(
        "items.csv",
        "sku",
        "name",
        categories=("genre", "group_id"),
        texts=("name", "blurb"),
        numbers=("price", "year"),
        active="in_stock",
    )
    assert proposed.why["sku"] == "holds 67% of the items in the log's first rows"
    assert set(proposed.unused) == {"code", "added", "constant"}


def test_brands_and_sellers_of_a_large_catalogue_are_categories_and_ids_of_single_items_are_not():
    ids = [f"i{number}" for number in range(3000)]
    made = sample(
        sku=ids,
        brand=[f"b{number % 900}" for number in range(3000)],
        seller_id=[number % 700 for number in range(3000)],
        barcode=[f"c{number}" for number in range(3000)],
        supplier_id=list(range(3000)),
    )
    proposed = catalogue_proposal.propose(made, "items.csv", pa.array(["i3"]))
    assert proposed.catalogue.categories == ("brand", "seller_id")
    assert set(proposed.unused) == {"barcode", "supplier_id"}


def test_numbers_of_the_log_are_found_in_the_texts_of_the_catalogue():
    assert catalogue_proposal.propose(sample(id=["7", "8"]), "items.csv", pa.array([7, 8])).catalogue.item == "id"


def test_prices_with_a_decimal_comma_are_numbers():
    made = sample(sku=ITEMS, price=[f"{number},5{number % 10}" for number in range(40)])
    proposed = catalogue_proposal.propose(made, "items.csv", pa.array(["i3"])).catalogue
    assert proposed.numbers == ("price",)


def test_a_catalogue_of_other_items_is_an_error_with_the_way_out():
    with pytest.raises(catalogue_proposal.CatalogueError) as caught:
        catalogue_proposal.propose(sample(sku=ITEMS), "items.csv", pa.array(["p1"]))
    assert str(caught.value) == (
        "items.csv: no column holds items of the log, such as ['p1']. Its columns:\n  sku: string, 40 different values such as 'i0'\n"
        "Give the catalogue of the same items, or leave --catalogue out."
    )


def test_a_path_below_the_data_folder_is_relative():
    assert catalogue_proposal.relative(Path("/data/items.csv"), Path("/data")) == "items.csv"
    assert catalogue_proposal.relative(Path("/other/items.csv"), Path("/data")) == "/other/items.csv"


def test_the_items_of_the_log_may_stand_anywhere_in_a_large_catalogue(tmp_path):
    rows = [f"u{row % 7},z{row % 11},{1_740_000_000 + 60 * row}" for row in range(60)]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    ids = [f"a{item}" for item in range(60_000)] + [f"z{item}" for item in range(11)]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,kind", *(f"{item},tea" for item in ids)]))
    said = new.make(tmp_path / "mine", tmp_path / "log.csv", tmp_path / "items.csv", None, {})
    assert "'item_id' holds 100% of the items" in str(said)
