"""Optional training in full runs: the hyperparameter search, and the warm start from the champion."""

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
    """Runs up to `last`; returns the states and headline metrics of the steps, and the card of the trained model."""
    settings = Settings.from_environment({}, {"launch": "shop", "workspace": str(folder), "log": str(log)})
    assert run.run(Request(launch, settings, last=last)) == 0
    record = json.loads(max(settings.logs.glob("*.json")).read_text())
    trained = max((settings.pipeline_root / "Trainer/model").iterdir(), key=lambda version: int(version.name))
    card = json.loads((trained / "Format-Serving/assets.extra/dayone.json").read_text())
    return step_states(record), {step["step"]: step["figure"] for step in record["steps"]}, card


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Returns the folders of a log without its last three days, and of the full log."""
    folder = tmp_path_factory.mktemp("days")
    full, early = generate(folder / "full", 30_000), folder / "early"
    early.mkdir()
    events = pq.read_table(full / "events.parquet")
    time = events["timestamp"]
    pq.write_table(events.filter(pc.less(time, pc.subtract(pc.max(time), 3 * DAY_MS))), early / "events.parquet")
    (early / "items.parquet").write_bytes((full / "items.parquet").read_bytes())
    return early, full


@pytest.fixture(scope="module")
def first(days, tmp_path_factory):
    """Returns the workspace of a run with a search, and its results."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, *run_of(folder, days[0], launch_of(tuning_trials=2, warm_start=True))


def test_the_trainer_uses_the_hyperparameters_of_the_search(first):
    _, states, figures, card = first
    assert states["Tuner"] == states["Trainer"] == "done"
    assert set(card["tuned"]) == {"dim", "learning_rate", "temperature"}
    assert figures["Tuner"] == ", ".join(f"{name} {value:.4g}" for name, value in card["tuned"].items())
    assert card["warm_start"] is False, "nothing was served"


def test_the_next_run_starts_from_the_towers_of_the_pushed_version(first, days):
    folder, *_ = first
    assert (served := list((folder / "shop/serving/shop").iterdir())) and (
        served[0] / "assets.extra/towers.npz"
    ).is_file()
    states, figures, card = run_of(folder, days[1], launch_of(warm_start=True), last="Trainer")
    assert "Tuner" not in states and states["Trainer"] == "done"
    assert card["warm_start"] is True and "tuned" not in card
    assert figures["Trainer"].endswith("; began with the served version's towers")
