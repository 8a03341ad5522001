import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.validation.anomaly_text import accept_command
from pipeline import launches
from pipeline.cli import main
from pipeline.local.sample import with_log
from pipeline.settings import PROJECT, Settings

ROWS = 200


@pytest.fixture
def folder(tmp_path):
    """A log and a catalogue that fit the shop's schemas, and a copy of those."""
    shown = np.arange(ROWS) % 2 == 0
    log = {
        "user_id": [f"u{row % 7}" for row in range(ROWS)],
        "item_id": [f"i{row % 5}" for row in range(ROWS)],
        "timestamp": np.arange(ROWS) + 1_700_000_000_000,
        "event": np.where(shown, "impression", "click"),
        "request_id": [f"r{row // 2}" for row in range(ROWS)],
        "position": pa.array(np.zeros(ROWS, int), mask=~shown),
        "policy": pa.array(["rules"] * ROWS, mask=~shown),
        "propensity": pa.array([0.5] * ROWS, mask=~shown),
        "model_version": pa.array(["1"] * ROWS, mask=~shown),
        "device": ["tablet", "mobile"] * (ROWS // 2),
        "country": ["DE", "FR"] * (ROWS // 2),
    }
    items = {
        "item_id": ["i1"],
        "title": ["x"],
        "category": ["bath"],
        "brand": ["Ostra"],
        "price": [1.0],
        "active": [True],
        "launched_ms": [1],
    }
    pq.write_table(pa.table(log), tmp_path / "events.parquet")
    pq.write_table(pa.table(items), tmp_path / "items.parquet")
    shutil.copytree(PROJECT / "schema" / "shop", tmp_path / "schema" / "shop")
    return tmp_path


def set_values(folder, name, values, file="events.parquet"):
    table = pq.read_table(folder / file)
    pq.write_table(
        table.drop([name] if name in table.schema.names else []).append_column(name, pa.array(values)), folder / file
    )


@pytest.fixture
def schema(folder, monkeypatch, capsys):
    """Runs the command; gives its status and what it printed."""
    monkeypatch.setenv("DAYONE_SCHEMA", str(folder / "schema"))

    def run(*arguments):
        status = main.main(["schema", "--launch", "shop", "--log", str(folder), *arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def log_schema(folder):
    return (folder / "schema" / "shop" / "log" / "schema.pbtxt").read_text()


def test_data_that_fit_are_said_to_fit(folder, schema):
    status, printed = schema()

    assert status == 0
    assert f"{folder}/schema/shop/log/schema.pbtxt: the log fits" in printed
    assert "schema/shop/catalogue/schema.pbtxt: the catalogue fits" in printed
    assert re.search(r"country +- not in the data: 'ES', 'NL', 'PL', 'SE'\n", printed)


def test_a_difference_is_shown_and_nothing_written(folder, schema):
    before = log_schema(folder)
    set_values(folder, "device", ["fridge"] * ROWS)

    status, printed = schema()

    assert status == 1
    assert re.search(r"device +\+ value 'fridge'\n", printed)
    assert f"python -m pipeline schema --launch shop --log {folder} --accept device\n" in printed
    assert log_schema(folder) == before


def test_accepting_writes_the_named_columns_only(folder, schema):
    before = log_schema(folder)
    set_values(folder, "device", ["fridge"] * ROWS)
    set_values(folder, "country", ["AT"] * ROWS)

    status, printed = schema("--accept", "device")

    assert status == 1, "country is still beyond"
    assert "Accepted: device." in printed
    added = set(log_schema(folder).splitlines()) - set(before.splitlines())
    assert added == {'  value: "fridge"'}
    assert [line for line in log_schema(folder).splitlines() if line.startswith("#")] == [
        line for line in before.splitlines() if line.startswith("#")
    ]


def test_accepting_all_lets_the_next_look_pass(folder, schema):
    set_values(folder, "device", ["fridge"] * ROWS)
    set_values(folder, "color", ["red", None] * (ROWS // 2))
    set_values(folder, "brand", ["Neu"], "items.parquet")

    assert schema("--accept")[0] == 0
    assert schema()[0] == 0


def test_a_name_that_does_not_differ_is_answered_with_those_that_do(folder, schema):
    set_values(folder, "device", ["fridge"] * ROWS)

    status, printed = schema("--accept", "devise")

    assert status == 1
    assert "error: setting --accept needs columns that differ (device), got 'devise'. Did you mean device?" in printed


def test_the_first_schema_is_shown_and_written_only_if_told(folder, schema):
    shutil.rmtree(folder / "schema" / "shop" / "log")

    status, printed = schema()
    assert status == 1
    assert 'feature {\n  name: "user_id"' in printed
    assert not (folder / "schema" / "shop" / "log").exists()

    assert schema("--accept")[0] == 0
    assert log_schema(folder).startswith("# The curated schema of the log of launch shop")
    assert schema()[0] == 0


def test_a_named_column_needs_a_schema(folder, schema):
    shutil.rmtree(folder / "schema" / "shop" / "log")

    status, printed = schema("--accept", "device")

    assert status == 1
    assert "got 'device'" in printed
    assert not (folder / "schema" / "shop" / "log").exists()


def test_the_command_in_the_gates_mouth_names_the_log_that_was_given(tmp_path):
    launch = launches.load("shop")
    (tmp_path / "my log").mkdir()

    settings = Settings.from_environment({}, {"launch": "shop", "log": str(tmp_path / "my log")})
    sample = Settings.from_environment({}, {"launch": "shop", "workspace": str(tmp_path)})

    command = accept_command(launch.name)
    assert with_log(command, settings) == f"python -m pipeline schema --launch shop --log '{tmp_path}/my log' --accept"
    assert with_log(command, sample) == command == "python -m pipeline schema --launch shop --accept"


def test_an_unknown_name_with_nothing_to_accept(folder, schema):
    status, printed = schema("--accept", "device")

    assert status == 1
    assert "needs no column: nothing goes beyond the schemas" in printed
