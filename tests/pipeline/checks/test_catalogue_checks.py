import dataclasses

import pyarrow as pa
import pyarrow.csv
import pytest

from components.declaration import Catalogue, Filter, Launch, Log, Objective, Split
from pipeline.checks import catalogue_checks
from pipeline.checks.log_view import LogView

CATALOGUE = Catalogue(path="items.csv", item="sku", title="name", numbers=("year",), active="on")
LAUNCH = Launch(
    name="tea",
    log=Log(path="x.csv", user="who", item="what", time="at"),
    split=Split(eval_share=0.5),
    objectives=(Objective("any"),),
    catalogue=CATALOGUE,
)
GOOD = {"sku": ["x", "y", "z"], "name": ["X", "Y", "Z"], "year": ["1999", "2001", ""], "on": ["1", "1", "0"]}
LOGGED = ["x", "y", "x", "x"]


def findings(tmp_path, columns, logged=LOGGED, text=None):
    if text is None:
        pyarrow.csv.write_csv(pa.table(columns), tmp_path / "items.csv")
    else:
        (tmp_path / "items.csv").write_text(text)
    table = pa.table({"who": ["u"] * len(logged), "what": logged, "at": [1_760_000_000] * len(logged)})
    return list(catalogue_checks.check(LogView(LAUNCH, table, tuple(table.schema.names)), CATALOGUE, tmp_path))


def test_a_good_catalogue_has_no_finding(tmp_path):
    assert findings(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("change", "logged", "level", "text"),
    [
        (
            {"sku": ["x", "y", "z", "y"], "name": list("XYZY"), "year": ["1"] * 4, "on": ["1"] * 4},
            LOGGED,
            "error",
            "1 items are in the catalogue more than once, such as 'y'.",
        ),
        ({"sku": ["x", "y", None]}, LOGGED, "warning", "1 of 3 (33.3%) rows of the catalogue have no item."),
        (
            {},
            ["x", "y", "x", "q"],
            "warning",
            "1 of 4 (25.0%) positive events are on items that the catalogue does not have, such as 'q'.",
        ),
        ({}, ["1", "2", "x"], "error", "does not have, such as '1'; the catalogue has 'x'."),
        (
            {"on": ["0", "1", "1"]},
            LOGGED,
            "warning",
            "3 of 4 (75.0%) positive events are on 1 items that are not active, such as 'x'.",
        ),
        ({"on": ["sold", "left", "gone"]}, LOGGED, "error", "no item is active: 'on' holds values such as 'sold'."),
        (
            {"year": ["old", "2001", ""]},
            LOGGED,
            "warning",
            "1 of 3 (33.3%) values of the catalogue's 'year' are no numbers, such as 'old'.",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_number_and_an_example(tmp_path, change, logged, level, text):
    results = findings(tmp_path, GOOD | change, logged)
    assert len(results) == 1, results
    assert (results[0].level, text in results[0].what) == (level, True), results


def test_missing_columns_are_named(tmp_path):
    results = findings(tmp_path, {"id": ["x"], "name": ["X"], "year": [1], "on": [True]})
    assert [finding.what for finding in results] == [
        "column 'sku' is not in the catalogue, which has 'id', 'name', 'year', 'on'."
    ]


def test_booleans_are_flags(tmp_path):
    assert findings(tmp_path, GOOD | {"on": [True, True, False]}) == []


def test_a_catalogue_that_cannot_be_read_is_an_error(tmp_path):
    results = findings(tmp_path, None, text="")
    assert [finding.level for finding in results] == ["error"]
    assert results[0].what.startswith("the catalogue cannot be read: ")


def test_a_column_in_another_encoding_is_an_error_by_name(tmp_path):
    items = "sku,name,year,on\nx,Café,1999,1\ny,Y,2001,1\nz,Z,,0\n".encode("latin1")
    (tmp_path / "items.csv").write_bytes(items)
    table = pa.table({"who": ["u"], "what": ["x"], "at": [1_760_000_000]})
    results = list(catalogue_checks.check(LogView(LAUNCH, table, tuple(table.schema.names)), CATALOGUE, tmp_path))
    assert [finding.level for finding in results] == ["error"]
    assert "'name'" in results[0].what and "UTF-8" in results[0].what


def test_a_decimal_comma_is_a_number(tmp_path):
    assert findings(tmp_path, GOOD | {"year": ["1,5", "2,75", ""]}) == []


def test_a_filter_of_numbers_needs_numbers(tmp_path):
    catalogue = dataclasses.replace(CATALOGUE, filters=(Filter("name", "<=", value=3),))
    pyarrow.csv.write_csv(pa.table(GOOD), tmp_path / "items.csv")
    table = pa.table({"who": ["u"] * 4, "what": LOGGED, "at": [1_760_000_000] * 4})
    view = LogView(LAUNCH, table, tuple(table.schema.names))
    (finding,) = catalogue_checks.check(view, catalogue, tmp_path)
    assert "'name' are no numbers" in finding.text() and "always shown" in finding.text()
