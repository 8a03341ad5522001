import pyarrow as pa
import pytest

from components.validation import schema_widening
from components.validation.column_facts import ColumnFacts
from components.validation.schema_diff import Difference, compare
from components.validation.schema_file import SchemaFile
from components.validation.schema_text import Column

EVERY_ROW = "presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } }"
CURATED = f"""
feature {{ name: "device" type: BYTES domain: "device" {EVERY_ROW} }}
feature {{ name: "stars" type: INT int_domain {{ min: 1 max: 5 }} {EVERY_ROW} }}
feature {{ name: "first" type: INT bool_domain {{ }} presence {{ min_count: 1 }} value_count {{ min: 1 max: 1 }} }}
string_domain {{ name: "device" value: "tv" value: "phone" }}
"""


def build_facts(values, kind=None):
    column = pa.array(values, kind)
    facts = ColumnFacts(column.type)
    facts.add(column, None)
    return facts


def column(name, values, **more):
    """Builds a column from the values of its rows, as `propose` does."""
    facts = build_facts(values)
    kind = (
        "BYTES"
        if pa.types.is_string(facts.kind) or pa.types.is_list(facts.kind)
        else "FLOAT"
        if pa.types.is_floating(facts.kind)
        else "INT"
    )
    filled = "always" if None not in values else "sometimes" if facts.filled else "never"
    return Column(name, kind, filled, single=not pa.types.is_list(facts.kind), facts=facts, **more)


FITTING = {
    "device": column("device", ["tv", "phone"]),
    "stars": column("stars", [1, 5]),
    "first": column("first", [0, 1, None]),
}

CASES = {
    "a value": (column("device", ["tv", "phone", "oven"]), "+ value 'oven'"),
    "values": (column("device", ["tv", "phone", "oven", "fridge"]), "+ values 'fridge', 'oven'"),
    "too many values": (
        column("device", ["tv", "phone", *map(str, range(200))]),
        "+ more than 100 values; the schema has 2",
    ),
    "missing rows": (
        column("device", ["tv", "phone", None]),
        "+ missing in 1 of 3 rows; the schema has it in every row",
    ),
    "text for numbers": (column("stars", ["many"]), "+ holds text; the schema has integers"),
    "fractions": (column("stars", [1.5]), "+ holds numbers; the schema has integers"),
    "below": (column("stars", [1, 5, -2]), "+ down to -2; the schema has at least 1"),
    "above": (column("stars", [1, 5, 9]), "+ up to 9; the schema has at most 5"),
    "not 0 or 1": (column("first", [0, 2, None]), "+ up to 2; the schema has at most 1"),
    "no value at all": (
        Column("first", "INT", "never"),
        "+ without any value in train or in eval; the schema wants some",
    ),
    "lists": (column("device", [["tv"], ["tv", "phone"]]), "+ lists of values; the schema has one value a row"),
    "a new column": (column("color", ["red"], domain=("red",)), "+ new column: text, in every row, one of 'red'"),
}


def proposed(*changed):
    return list((FITTING | {column.name: column for column in changed}).values())


def test_fitting_data_have_no_differences():
    assert compare(SchemaFile(CURATED, "schema"), proposed()) == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_difference_is_reported_and_accepted(case):
    new, line = CASES[case]
    file = SchemaFile(CURATED, "schema")

    (difference,) = compare(file, proposed(new))
    assert (difference.column, difference.beyond) == (new.name, (line,))

    assert schema_widening.accept(file, new.name, proposed(new)) == []
    assert [difference for difference in compare(file, proposed(new)) if difference.beyond] == []
    unchanged = set(FITTING) - {new.name}
    assert all(file.features()[name] == SchemaFile(CURATED, "").features()[name] for name in unchanged)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case not in ("text for numbers", "fractions", "a new column")], ids=str
)
def test_accepted_values_stay_valid(case):
    file = SchemaFile(CURATED, "schema")

    schema_widening.accept(file, CASES[case][0].name, proposed(CASES[case][0]))

    assert [difference for difference in compare(file, proposed()) if difference.beyond] == []


def test_a_missing_column_is_removed():
    file = SchemaFile(CURATED, "schema")
    remaining = [FITTING["device"], FITTING["first"]]

    assert compare(file, remaining) == [Difference("stars", ("- no such column in the data",))]
    schema_widening.accept(file, "stars", remaining)
    assert list(file.features()) == ["device", "first"]


def test_unused_values_of_the_schema_do_not_stop_a_run():
    watched = column("device", ["tv", "tv"], drift=0.1)
    always = column("first", [0, 1])

    device, first = compare(SchemaFile(CURATED, "schema"), proposed(watched, always))

    assert device == Difference(
        "device", (), ("- not in the data: 'phone'", "could be watched for drift (drift_comparator)")
    )
    assert first == Difference("first", (), ("could be in every row",))


def test_two_accepted_columns_of_one_domain_are_both_widened():
    shared = CURATED + f'feature {{ name: "second" type: BYTES domain: "device" {EVERY_ROW} }}'
    file = SchemaFile(shared, "schema")
    new = [column("device", ["oven"]), column("second", ["radio"])]

    for name in ("device", "second"):
        schema_widening.accept(file, name, proposed(*new))

    assert list(file.domains()["device"].value) == ["tv", "phone", "oven", "radio"]


def test_lost_comments_are_reported():
    file = SchemaFile(CURATED.replace('value: "tv"', 'value: "tv"  # since 1950\n'), "schema")

    assert schema_widening.accept(file, "device", proposed(column("device", ["oven"]))) == [
        "device: the comment '# since 1950'"
    ]
