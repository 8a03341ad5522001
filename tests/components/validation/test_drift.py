import dataclasses
import math

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.declaration import Drift, Launch, Log, Objective, Split
from components.errors import DeclarationError, GateError
from components.validation import drift

COMPARED = """
drift_skew_info { path { step: "device" } drift_measurements { type: L_INFTY value: 0.25 threshold: 0.1 } }
drift_skew_info { path { step: "hour" } drift_measurements { type: JENSEN_SHANNON_DIVERGENCE value: 0.05 threshold: 0.1 } }
anomaly_info { key: "device" value { path { step: "device" } } }
anomaly_info { key: "gone" value { path { step: "gone" } } }
"""
IDS = {"user": np.array([b"a", b"b", b"a"], object), "item": np.array([b"1", b"2", b"3"], object)}
NEWEST = {"user": np.array([b"b", b"c", b"d", b"c"], object), "item": np.array([b"3", b"2", b"2", b"9"], object)}


def shifts(allowed=None, listed=None):
    return drift.id_shifts(allowed or Drift(), IDS, NEWEST, listed)


def test_columns_are_reported_with_their_thresholds():
    device, hour, gone = drift.column_shifts(text_format.Parse(COMPARED, anomalies_pb2.Anomalies()))

    assert device.text() == "device: the share of one value changed by 0.250, at most 0.1 allowed"
    assert hour.text() == "hour: the distributions are 0.050 apart (Jensen-Shannon), at most 0.1 allowed"
    assert gone.text() == "gone: could not be compared: no values in one split, or a comparator for another type"
    assert [device.too_far, hour.too_far, gone.too_far] == [True, False, True]


def test_a_column_that_is_new_since_the_served_version_is_no_drift_from_it():
    device, hour = drift.find_served_shifts(text_format.Parse(COMPARED, anomalies_pb2.Anomalies()))

    assert (
        device.text() == "device since the served version: the share of one value changed by 0.250, at most 0.1 allowed"
    )
    assert (hour.name, hour.too_far) == ("hour since the served version", False)


def test_shares_are_of_distinct_ids():
    users, items, unlisted = shifts(listed=np.array([b"1", b"2"], object))

    assert users.value == 2 / 3  # c and d of b, c, d
    assert items.value == 1 / 3  # 9 of 2, 3, 9
    assert unlisted.value == 2 / 3  # 3 and 9
    assert users.text() == "new users: 66.7% of those in the eval split are not in the train split, at most 50% allowed"
    assert len(shifts()) == 2, "nothing is unlisted without a catalogue"


@pytest.mark.parametrize("seed", range(5))
def test_the_share_agrees_with_sets(seed):
    random = np.random.default_rng(seed)
    reference, ids = (
        np.array([str(number).encode() for number in random.integers(0, 50, size)], object) for size in (30, 40)
    )

    assert math.isclose(drift.new_share(reference, ids), len(set(ids) - set(reference)) / len(set(ids)))
    assert drift.new_share(ids, ids) == 0
    assert drift.new_share(reference, ids[:0]) == 0
    assert drift.new_share(reference[:0], ids) == 1


def test_drift_stops_a_run_only_if_declared():
    comparisons = shifts()
    stops = dataclasses.replace(Drift(), stop=True)

    assert drift.drift_error(comparisons, Drift(), "schema.pbtxt") is None
    error = drift.drift_error(comparisons, stops, "schema.pbtxt")
    assert isinstance(error, GateError)
    assert "  new users: 66.7% of those in the eval split are not in the train split, at most 50% allowed" in str(error)
    assert "new items: 33.3%" in str(error)
    assert drift.drift_error(shifts(Drift(new_users=0.7, new_items=0.4)), stops, "schema.pbtxt") is None


def test_the_headline_metric_names_the_drift_beyond_its_threshold():
    assert drift.figure(shifts()) == "DRIFT: new users 0.667 > 0.5, new items 0.333 > 0.2"
    assert drift.figure(shifts(Drift(new_users=1.0, new_items=1.0))) == "no drift, 67% new users, 33% new items"


def test_a_column_that_is_named_like_a_share_is_none():
    quiet = drift.Shift("newsletter", drift._MOVED, 0.05, 0.1)

    assert (
        drift.figure([quiet, *shifts(Drift(new_users=1.0, new_items=1.0))]) == "no drift, 67% new users, 33% new items"
    )


def test_the_report_has_everything_and_the_worst_first():
    report = drift.report(shifts(Drift(new_users=1.0))).splitlines()

    assert [line[:15] for line in report] == ["DRIFT new items", "ok    new users"]


def test_a_threshold_is_a_share():
    with pytest.raises(DeclarationError, match=r"launch.drift.new_users needs a number from 0 to 1, got 50.0"):
        Launch(
            "a",
            Log("log/", "user", "item", "time"),
            Split(eval_days=1.0),
            (Objective("any"),),
            drift=Drift(new_users=50.0),
        )
