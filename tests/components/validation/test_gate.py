import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.errors import GateError
from components.validation.artifacts import read_anomalies
from components.validation.schema_gate import SchemaGate

pytestmark = pytest.mark.tensorflow

GOOD = pd.DataFrame(
    {"device": ["tv", "phone"] * 50, "user_id:token": ["a", "b", "c", "d"] * 25, "price": [1.5, 2.5] * 50}
)
ACCEPT = "python -m pipeline schema --launch shop --accept"


def artifacts_of(folder, **frames):
    """Returns the artifacts that ExampleValidator (with the schema of GOOD) and StatisticsGen write for the splits."""
    schema = tfdv.infer_schema(tfdv.generate_statistics_from_dataframe(GOOD))
    anomalies, statistics = standard_artifacts.ExampleAnomalies(), standard_artifacts.ExampleStatistics()
    anomalies.uri, statistics.uri = str(folder / "anomalies"), str(folder / "statistics")
    anomalies.split_names = statistics.split_names = artifact_utils.encode_split_names(list(frames))
    for split, frame in frames.items():
        counted = tfdv.generate_statistics_from_dataframe(frame)
        result = tfdv.validate_statistics(counted, schema)
        io_utils.write_bytes_file(
            f"{artifact_utils.get_split_uri([anomalies], split)}/SchemaDiff.pb", result.SerializeToString()
        )
        whole = statistics_pb2.DatasetFeatureStatisticsList.FromString(counted.SerializeToString())
        io_utils.write_bytes_file(
            f"{artifact_utils.get_split_uri([statistics], split)}/FeatureStats.pb", whole.SerializeToString()
        )
    return {"anomalies": anomalies, "statistics": statistics}


def gate(artifacts, folder):
    passed = standard_artifacts.String()
    passed.uri = str(folder / "passed")
    SchemaGate.test_call(**artifacts, passed=passed, data="log", schema="schema/shop/log.pbtxt", launch="shop", code="")
    return passed


def test_good_data_pass_with_a_figure(tmp_path):
    passed = gate(artifacts_of(tmp_path, train=GOOD, eval=GOOD), tmp_path)

    assert passed.get_string_custom_property("figure") == "no anomalies in 3 columns"
    assert (tmp_path / "passed").read_text() == "log: no anomalies in 3 columns"


FIFTY = ["tv", "fridge"] * 25 + ["tv"] * 50


@pytest.mark.parametrize(
    ("bad", "column", "expected", "got"),
    [
        (GOOD.drop(columns="price"), "price", "a value in every row", "missing in all 100 rows"),
        (GOOD.assign(price=[None] * 3 + [1.5] * 97), "price", "a value in every row", "missing in 3 of 100 rows (3%)"),
        (GOOD.assign(price="dear"), "price", "values of type numbers", "type text: such as 'dear', in all 100 rows"),
        (GOOD.assign(price=2), "price", "values of type numbers", "type integers: 2, in all 100 rows"),
        (GOOD.assign(device=FIFTY), "device", "one of 'phone', 'tv'", "'fridge' in 25 of 100 rows (25%)"),
        (GOOD.assign(color="red"), "color", "no such column", "a column of type text: such as 'red', in all 100 rows"),
        (GOOD.assign(**{"user_id:token": None}), "user_id:token", "a value in every row", "missing in all 100 rows"),
        (GOOD.assign(device=[["tv", "tv"], ["tv"]] * 50), "device", "one value a row", "from 1 to 2 values a row"),
    ],
    ids=[
        "a missing column",
        "missing values",
        "text",
        "another number",
        "an unknown value",
        "a new column",
        "an empty column with an odd name",
        "lists",
    ],
)
def test_an_anomaly_of_any_split_stops_the_run_and_is_explained(tmp_path, bad, column, expected, got):
    with pytest.raises(GateError) as caught:
        gate(artifacts_of(tmp_path, train=GOOD, eval=bad), tmp_path)

    assert str(caught.value).splitlines() == [
        "the log does not fit its schema, so the run stopped before training:",
        f"  {column}",
        f"    expected  {expected}",
        f"    got       {got} [eval]",
        f"    accept    {ACCEPT} {column}",
        "Fix the data and run again, or accept a column with the command below it, or all columns with",
        f"  {ACCEPT}",
        "into the schema schema/shop/log.pbtxt",
    ]


def test_a_split_without_rows_stops_the_run(tmp_path):
    artifacts = artifacts_of(tmp_path, train=GOOD, eval=GOOD.head(0))

    assert (
        read_anomalies(artifacts["anomalies"])["eval"].data_missing
        or read_anomalies(artifacts["anomalies"])["eval"].anomaly_info
    )
    with pytest.raises(
        GateError, match=r"all columns\n    expected  at least one row\n    got       no row at all \[eval\]"
    ):
        gate(artifacts, tmp_path)
