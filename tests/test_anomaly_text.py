import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.errors import GateError
from components.validation.anomaly_text import describe, gate_error

UNKNOWN_DEVICE = """
anomaly_info {
  key: "device"
  value {
    path { step: "device" }
    severity: ERROR
    short_description: "Unexpected string values"
    description: "Examples contain values missing from the schema: fridge (~1%). "
  }
}
"""
GONE = """
anomaly_info {
  key: "'user_id:token'"
  value { path { step: "user_id:token" } short_description: "Column dropped" description: "Column is completely missing" }
}
"""


def anomalies(text):
    return text_format.Parse(text, anomalies_pb2.Anomalies())


def test_a_sentence_names_column_anomaly_and_values():
    assert describe(anomalies(UNKNOWN_DEVICE)) == ["device: unexpected string values. Examples contain values missing from the schema: fridge (~1%)."]


def test_columns_are_sorted_and_named_as_in_the_log():
    sentences = describe(anomalies(GONE + UNKNOWN_DEVICE))

    assert [sentence.split(": ")[0] for sentence in sentences] == ["device", "user_id:token"]


def test_what_concerns_the_whole_data_comes_first():
    whole = 'dataset_anomaly_info { short_description: "Low num examples" description: "3 < 10" }'

    assert describe(anomalies(UNKNOWN_DEVICE + whole))[0] == "all columns: low num examples. 3 < 10"
    assert describe(anomalies("data_missing: true")) == ["all columns: no data. There is not a single row."]


def test_an_anomaly_that_says_nothing_is_an_anomaly_still():
    assert describe(anomalies('anomaly_info { key: "price" value {} }')) == ["price: anomaly."]


def test_no_anomaly_no_error():
    assert describe(anomalies("")) == []
    assert gate_error({"train": [], "eval": []}, "log", "schema/shop/log.pbtxt") is None


def test_the_error_says_each_thing_once_with_its_splits_and_what_to_do():
    error = gate_error({"train": ["a: x.", "b: y."], "eval": ["a: x."]}, "log", "schema/shop/log.pbtxt")

    assert isinstance(error, GateError)
    assert str(error).splitlines() == [
        "the log does not fit its schema; nothing was learnt from it:",
        "  a: x. [train, eval]",
        "  b: y. [train]",
        "Fix the data, or accept it into the schema: schema/shop/log.pbtxt",
    ]


@pytest.mark.parametrize("short", ["Multiple errors", "multiple errors.", " multiple errors "])
def test_short_descriptions_are_written_alike(short):
    text = f'anomaly_info {{ key: "c" value {{ short_description: "{short}" description: "one.  two." }} }}'

    assert describe(anomalies(text)) == ["c: multiple errors. one. two."]
