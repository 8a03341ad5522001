import dataclasses
import os
from pathlib import Path

import pytest

from components.declaration import Catalogue, CustomStep, Experiment, Launch, Log, Objective, Split
from pipeline import beam_profiles, launches
from pipeline.local import repetition
from pipeline.local.run_record import RunRecord
from pipeline.local.run_request import Request
from pipeline.settings import Settings

SHOP = launches.load("shop")
LAUNCH = dataclasses.replace(
    SHOP,
    log=dataclasses.replace(SHOP.log, path="days/{YYYY}-{MM}-{DD}/*.csv"),
    catalogue=Catalogue("items.csv", item="item_id"),
    experiment=None,
)
DAY = "days/2026-01-31/a.csv"


@pytest.fixture
def settings(tmp_path):
    for name in ("schema/shop/schema.pbtxt", "data/items.csv", f"data/{DAY}", "runs/shop/metadata.sqlite"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    push(tmp_path, 1)
    (tmp_path / "summary").mkdir()
    (tmp_path / "summary/summary.txt").write_text("the verdict")
    return Settings("shop", tmp_path / "runs", tmp_path / "data", tmp_path / "schema")


def push(folder, number):
    version = folder / "runs/shop/serving/shop" / str(number)
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()


def digest(settings, launch=LAUNCH, **options):
    return repetition.digest_inputs(Request(launch, settings, **options))


def keep(settings, before=None, **state):
    record = RunRecord(**{"summary": str(settings.workspace.parent / "summary"), "finished": True} | state)
    before = settings.champion() if before is None else before
    repetition.keep(settings, digest(settings), record, Path("run.log"), before)


def find(settings, launch=LAUNCH):
    return repetition.find(settings, digest(settings, launch))


def test_a_run_that_would_repeat_the_last_one_finds_it(settings):
    assert find(settings) is None
    keep(settings)
    assert find(settings) == (str(settings.workspace.parent / "summary"), "", "run.log")


def rewrite(path):
    """Writes other content of the same length, with the time that the file had."""
    before = path.stat()
    path.write_text(path.read_text().swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "log": lambda folder: (folder / "data" / DAY).write_text("more than before"),
    "log's content alone": lambda folder: rewrite(folder / "data" / DAY),
    "new day": lambda folder: (
        (folder / "data/days/2026-02-01").mkdir() or (folder / "data/days/2026-02-01/a.csv").write_text("rows")
    ),
    "catalogue": lambda folder: (folder / "data/items.csv").write_text("other"),
    "schema": lambda folder: (folder / "schema/shop/schema.pbtxt").write_text("other"),
    "metadata": lambda folder: (folder / "runs/shop/metadata.sqlite").write_text("other"),
    "version": lambda folder: push(folder, 2),
    "version's mark": lambda folder: (folder / "runs/shop/serving/shop/1/withdrawn").touch(),
    "schema's content alone": lambda folder: rewrite(folder / "schema/shop/schema.pbtxt"),
    "no report": lambda folder: (folder / "summary/summary.txt").unlink(),
    "torn note": lambda folder: (folder / "runs/shop/last_run.json").write_text('{"inputs": "'),
    "no log": lambda folder: (folder / "data" / DAY).unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_asks_for_a_run(settings, tmp_path, change):
    keep(settings)
    CHANGES[change](tmp_path)
    assert find(settings) is None


def test_a_change_of_code_or_environment_asks_for_a_run(settings, tmp_path, monkeypatch):
    (tmp_path / "pipeline").mkdir()
    monkeypatch.setattr(repetition, "PROJECT", tmp_path)
    before = digest(settings)
    (tmp_path / "pipeline" / "graph.py").write_text("GRAPH = 1\n")
    changed = digest(settings)
    (tmp_path / "uv.lock").write_text("other packages")
    assert len({before, changed, digest(settings)}) == 3


def test_code_of_the_same_size_and_time_is_other_code(settings, tmp_path, monkeypatch):
    """An image may give all its files one time, and 0.1 and 0.2 are of one size."""
    (tmp_path / "pipeline").mkdir()
    monkeypatch.setattr(repetition, "PROJECT", tmp_path)
    for name in ("pipeline/labels.py", "uv.lock"):
        (tmp_path / name).write_text("least = 0.1 # a")
        before = digest(settings)
        rewrite(tmp_path / name)
        assert digest(settings) != before


@pytest.mark.parametrize("name", ["pipeline", "schema", "runs/shop/serving"])
def test_a_change_behind_a_link_asks_for_a_run(settings, tmp_path, monkeypatch, name):
    monkeypatch.setattr(repetition, "PROJECT", tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "linked").symlink_to(elsewhere)
    (elsewhere / "above").symlink_to(tmp_path / name)  # in a circle
    keep(settings)
    assert find(settings)
    (elsewhere / "file").write_text("new")
    assert find(settings) is None


def test_a_run_whose_page_is_gone_runs_again(settings, tmp_path):
    keep(settings, page=str(tmp_path / "page"))
    assert find(settings) is None
    (tmp_path / "page").mkdir()
    (tmp_path / "page/statistics.html").touch()
    assert find(settings).page == str(tmp_path / "page")


def test_a_change_of_the_declaration_asks_for_a_run(settings):
    keep(settings)
    assert find(settings, dataclasses.replace(LAUNCH, exclude_seen=not LAUNCH.exclude_seen)) is None


@pytest.mark.parametrize(
    ("state", "before"),
    [({"finished": False}, None), ({"failure": {"message": "full disk"}}, None), ({}, "/elsewhere/0")],
)
def test_a_run_that_failed_or_pushed_is_not_repeated_by_the_next(settings, state, before):
    keep(settings)
    keep(settings, before, **state)
    assert find(settings) is None


def test_what_cannot_be_told_without_tfx_is_no_repetition(settings):
    def with_log(path):
        log = Log(path=path, user="user_id", item="item_id", time="timestamp")
        return Launch("shop", log, objectives=(Objective("any"),), split=Split(eval_from="2026-01-01"))

    assert digest(settings)
    spark = dataclasses.replace(beam_profiles.NONE, name="spark")
    options = [{"cache": False}, {"beam_args": ("--runner=x",)}, {"beam_profile": spark}]
    assert [digest(dataclasses.replace(settings, **option)) for option in options] == ["", "", ""]
    assert [digest(settings, with_log(path)) for path in ("bigquery:SELECT 1", "not_there/")] == ["", ""]
    assert [digest(settings, **part) for part in ({"first": "Trainer"}, {"last": "Rules"}, {"graph": "a.b"})] == [
        ""
    ] * 3
    assert digest(settings, dataclasses.replace(SHOP, experiment=Experiment("click"))) == ""
    assert (
        digest(
            settings,
            dataclasses.replace(
                LAUNCH, steps=(CustomStep("BotGate", "components.bots.BotGate", {"examples": "ExampleGen.examples"}),)
            ),
        )
        == ""
    )
