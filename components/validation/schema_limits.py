"""A curated schema's limits of one column: domain, bounds and presence, and their words."""

import collections.abc

from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation.schema_text import Column

_TYPE_WORDS = {"BYTES": "text", "INT": "integers", "FLOAT": "numbers"}
_MOST_VALUES_SHOWN = 10


def type_words(kind: str) -> str:
    """Returns a schema's type in words: "text" for BYTES."""
    return _TYPE_WORDS.get(kind, kind)


def join_values(values: collections.abc.Iterable[object]) -> str:
    """Values in a sentence, the first ten of them: 'fridge', 'oven'."""
    texts = [repr(value) for value in values]
    more = f" and {len(texts) - _MOST_VALUES_SHOWN} more" if len(texts) > _MOST_VALUES_SHOWN else ""
    return ", ".join(texts[:_MOST_VALUES_SHOWN]) + more


def wants_every_row(feature: schema_pb2.Feature) -> bool:
    """Returns whether a row without a value is an anomaly."""
    return feature.presence.min_fraction == 1.0


def domain_of(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> list[str] | None:
    """Returns the values that a text column may have; None if it is open."""
    if feature.HasField("string_domain"):
        return list(feature.string_domain.value)
    domains = [domain for domain in schema.string_domain if domain.name == feature.domain]
    return list(domains[0].value) if domains else None


def extra_values(feature: schema_pb2.Feature, column: Column, schema: schema_pb2.Schema) -> list[str] | None:
    """Returns the values outside the domain, sorted; None if there are too many to list."""
    values = domain_of(feature, schema)
    if values is None or column.facts is None:
        return []
    return (
        None if column.facts.values is None else sorted(value for value in column.facts.values if value not in values)
    )


def bounds_of(feature: schema_pb2.Feature) -> tuple[float | None, float | None]:
    """Returns the smallest and the largest number that a column may hold; None where there is no bound."""
    if feature.HasField("bool_domain") and feature.type != schema_pb2.BYTES:
        return 0, 1
    domain = feature.float_domain if feature.HasField("float_domain") else feature.int_domain
    return (domain.min if domain.HasField("min") else None, domain.max if domain.HasField("max") else None)
