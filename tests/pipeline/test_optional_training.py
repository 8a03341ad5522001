"""What is off unless it is declared, in whole runs: the search for settings, and the start from what is served."""

import dataclasses
import json

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from whole_runs import generate, step_states

from components.declaration import Promotion
from pipeline import launches
from pipeline.local import run
from pipeline.local.run_request import Request
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
SHOP = dataclasses.replace(launches.load("shop"), promotion=Promotion(min_queries=1, ranking_slices=()))


def launch_of(**model):
    return SHOP.with_model({"epochs": 3, "ranking_epochs": 1} | model)


def run_of(folder, log, launch, last=None):
    """The states and figures of the steps of a run up to `last`, and the card of what its Trainer made."""
    settings = Settings.from_environment({}, {"launch": "shop", "workspace": str(folder), "log": str(log)})
    assert run.run(Request(launch, settings, last=last)) == 0
    record = json.loads(max(settings.logs.glob("*.json")).read_text())
    made = max((settings.pipeline_root / "Trainer/model").iterdir(), key=lambda version: int(version.name))
    card = json.loads((made / "Format-Serving/assets.extra/dayone.json").read_text())
    return step_states(record), {step["step"]: step["figure"] for step in record["steps"]}, card


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """The folders of a log until three days before its end, and of all of it."""
    folder = tmp_path_factory.mktemp("days")
    whole, early = generate(folder / "whole", 30_000), folder / "early"
    early.mkdir()
    events = pq.read_table(whole / "events.parquet")
    time = events["timestamp"]
    pq.write_table(events.filter(pc.less(time, pc.subtract(pc.max(time), 3 * DAY_MS))), early / "events.parquet")
    (early / "items.parquet").write_bytes((whole / "items.parquet").read_bytes())
    return early, whole


@pytest.fixture(scope="module")
def first(days, tmp_path_factory):
    """The workspace of a run that searched, and what it left."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, *run_of(folder, days[0], launch_of(tuning_trials=2, warm_start=True))


def test_a_search_finds_settings_and_the_trainer_takes_them(first):
    _, states, figures, card = first
    assert states["Tuner"] == states["Trainer"] == "done"
    assert set(card["tuned"]) == {"dim", "learning_rate", "temperature"}
    assert figures["Tuner"] == ", ".join(f"{name} {value:.4g}" for name, value in card["tuned"].items())
    assert card["warm_start"] is False, "nothing was served"


def test_the_next_run_begins_with_the_towers_of_what_the_last_one_pushed(first, days):
    folder, *_ = first
    assert (served := list((folder / "shop/serving/shop").iterdir())) and (
        served[0] / "assets.extra/towers.npz"
    ).is_file()
    states, figures, card = run_of(folder, days[1], launch_of(warm_start=True), last="Trainer")
    assert "Tuner" not in states and states["Trainer"] == "done"
    assert card["warm_start"] is True and "tuned" not in card
    assert figures["Trainer"].endswith("; began with the served version's towers")
