import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.errors import GateError
from components.validation.gate import ValidationGate, read_anomalies

pytestmark = pytest.mark.tensorflow

GOOD = pd.DataFrame({"device": ["tv", "phone"] * 50, "user_id:token": ["a", "b", "c", "d"] * 25, "price": [1.5, 2.5] * 50})


def anomalies_of(folder, **frames):
    """The artifact that ExampleValidator writes for these splits, by the schema of GOOD."""
    schema = tfdv.infer_schema(tfdv.generate_statistics_from_dataframe(GOOD))
    artifact = standard_artifacts.ExampleAnomalies()
    artifact.uri, artifact.split_names = str(folder), artifact_utils.encode_split_names(list(frames))
    for split, frame in frames.items():
        found = tfdv.validate_statistics(tfdv.generate_statistics_from_dataframe(frame), schema)
        io_utils.write_bytes_file(f"{artifact_utils.get_split_uri([artifact], split)}/SchemaDiff.pb", found.SerializeToString())
    return artifact


def gate(anomalies, folder):
    passed = standard_artifacts.String()
    passed.uri = str(folder / "passed")
    ValidationGate.test_call(anomalies=anomalies, passed=passed, data="log", schema="schema/shop/log.pbtxt", code="")
    return passed


def test_good_data_pass_with_a_figure(tmp_path):
    passed = gate(anomalies_of(tmp_path, train=GOOD, eval=GOOD), tmp_path)

    assert passed.get_string_custom_property("figure") == "no anomalies in 3 columns"
    assert (tmp_path / "passed").read_text() == "log: no anomalies in 3 columns"


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (GOOD.drop(columns="price"), "price: column dropped. "),
        (GOOD.assign(price="dear"), "price: unexpected data type. Expected data of type: FLOAT but got STRING"),
        (GOOD.assign(device=["tv", "fridge"] * 50), "device: unexpected string values. Examples contain values missing from the schema: fridge"),
        (GOOD.assign(color="red"), "color: new column. "),
        (GOOD.assign(**{"user_id:token": None}), "user_id:token: "),
    ],
    ids=["a missing column", "a wrong type", "an unknown value", "a new column", "an empty column with an odd name"],
)
def test_an_anomaly_of_any_split_stops_the_run_and_is_named(tmp_path, bad, line):
    with pytest.raises(GateError) as caught:
        gate(anomalies_of(tmp_path, train=GOOD, eval=bad), tmp_path)

    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[0] == "the log does not fit its schema; nothing was learnt from it:"
    assert lines[1].startswith(f"  {line}")
    assert lines[1].endswith(" [eval]")
    assert lines[2] == "Fix the data, or accept it into the schema: schema/shop/log.pbtxt"


def test_a_split_without_rows_stops_the_run(tmp_path):
    anomalies = anomalies_of(tmp_path, train=GOOD, eval=GOOD.head(0))

    assert read_anomalies(anomalies)["eval"].data_missing or read_anomalies(anomalies)["eval"].anomaly_info
    with pytest.raises(GateError):
        gate(anomalies, tmp_path)
