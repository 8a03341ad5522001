"""How a log differs from its curated schema, column by column, in words."""

import collections.abc
import dataclasses

from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation.column_facts import LONGEST_DOMAIN
from components.validation.schema_file import SchemaFile
from components.validation.schema_limits import (
    bounds_of,
    domain_of,
    extra_values,
    join_values,
    type_words,
    wants_every_row,
)
from components.validation.schema_text import Column


@dataclasses.dataclass(frozen=True)
class Difference:
    """One column that the schema and the data describe differently.

    Attributes:
      column: its name.
      beyond: what the data hold that the schema does not admit: the gate stops at each.
      unused: what the schema admits and the data do not hold, and what they could be held to: nothing stops at these.
    """

    column: str
    beyond: tuple[str, ...]
    unused: tuple[str, ...] = ()


def compare(file: SchemaFile, proposed: collections.abc.Sequence[Column]) -> list[Difference]:
    """Returns the columns that differ, in the order of the schema, new ones last."""
    features, columns = file.features(), {column.name: column for column in proposed}
    differences = []
    for name, feature in features.items():
        if name in columns:
            differences.append(
                Difference(
                    name,
                    tuple(_beyond(feature, columns[name], file)),
                    tuple(_list_unused(feature, columns[name], file)),
                )
            )
        elif feature.presence.min_count or feature.presence.min_fraction:
            differences.append(Difference(name, ("- no such column in the data",)))
    differences += [Difference(name, (_new(column),)) for name, column in columns.items() if name not in features]
    return [difference for difference in differences if difference.beyond or difference.unused]


def _new(column: Column) -> str:
    filled = {"always": "in every row", "sometimes": "in some rows", "never": "hardly ever filled"}[column.filled]
    return f"+ new column: {type_words(column.kind)}, {filled}" + (
        f", one of {join_values(column.domain)}" if column.domain else ""
    )


def _beyond(feature: schema_pb2.Feature, column: Column, file: SchemaFile) -> collections.abc.Iterator[str]:
    kind = schema_pb2.FeatureType.Name(feature.type)
    if kind != column.kind:
        yield f"+ holds {type_words(column.kind)}; the schema has {type_words(kind)}"
        return
    yield from _beyond_presence(feature, column)
    values, extra = domain_of(feature, file.schema), extra_values(feature, column, file.schema)
    if extra is None:
        yield f"+ more than {LONGEST_DOMAIN} values; the schema has {len(values or ())}"
    elif extra:
        yield f"+ {'value' if len(extra) == 1 else 'values'} {join_values(extra)}"
    low, high = bounds_of(feature)
    facts = column.facts
    if facts and facts.low is not None and low is not None and facts.low < low:
        yield f"+ down to {facts.low:g}; the schema has at least {low:g}"
    if facts and facts.high is not None and high is not None and facts.high > high:
        yield f"+ up to {facts.high:g}; the schema has at most {high:g}"


def _beyond_presence(feature: schema_pb2.Feature, column: Column) -> collections.abc.Iterator[str]:
    facts = column.facts
    if facts and wants_every_row(feature) and facts.filled < facts.rows:
        yield f"+ missing in {facts.rows - facts.filled:,} of {facts.rows:,} rows; the schema has it in every row"
    elif column.filled == "never" and feature.presence.min_count:
        yield "+ without any value in train or in eval; the schema wants some"
    if not column.single and (feature.HasField("shape") or feature.value_count.max == 1):
        yield "+ lists of values; the schema has one value a row"


def _list_unused(feature: schema_pb2.Feature, column: Column, file: SchemaFile) -> collections.abc.Iterator[str]:
    if schema_pb2.FeatureType.Name(feature.type) != column.kind:
        return
    values = domain_of(feature, file.schema)
    if values is not None and column.facts and column.facts.values is not None:
        unseen = [value for value in values if value not in column.facts.values]
        if unseen:
            yield f"- not in the data: {join_values(unseen)}"
    if values is None and column.domain:
        yield f"could be one of {join_values(column.domain)}"
    if column.filled == "always" and not wants_every_row(feature):
        yield "could be in every row"
    if column.drift is not None and not feature.HasField("drift_comparator"):
        yield "could be watched for drift (drift_comparator)"
