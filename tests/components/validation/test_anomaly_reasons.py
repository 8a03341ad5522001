"""Explanations agree with the anomalies of Data Validation and with rows counted in Python."""

import collections
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.validation.anomaly_reasons import explain
from components.validation.anomaly_text import Anomaly

pytestmark = pytest.mark.tensorflow

ALWAYS = "presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } }"
SCHEMA = f"""
feature {{ name: "device" type: BYTES domain: "device" {ALWAYS} }}
feature {{ name: "price" type: FLOAT float_domain {{ min: 0.0 max: 10.0 }} {ALWAYS} }}
feature {{ name: "count" type: INT int_domain {{ min: 0 }} {ALWAYS} }}
feature {{ name: "flag" type: INT bool_domain {{ }} presence {{ min_count: 1 }} value_count {{ min: 1 max: 1 }} }}
string_domain {{ name: "device" value: "tv" value: "phone" }}
"""
GOOD = pd.DataFrame(
    {"device": ["tv", "phone"] * 50, "price": [1.5, 2.5] * 50, "count": [1, 2] * 50, "flag": [0, 1] * 50}
)


def explained(frame):
    counted = tfdv.generate_statistics_from_dataframe(frame)
    result = tfdv.validate_statistics(counted, text_format.Parse(SCHEMA, schema_pb2.Schema()))
    return explain(result, counted.datasets[0])


def test_fitting_data_have_no_anomalies():
    assert explained(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "anomaly"),
    [
        (
            {"price": [20.0] + [1.0] * 99},
            Anomaly("price", "numbers from 0 to 10", "20; 1 of 100 rows (1%) out of range"),
        ),
        (
            {"price": [-5.0, 20.0] * 50},
            Anomaly("price", "numbers from 0 to 10", "-5 and 20; all 100 rows out of range"),
        ),
        (
            {"count": [-7] * 4 + [1] * 96},
            Anomaly("count", "numbers of at least 0", "-7; 4 of 100 rows (4%) out of range"),
        ),
        ({"flag": [2, 1] * 50}, Anomaly("flag", "numbers from 0 to 1", "2; 50 of 100 rows (50%) out of range")),
        (
            {"count": [1.5] * 100},
            Anomaly("count", "values of type integers", "type numbers: 1.5, in all 100 rows"),
        ),
        (
            {"device": list(range(100))},
            Anomaly("device", "values of type text", "type integers: from 0 to 99, in all 100 rows"),
        ),
        ({"flag": [None] * 100}, Anomaly("flag", "values", "missing in all 100 rows")),
    ],
    ids=["above", "both ends", "below", "no boolean", "fractions", "numbers for text", "never there"],
)
def test_an_anomaly_has_the_expected_and_the_found_values(changed, anomaly):
    assert explained(GOOD.assign(**changed)) == [anomaly]


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_counted_as_python_counts_them(seed):
    random = np.random.default_rng(seed)
    frame = pd.concat([GOOD] * 4, ignore_index=True)
    frame["device"] = random.choice(["tv", "phone", "oven", "radio", None], len(frame), p=[0.4, 0.4, 0.1, 0.05, 0.05])
    counts = collections.Counter(frame["device"])
    strange = sorted(("oven", "radio"), key=counts.get, reverse=True)
    rows, missing = sum(counts[value] for value in strange), counts[None]

    first, second = explained(frame)

    assert first == Anomaly(
        "device", "a value in every row", f"missing in {missing} of 400 rows ({100 * missing / 400:.3g}%)"
    )
    assert second == Anomaly(
        "device",
        "one of 'phone', 'tv'",
        f"{', '.join(map(repr, strange))} in {rows} of 400 rows ({100 * rows / 400:.3g}%)",
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_rows_outside_a_bound_are_within_the_reported_range(seed):
    random = np.random.default_rng(seed)
    prices = random.normal(5, 4, 100).round(1)

    (anomaly,) = explained(GOOD.assign(price=prices))

    least, most = map(int, re.search(r"; (\d+) to (\d+) of 100 rows out of range", anomaly.got).groups())
    assert least <= int(((prices < 0) | (prices > 10)).sum()) <= most
    assert most - least < 30


def test_more_values_than_statistics_keep_are_counted_at_least():
    (anomaly,) = explained(
        pd.concat([GOOD] * 20, ignore_index=True).assign(device=[f"device {row}" for row in range(2000)])
    )

    assert anomaly.got.endswith("and 990 more in all 2,000 rows")


def test_an_unknown_anomaly_has_the_description_of_data_validation():
    result = text_format.Parse(
        'anomaly_info { key: "price" value { path { step: "price" } reason { type: FLOAT_TYPE_HAS_NAN description: "Has NaN." } } }',
        anomalies_pb2.Anomalies(),
    )

    assert explain(result, statistics_pb2.DatasetFeatureStatistics(num_examples=3)) == [
        Anomaly("price", "what the schema says of it", "Has NaN.")
    ]


def test_an_empty_split_is_one_anomaly():
    assert explained(GOOD.head(0)) == [Anomaly("", "at least one row", "no row at all")]


def test_anomalies_of_the_data_set_come_first():
    result = text_format.Parse(
        'dataset_anomaly_info { description: "3 < 10" reason { type: DATASET_LOW_NUM_EXAMPLES } }',
        anomalies_pb2.Anomalies(),
    )

    assert explain(result, statistics_pb2.DatasetFeatureStatistics(num_examples=3)) == [
        Anomaly("", "what the schema says of the data set", "3 < 10")
    ]
