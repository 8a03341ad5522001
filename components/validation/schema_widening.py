"""The smallest change of a curated schema that admits what the data hold in one column.

To accept is to widen: what the schema allowed stays allowed. Only a column that is gone, or is of another type, is
replaced.
"""

import collections.abc

from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation.schema_file import SchemaFile
from components.validation.schema_limits import bounds_of, extra_values, wants_every_row
from components.validation.schema_text import Column, schema_text


def accept(file: SchemaFile, column: str, proposed: collections.abc.Sequence[Column]) -> list[str]:
    """Widens the schema so that it admits what the data hold in one column.

    Returns:
      What is lost by it, a sentence each: comments inside the rewritten blocks.
    """
    new = next((candidate for candidate in proposed if candidate.name == column), None)
    old = file.features().get(column)
    lost = []
    if new is None:
        lost += _put(file, "feature", column, None)
    elif old is None or schema_pb2.FeatureType.Name(old.type) != new.kind:
        parsed = SchemaFile(schema_text("", "", [new]), column)
        lost += _put(file, "feature", column, parsed.features()[column])
        for name, domain in parsed.domains().items():
            lost += _put(file, "string_domain", name, domain)
    else:
        feature = schema_pb2.Feature()
        feature.CopyFrom(old)
        lost += _widen_values(feature, new, file)
        _widen_numbers(feature, new)
        _widen_presence(feature, new)
        if feature != old:
            lost += _put(file, "feature", column, feature)
    return lost


def _put(
    file: SchemaFile, kind: str, name: str, meaning: schema_pb2.Feature | schema_pb2.StringDomain | None
) -> list[str]:
    lost = [f"{name}: the comment {comment!r}" for comment in file.comments_in(kind, name)]
    file.replace(kind, name, meaning)
    return lost


def _widen_values(feature: schema_pb2.Feature, column: Column, file: SchemaFile) -> list[str]:
    extra = extra_values(feature, column, file.schema)
    if extra is None:  # Too many values for a category: the column is opened.
        feature.ClearField("domain_info")
        return []
    if not extra:
        return []
    if feature.HasField("string_domain"):
        feature.string_domain.value.extend(extra)
        return []
    domain = schema_pb2.StringDomain()
    domain.CopyFrom(file.domains()[feature.domain])
    domain.value.extend(extra)
    return _put(file, "string_domain", domain.name, domain)


def _widen_numbers(feature: schema_pb2.Feature, column: Column) -> None:
    low, high = bounds_of(feature)
    values = column.facts
    if values is None or values.low is None or values.high is None:
        return
    over = (low is not None and values.low < low, high is not None and values.high > high)
    if feature.HasField("bool_domain"):
        if any(over):
            feature.ClearField("bool_domain")
        return
    domain = feature.float_domain if feature.HasField("float_domain") else feature.int_domain
    if over[0]:
        domain.min = values.low
    if over[1]:
        domain.max = values.high


def _widen_presence(feature: schema_pb2.Feature, column: Column) -> None:
    if column.filled != "always" and wants_every_row(feature):
        feature.presence.ClearField("min_fraction")
        feature.ClearField("shape")
        feature.value_count.min = feature.value_count.max = 1
    if column.filled == "never":
        feature.ClearField("presence")
    if not column.single:
        feature.ClearField("shape")
        feature.value_count.Clear()
        feature.value_count.min = 0
