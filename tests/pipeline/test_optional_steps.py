"""The optional steps in full runs: hyperparameter search, Triangle, refit on all events, warm start from the champion.

One workspace has a search and then a warm start on three more days; the other one Triangle and refit, and a second run on
the same log. What a changed insight reruns is a matter of views: tests/components/declaration/test_views.py.
"""

import dataclasses
import json
import re
import zipfile

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from whole_runs import PROJECT, generate, step_states, summary

from components.declaration import Insight, Promotion
from pipeline import launches
from pipeline.local import run
from pipeline.local.run_request import Request
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
SHOP = launches.load("shop").with_model({"epochs": 3, "ranking_epochs": 1})
SHOP = dataclasses.replace(SHOP, promotion=Promotion(min_queries=1, ranking_slices=()))
WHOLE = dataclasses.replace(
    SHOP,
    promotion=dataclasses.replace(SHOP.promotion, refit=True),
    insight=Insight(moments=3, users=False),  # eight more trainings: tests/components/evaluation has them
)


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
    folder = tmp_path_factory.mktemp("searched")
    return folder, *run_of(folder, days[0], SHOP.with_model({"tuning_trials": 2, "warm_start": True}))


def test_the_trainer_uses_the_hyperparameters_of_the_search(first):
    _, states, figures, card = first
    assert states["Tuner"] == states["Trainer"] == "done"
    assert set(card["tuned"]) == {"dim", "learning_rate", "temperature"}
    assert figures["Tuner"] == ", ".join(f"{name} {value:.4g}" for name, value in card["tuned"].items())
    assert card["warm_start"] is False, "nothing was served"


def test_the_next_run_starts_from_the_towers_of_the_pushed_version(first, days):
    folder, *_ = first
    (served,) = (folder / "shop/serving/shop").iterdir()
    assert (served / "assets.extra/towers.npz").is_file()
    states, figures, card = run_of(folder, days[1], SHOP.with_model({"warm_start": True}), last="Trainer")
    assert "Tuner" not in states and states["Trainer"] == "done"
    assert card["warm_start"] is True and "tuned" not in card
    assert figures["Trainer"].endswith("; began with the served version's towers")


@pytest.fixture(scope="module")
def twice(days, tmp_path_factory):
    """Returns the workspace of two runs on the same log, and the results of both."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, [(*run_of(folder, days[0], WHOLE), summary(folder)) for _ in range(2)]


def test_what_won_is_pushed_after_it_was_trained_once_more_on_all_events(twice):
    folder, [(states, figures, judged, _), _] = twice
    assert states["Refit"] == "done" and figures["Refit"].startswith("learnt from all 2")
    version, *others = (folder / "shop/serving/shop").iterdir()
    assert not others, "the second run compares the same model with the one that won, and pushes nothing"
    card = json.loads((version / "assets.extra/dayone.json").read_text())
    with zipfile.ZipFile(version / "assets.extra/judged.zip") as archive:
        kept, chosen = (json.loads(archive.read(f"assets.extra/{name}.json")) for name in ("dayone", "choice"))
    assert kept["data"] == judged["data"] and card["data"]["first_event"] == judged["data"]["first_event"]
    assert card["data"]["last_event"] > judged["data"]["last_event"]
    assert card["data"]["events"] > judged["data"]["events"]
    assert card["verdict"] == kept["verdict"] and card["refit"]["agreement"] > 0.5
    assert card["choice"] == kept["choice"] | {"trained_once": False}, "nothing is chosen a second time"
    assert json.loads((version / "assets.extra/choice.json").read_text()) == chosen


def test_the_next_run_compares_with_the_model_that_won(twice):
    _, [_, (states, figures, _, measured)] = twice
    assert measured["verdict"]["cause"] == "unchanged"
    assert measured["rolling"]["champion"] == measured["rolling"]["model"]
    assert states["Trainer"] == "cached" and figures["Refit"] == "not needed: no model is pushed"


def test_the_triangle_trains_on_parts_and_the_page_says_what_it_measured(twice):
    _, [(states, figures, _, measured), _] = twice
    insight, own = measured["insight"], measured["rolling"]
    assert states["Triangle"] == "done" and figures["Triangle"].startswith("2 trainings")
    assert insight["problem"] == "" and insight["left_out"] == [] and insight["trainings"] == 2
    assert insight["users"] is None
    last = insight["moments"][-1]
    assert last["share"] == 1 and last["queries"] == own["model"]["queries"]
    assert last["model"]["point"] == pytest.approx(own["model"]["recall@10"])
    assert last["rules"]["point"] == pytest.approx(own[measured["rules_name"]]["recall@10"])


def test_others_can_query_the_numbers_of_the_verdict_as_the_page_says(twice, capsys):
    folder, [(*_, measured), _] = twice
    page = (PROJECT / "docs" / "evaluation.md").read_text()
    (code,) = re.findall(r"```python\n(from ml_metadata.*?)```", page, re.DOTALL)
    names = {}
    exec(code.replace("runs/shop", str(folder / "shop")), names)
    store = names["metadata_store"].MetadataStore(names["config"])
    found, *_ = (one for one in store.get_artifacts_by_type("ModelEvaluation") if "gain" in one.custom_properties)
    gain = measured["gains"]["model_over_rules"]["point"]
    assert found.custom_properties["gain"].double_value == pytest.approx(gain, abs=1e-5), "stored with six digits"
    assert f"{found.uri} {found.custom_properties['gain'].double_value}" in capsys.readouterr().out
    assert found.custom_properties["metric"].string_value == "recall@10"
    assert found.custom_properties["queries"].int_value == measured["queries"]
    rules = measured["rolling"][measured["rules_name"]]["recall@10"]
    assert found.custom_properties["rules"].double_value == pytest.approx(rules, abs=1e-5)


def test_a_training_leaves_what_tensorboard_reads(twice):
    tf = pytest.importorskip("tensorflow")
    (logs,) = (twice[0] / "shop/artifacts").glob("Trainer/model_run/*")
    (events,) = logs.glob("events.out.tfevents.*")
    written = tf.compat.v1.train.summary_iterator(str(events))
    tags = {value.tag for event in written for value in event.summary.value}
    assert {"choosing/loss", "choosing/validation value"} <= tags and any("rank" in tag for tag in tags), tags
    vectors, items = ((logs / name).read_text().splitlines() for name in ("vectors.tsv", "items.tsv"))
    assert len(vectors) == len(items) - 1 > 100


def test_every_cell_of_the_notebook_runs(twice, monkeypatch):
    folder, [_, (_, figures, _, measured)] = twice
    monkeypatch.setenv("DAYONE_WORKSPACE", str(folder))
    names = {}
    for cell in json.loads((PROJECT / "docs" / "explore.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["summary"] == measured
    shown = set(names["artifacts"]["figure"])
    assert {figures[step] for step in ("ExampleGen", "Rules", "RetrievalEvaluator")} <= shown
    assert names["nearest"]["similarity"].iloc[0] == pytest.approx(1) and names["nearest"]["title"].all()
    assert set(names["recommended"]["item"]) <= set(names["items"]["item_id"])
