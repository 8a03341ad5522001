import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from components.errors import LogError
from pipeline import launches
from pipeline.checks import findings, validate
from pipeline.local import sample
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SHOP = launches.load("shop")


def settings_of(folder):
    return Settings.from_environment({}, {"launch": "shop", "log": str(folder), "workspace": str(folder / "runs")})


@pytest.fixture(scope="module")
def shop_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    sample.make(folder, events=20_000)
    return folder


def rewritten(shop_data, tmp_path, change):
    """The sample with another log."""
    (tmp_path / "items.parquet").write_bytes((shop_data / "items.parquet").read_bytes())
    pyarrow.parquet.write_table(
        change(pyarrow.parquet.read_table(shop_data / "events.parquet")), tmp_path / "events.parquet"
    )
    return settings_of(tmp_path)


def test_the_sample_fits_its_declaration(shop_data):
    assert validate.look(SHOP, settings_of(shop_data)) == []


def test_errors_come_first_and_the_last_line_counts(shop_data, tmp_path):
    def change(table):
        event = pa.array(np.where(np.asarray(table["event"]) == "purchase", "refund", np.asarray(table["event"])))
        table = table.set_column(table.schema.get_field_index("event"), "event", event)
        return table.set_column(table.schema.get_field_index("device"), "device", pa.array(["tv"] * len(table)))

    results = validate.look(SHOP, rewritten(shop_data, tmp_path, change))
    report = validate.report(SHOP, results)
    assert [finding.level for finding in results] == ["error", "error", "error", "warning"]
    assert report.startswith(
        "error: objective 'purchase' wants the event 'purchase', which never occurs; the events are 'impression'"
    )
    assert "warning: context column 'device' has the value 'tv' only." in report
    assert "column 'event' of the log goes beyond its schema: value 'refund'." in report
    assert "column 'device' of the log goes beyond its schema: value 'tv'." in report
    assert report.endswith("shop: 3 errors, 1 warning")


def test_with_a_missing_column_nothing_else_is_said(shop_data, tmp_path):
    results = validate.look(SHOP, rewritten(shop_data, tmp_path, lambda table: table.drop(["user_id", "country"])))
    assert [re.search(r"column '(\w+)'", finding.what).group(1) for finding in results] == ["user_id", "country"]


def test_a_broken_log_is_one_error(shop_data, tmp_path):
    (tmp_path / "items.parquet").write_bytes((shop_data / "items.parquet").read_bytes())
    (tmp_path / "events.parquet").write_bytes(b"PAR1 and no more")
    results = validate.look(SHOP, settings_of(tmp_path))
    assert [finding.what.startswith("the log cannot be read: ") for finding in results] == [True]


def test_a_log_that_is_not_there_is_said_as_a_run_says_it(tmp_path):
    with pytest.raises(LogError, match=r"events\.parquet: there is no such file or folder"):
        validate.look(SHOP, settings_of(tmp_path))


@pytest.mark.parametrize(
    ("change", "status", "closing"), [(None, 0, "shop: 0 errors, 0 warnings"), ("drop", 1, "shop: 1 error, 0 warnings")]
)
def test_the_exit_status_says_whether_there_is_an_error(shop_data, tmp_path, change, status, closing):
    settings = (
        settings_of(shop_data)
        if change is None
        else rewritten(shop_data, tmp_path, lambda table: table.drop(["country"]))
    )
    command = [sys.executable, "-m", "pipeline", "validate", "--launch", "shop", "--log", str(settings.data)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout.splitlines()[-1], answer.stderr) == (status, closing, "")


def test_a_hundred_thousand_rows_take_a_second(shop_data, tmp_path):
    settings = rewritten(shop_data, tmp_path, lambda table: pa.concat_tables([table] * 5))
    before = time.process_time()
    validate.look(SHOP, settings)
    assert time.process_time() - before < 2


def test_a_finding_is_a_paragraph_of_what_why_and_fix():
    finding = findings.warning("w " * 70, "It matters.", "Mend it.")
    lines = finding.text().splitlines()
    assert lines[0].startswith("warning: w w") and lines[1].startswith("  w") and lines[2] == "  It matters. Mend it."
    assert findings.closing_line([finding]) == "0 errors, 1 warning"
    assert findings.share(1_204, 80_000) == "1,204 of 80,000 (1.5%)"
