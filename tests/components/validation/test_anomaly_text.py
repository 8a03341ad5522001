from components.errors import GateError
from components.validation.anomaly_text import Anomaly, gate_error

UNKNOWN = Anomaly("device", "one of 'tv'", "'fridge' in 1 of 8 rows (12.5%)")
ACCEPT = "python -m pipeline schema --launch shop --accept"


def test_no_anomaly_no_error():
    assert gate_error({"train": [], "eval": []}, "log", "schema/shop/log.pbtxt", ACCEPT) is None


def test_the_error_lists_each_anomaly_once_with_its_splits_and_the_fix():
    missing = Anomaly("my column", "a value in every row", "missing in 2 of 8 rows (25%)")
    rarer = Anomaly("device", "one of 'tv'", "'oven' in 1 of 4 rows (25%)")

    error = gate_error({"train": [UNKNOWN, missing], "eval": [rarer, missing]}, "log", "schema/shop/log.pbtxt", ACCEPT)

    assert isinstance(error, GateError)
    assert str(error).splitlines() == [
        "the log does not fit its schema, so the run stopped before training:",
        "  device",
        "    expected  one of 'tv'",
        "    got       'fridge' in 1 of 8 rows (12.5%) [train]",
        "    got       'oven' in 1 of 4 rows (25%) [eval]",
        f"    accept    {ACCEPT} device",
        "  my column",
        "    expected  a value in every row",
        "    got       missing in 2 of 8 rows (25%) [train, eval]",
        f"    accept    {ACCEPT} 'my column'",
        "Fix the data and run again, or accept a column with the command below it, or all columns with",
        f"  {ACCEPT}",
        "into the schema schema/shop/log.pbtxt",
    ]


def test_anomalies_of_the_data_set_come_first_and_cannot_be_accepted_by_column():
    error = gate_error(
        {"all": [Anomaly("", "at least one row", "no row at all"), UNKNOWN]}, "catalogue", "schema", ACCEPT
    )

    assert str(error).splitlines()[1:5] == [
        "  all columns",
        "    expected  at least one row",
        "    got       no row at all [all]",
        "  device",
    ]
