"""Optional training in full runs: the hyperparameter search, the warm start from the champion, and the refit on all events."""

import dataclasses
import json
import zipfile

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


@pytest.fixture(scope="module")
def refitted(days, tmp_path_factory):
    """Returns the workspace of two runs on the same log that refit what won, and the results of both."""
    folder = tmp_path_factory.mktemp("refitted")
    launch = launch_of()
    launch = dataclasses.replace(launch, promotion=dataclasses.replace(launch.promotion, refit=True))
    return folder, [run_of(folder, days[0], launch) for _ in range(2)]


def test_what_won_is_pushed_after_it_was_trained_once_more_on_all_events(refitted):
    folder, [(states, figures, judged), _] = refitted
    assert states["Refit"] == "done" and figures["Refit"].startswith("learnt from all 2")
    version, *others = (folder / "shop/serving/shop").iterdir()
    assert not others, "the second run compares the same model with the one that won, and pushes nothing"
    card = json.loads((version / "assets.extra/dayone.json").read_text())
    with zipfile.ZipFile(version / "assets.extra/judged.zip") as archive:
        kept = json.loads(archive.read("assets.extra/dayone.json"))
    assert kept["data"] == judged["data"] and card["data"]["first_event"] == judged["data"]["first_event"]
    assert card["data"]["last_event"] > judged["data"]["last_event"]
    assert card["data"]["events"] > judged["data"]["events"]
    assert card["verdict"] == kept["verdict"] and card["refit"]["agreement"] > 0.5


def test_the_next_run_compares_with_the_model_that_won(refitted):
    folder, [_, (states, figures, _)] = refitted
    verdicts = (folder / "shop/artifacts/Verdict/summary").iterdir()
    summary = json.loads((max(verdicts, key=lambda version: int(version.name)) / "summary.json").read_text())
    assert summary["verdict"]["cause"] == "unchanged"
    assert summary["rolling"]["champion"] == summary["rolling"]["model"]
    assert states["Trainer"] == "cached" and figures["Refit"] == "not needed: no model is pushed"
