import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from executed_node import run
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.declaration import Catalogue, Drift, Launch, Log, Objective, Split
from components.declaration.views import DriftView
from components.errors import GateError
from components.ingest.example_gen import catalogue_example_gen, events_example_gen
from components.validation.drift_steps import DriftGate

pytestmark = pytest.mark.tensorflow

DAY = 86_400


def launch(stop):
    return Launch(
        "shop",
        Log("log.parquet", "user", "item", "time", not_before=None),
        Split(eval_days=1.0),
        (Objective("any"),),
        catalogue=Catalogue("items.parquet", "item"),
        drift=Drift(stop=stop, new_users=0.5, new_items=0.5, unlisted_items=0.2),
    )


@pytest.fixture
def gate(tmp_path):
    """Runs the gate on two days of a log; user c is new, item 9 is new and not in the catalogue of 1 and 2."""
    events = {"user": ["a", "b", "a", "c"], "item": [1, 2, 2, 9], "time": [0, 1, 3 * DAY, 3 * DAY]}
    pq.write_table(pa.table(events), tmp_path / "log.parquet")
    pq.write_table(pa.table({"item": [1, 2]}), tmp_path / "items.parquet")
    compared = standard_artifacts.ExampleAnomalies()
    compared.uri, compared.split_names = str(tmp_path / "compared"), '["eval_train"]'
    io_utils.write_bytes_file(
        f"{compared.uri}/SplitPair-eval_train/SchemaDiff.pb", anomalies_pb2.Anomalies().SerializeToString()
    )

    def call(stop, with_catalogue=True, served=""):
        if served:
            compared.split_names = '["eval_train", "train_served"]'
            result = text_format.Parse(served, anomalies_pb2.Anomalies())
            io_utils.write_bytes_file(
                f"{compared.uri}/SplitPair-train_served/SchemaDiff.pb", result.SerializeToString()
            )
        declared = launch(stop)
        examples = {"examples": run(events_example_gen(declared, str(tmp_path), ""), tmp_path / "log")}
        if with_catalogue:
            examples["catalogue"] = run(catalogue_example_gen(declared, str(tmp_path), ""), tmp_path / "items")
        passed = standard_artifacts.String()
        passed.uri = str(tmp_path / "passed")
        DriftGate.test_call(
            drift_anomalies=compared,
            **examples,
            passed=passed,
            launch=DriftView.of(declared).to_json(),
            schema="schema.pbtxt",
            code="",
        )
        return passed

    return call


def test_new_and_unlisted_ids_are_reported(gate, tmp_path):
    passed = gate(stop=False)

    assert passed.get_string_custom_property("figure") == "DRIFT: unlisted items 0.5 > 0.2"
    assert (tmp_path / "passed").read_text().splitlines() == [
        "DRIFT unlisted items: 50.0% of those in the eval split are not in the catalogue, at most 20% allowed",
        "ok    new users: 50.0% of those in the eval split are not in the train split, at most 50% allowed",
        "ok    new items: 50.0% of those in the eval split are not in the train split, at most 50% allowed",
    ]


def test_they_stop_the_run_if_declared(gate):
    with pytest.raises(GateError, match=r"has drifted.*\n  unlisted items: 50.0%"):
        gate(stop=True)


def test_without_a_catalogue_nothing_is_unlisted(gate):
    assert (
        gate(stop=True, with_catalogue=False).get_string_custom_property("figure")
        == "no drift, 50% new users, 50% new items"
    )


def test_drift_since_the_served_version_is_reported_and_stops(gate):
    moved = (
        'drift_skew_info { path { step: "device" } drift_measurements { type: L_INFTY value: 0.25 threshold: 0.1 } }'
    )

    figure = gate(stop=False, with_catalogue=False, served=moved).get_string_custom_property("figure")
    assert figure == "DRIFT: device since the served version 0.25 > 0.1"
    with pytest.raises(
        GateError,
        match=r"device since the served version: the share of one value changed by 0\.250, at most 0.1 allowed",
    ):
        gate(stop=True, with_catalogue=False, served=moved)
