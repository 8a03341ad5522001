"""docs/serving.md says what is there."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_server import LAUNCH, push, service, serving

from components.registry import card_file
from components.serving import app
from components.serving.demo import Demo
from components.serving.event_log import EventLog
from components.serving.predict_request import Limits
from components.serving.request_values import MAX_ID_BYTES
from components.serving.work_queue import WorkQueue
from pipeline import launches
from pipeline.cli import main
from pipeline.settings import SERVE_VARIABLES, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "serving.md").read_text()


def test_every_route_is_described_and_every_described_route_is_there(tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path)
    built = app.create(answering, WorkQueue(1, 1, 1.0), demo=Demo(answering))
    paths = {path.replace("{name}", "shop").replace("{version}", "V") for path in built.openapi()["paths"]}
    described = set(re.findall(r"`(?:GET|POST) (/\S*)`", TEXT))
    assert described - paths == {"/openapi.json", "/", "/docs", "/report"}, (
        "pages for people are not in the description"
    )
    assert paths - described <= {"/v1/models/shop/versions/V", "/v1/models/shop/versions/V/metadata"}


@pytest.mark.parametrize("line", re.findall(r"python -m pipeline (.*?)(?:\s+#.*)?$", TEXT, re.MULTILINE))
def test_commands_can_be_typed_as_they_stand(line):
    assert main.build_parser().parse_args(shlex.split(line)).command


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_snippets_of_callers_get_an_answer_and_log_a_click_on_it(tmp_path, language):
    runner = {"python": [sys.executable, "-c"], "javascript": ["node", "--input-type=module", "-e"]}[language]
    if shutil.which(runner[0]) is None:
        pytest.skip("node is not installed")
    push(tmp_path / "versions", 1)
    log = EventLog(tmp_path / "log")
    with serving(service(tmp_path / "versions", log)) as client:
        code = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[1]
        code = code.replace("127.0.0.1:8501", f"127.0.0.1:{client.port}").replace("models/shop:", "models/toy:")
        done = subprocess.run([*runner, code], capture_output=True, text=True, timeout=60)
    log.close()
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for file in (tmp_path / "log").iterdir() for line in file.read_text().splitlines()]
    shown = [row for row in rows if row["event"] == LAUNCH.log.impression]
    (click,) = [row for row in rows if row["event"] == "click"]
    assert json.loads(done.stdout.replace("'", '"')) == [row["item"] for row in shown] != []
    assert (click["item"], click["request"], click["user"]) == (shown[0]["item"], shown[0]["request"], "u00012")


def test_make_targets_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", TEXT)) <= targets


def test_options_and_variables_are_there(capsys):
    with pytest.raises(SystemExit):
        main.main(["serve", "--help"])
    help_text = capsys.readouterr().out
    assert all(
        option in help_text
        for option in (
            "--host",
            "--waiting",
            "--threads",
            "--timeout",
            "--traffic",
            "--explore",
            "--allow-origin",
            "--connections",
            "--remember",
        )
    )
    assert set(re.findall(r"DAYONE_\w+", TEXT)) <= {*VARIABLES, *SERVE_VARIABLES}
    assert all(name in help_text for name in SERVE_VARIABLES)


def test_the_shops_contract_is_the_declared_one():
    launch = launches.load("shop")
    assert f"`scores` DT_FLOAT (-1, {launch.model.top_k})" in TEXT
    assert f"`embedding` DT_FLOAT (-1, {launch.model.dim})" in TEXT
    assert f"more than the declared history ({launch.model.history})" in TEXT
    assert all(f"`{name}` DT_STRING (-1)" in TEXT for name in launch.log.context)
    assert all(f"`{objective.name}` DT_FLOAT (-1, -1)" in TEXT for objective in launch.ranking_objectives)


def test_limits_are_the_real_ones():
    limits = Limits()
    assert (
        f"{limits.body_bytes // 1_000_000} MB, {limits.rows} rows, {limits.ids:,} ids in a list, {MAX_ID_BYTES} bytes in an id"
        in TEXT
    )
    assert f"`{card_file.CARD}`" in TEXT
