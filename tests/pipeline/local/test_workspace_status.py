import json

import pytest
import small_version

from components.registry import experiment_state
from pipeline.cli import main
from pipeline.local import workspace_status
from pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path):
    settings = Settings("shop", tmp_path / "runs", tmp_path, tmp_path)
    settings.logs.mkdir(parents=True)
    return settings


def read(settings):
    """The lines by their names."""
    return dict(line.split(maxsplit=1) for line in (line.replace("last run", "last_run") for line in show(settings)))


def show(settings):
    return list(workspace_status.describe(settings, 5))


def write_run(settings, stem, **record):
    (settings.logs / f"{stem}.json").write_text(json.dumps(record))


def test_a_workspace_without_a_run_names_the_command(tmp_path):
    lines = read(Settings("shop", tmp_path / "none", tmp_path, tmp_path))
    assert "python -m pipeline run" in lines["last_run"] and set(lines) == {"launch", "last_run", "serving"}


def test_the_newest_run_its_verdict_and_the_served_version(settings):
    write_run(settings, "20260101-040000-000001", state="failed", message="old\nmore", total={"wall": 1.0})
    write_run(settings, "20260102-040000-000001", state="done", message="", total={"wall": 65.4})
    for number, headline in ((9, "Rules pushed."), (12, "Model pushed.")):
        folder = settings.pipeline_root / "Verdict" / "summary" / str(number)
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps({"verdict": {"headline": headline}}))
    for number in (20, 21):
        small_version.model(settings.serving, str(number))
    lines = read(settings)
    assert lines["last_run"].startswith("2026-01-02 04:00, done after 65 s")
    assert lines["verdict"] == "Model pushed."
    assert lines["serving"].startswith("version 21 ") and "2 versions kept" in lines["serving"]
    assert lines["disk"].startswith("0.") and "would free 0.0 MB" in lines["disk"]


def test_a_failed_run_says_why_in_one_line(settings):
    write_run(settings, "20260102-040000-000001", state="failed", message="the log is gone\nmore")
    assert read(settings)["last_run"] == "2026-01-02 04:00, failed: the log is gone"


@pytest.mark.parametrize("torn", ["", "{", "[]", "\x00"])
def test_a_torn_record_is_named(settings, torn):
    path = settings.logs / "20260102-040000-000001.json"
    path.write_text(torn)
    assert read(settings)["last_run"] == f"{path} cannot be read"


def test_a_torn_experiment_is_named(settings):
    settings.serving.mkdir(parents=True)
    (settings.serving / experiment_state.FILE).write_text("{")
    assert experiment_state.FILE in read(settings)["experiment"]


def test_what_only_a_server_knows_needs_its_address(monkeypatch, capsys):
    monkeypatch.delenv("DAYONE_KFP_HOST", raising=False)
    for options in (["a-run"], ["--wait"], ["--namespace", "team"], ["--experiment", "shop"]):
        assert main.main(["status", *options]) == 1
        assert "DAYONE_KFP_HOST" in "".join(capsys.readouterr())
