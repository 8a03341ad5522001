from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation.schema_text import Column, schema_text


def parsed(*columns):
    return text_format.Parse(schema_text("shop", "log", columns), schema_pb2.Schema())


def test_a_column_as_text():
    column = Column("device", "BYTES", domain=("phone", "tv"), drift=0.1)

    assert column.text() == (
        'feature {\n  name: "device"\n  type: BYTES\n  domain: "device"\n'
        "  presence { min_fraction: 1.0 min_count: 1 }\n  shape { dim { size: 1 } }\n  drift_comparator { infinity_norm { threshold: 0.1 } }\n}\n"
        'string_domain {\n  name: "device"\n  value: "phone"\n  value: "tv"\n}\n'
    )


def test_any_name_and_value_survives():
    odd = 'a "b" \\ é\n\t\x01{ } #\u2028'

    schema = parsed(Column(odd, "BYTES", domain=(odd, "x")))

    assert schema.feature[0].name == schema.feature[0].domain == schema.string_domain[0].name == odd
    assert list(schema.string_domain[0].value) == [odd, "x"]


def test_numbers_have_bounds_of_their_type():
    schema = parsed(
        Column("a", "INT", low=0),
        Column("b", "FLOAT", low=0, high=1),
        Column("c", "INT", boolean=True),
        Column("d", "FLOAT"),
    )

    assert (schema.feature[0].int_domain.min, schema.feature[0].int_domain.HasField("max")) == (0, False)
    assert (schema.feature[1].float_domain.min, schema.feature[1].float_domain.max) == (0.0, 1.0)
    assert [feature.WhichOneof("domain_info") for feature in schema.feature] == [
        "int_domain",
        "float_domain",
        "bool_domain",
        None,
    ]


def test_the_required_presence_is_that_of_the_data():
    always, some, never, lists = parsed(
        Column("a", "INT"),
        Column("b", "INT", "sometimes"),
        Column("c", "INT", "never"),
        Column("d", "INT", "sometimes", single=False),
    ).feature

    assert (always.presence.min_fraction, always.presence.min_count, always.shape.dim[0].size) == (1.0, 1, 1)
    assert (some.presence.min_fraction, some.presence.min_count, some.value_count.max) == (0.0, 1, 1)
    assert not never.HasField("presence")
    assert (lists.presence.min_count, lists.value_count.HasField("max")) == (1, False)


def test_numbers_drift_by_their_distribution():
    assert (
        parsed(Column("hour", "INT", drift=0.2)).feature[0].drift_comparator.jensen_shannon_divergence.threshold == 0.2
    )
