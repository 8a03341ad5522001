"""Whether a refitted model may replace the judged one: saved recommenders that agree, disagree and fail."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from small_recommenders import ITEMS, LATE, LAUNCH, STEPS, USERS, next_item, random_scores, ring, save_table
from tfx.components.trainer import executor as trainer_executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components.declaration import Objective
from components.declaration.views import TrainerView
from components.evaluation import refit, refit_step
from components.features.preprocessing import LAUNCH_KEY
from components.registry import champion_version, export

pytestmark = pytest.mark.tensorflow

LOG = ring()


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return save_table(tmp_path_factory.mktemp("judged") / "model", next_item())


@pytest.fixture
def save(tmp_path):
    return lambda matrix, **more: save_table(tmp_path / "refitted", matrix, **more)


def test_a_model_agrees_with_itself(judged):
    assert refit.check(LAUNCH, LOG, judged, judged) == refit.Check(1.0)


def test_the_agreement_is_the_share_of_first_items_among_the_others_first_ten(judged, save):
    # Of the items' 40 rows half answer in reverse: the next item, which the judged model puts first, is last there.
    matrix = next_item(noise=0.5)
    matrix[1 : 1 + ITEMS // 2] *= -1
    last = np.array([(int(item) - 1) % ITEMS for item, late in zip(LOG.item, LOG.late, strict=True) if late])
    expected = np.mean(last >= ITEMS // 2)
    assert len(last) == USERS * (STEPS - LATE) and 0.3 < expected < 0.7
    assert refit.check(LAUNCH, LOG, judged, save(matrix)).agreement == pytest.approx(expected)


def test_a_model_that_recommends_something_else_is_refused(judged, save):
    result = refit.check(LAUNCH, LOG, judged, save(random_scores(seed=3)))
    assert result.agreement < 0.4, "ten of about thirty-five items that compete"
    assert "at least 50%" in result.problem


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_without_numbers_is_refused(judged, save, value):
    matrix = next_item()
    matrix[:] = value
    result = refit.check(LAUNCH, LOG, judged, save(matrix))
    assert result.problem and not result.agreement > 0


def test_a_model_whose_ranking_head_is_broken_is_refused(judged, save):
    rated = dataclasses.replace(
        LAUNCH, log=dataclasses.replace(LAUNCH.log, value="stars"), objectives=(Objective("watch", value_at_least=4.0),)
    )
    assert "rank" in refit.check(rated, LOG, judged, save(next_item(), launch=rated, worth=float("nan"))).problem


def test_a_folder_that_holds_no_model_is_refused(judged, tmp_path):
    assert refit.check(LAUNCH, LOG, judged, str(tmp_path)).problem


class Step:
    """The step Refit on artifacts in a folder; `run_fn` is a stand-in that saves a given recommender."""

    def __init__(self, folder, monkeypatch, outcome, matrix):
        self.winner, self.output = standard_artifacts.Model(), standard_artifacts.Model()
        self.winner.uri, self.output.uri = str(folder / "winner"), str(folder / "output")
        self.matrix, self.trained = matrix, 0
        serving = Path(self.winner.uri) / "Format-Serving"
        save_table(serving, next_item())
        export.add_to_card(str(serving), {"verdict": {"outcome": outcome}, "metrics": {"mrr": 0.5}, "choice": "judged"})
        (serving / "assets.extra/train_statistics.pb").write_bytes(b"statistics")
        (Path(self.winner.uri) / "experiment_action.json").write_text("{}")
        monkeypatch.setattr(trainer_executor.GenericExecutor, "Do", lambda *_: self._train())
        monkeypatch.setattr(refit_step.CatalogueTrainerExecutor, "_is_too_early", lambda *_: False)
        monkeypatch.setattr(refit_step.split_events, "read", lambda *_: LOG)

    def _train(self):
        self.trained += 1
        save_table(Path(self.output.uri) / "Format-Serving", self.matrix)
        export.add_to_card(str(Path(self.output.uri) / "Format-Serving"), {"choice": "refitted"})

    def run(self):
        empty = [standard_artifacts.Examples()]
        inputs = {"base_model": [self.winner], "examples": empty, "schema": empty}
        outputs = {"model": [self.output], "model_run": [standard_artifacts.ModelRun()]}
        config = json_utils.dumps({LAUNCH_KEY: TrainerView.of(LAUNCH).to_json()})
        refit_step.RefitExecutor().Do(inputs, outputs, {"custom_config": config})
        folder = Path(self.output.uri) / "Format-Serving"
        return folder, export.card(str(folder))


def test_the_refitted_model_takes_what_the_judged_one_earned_and_holds_it(tmp_path, monkeypatch):
    step = Step(tmp_path, monkeypatch, "model", next_item(noise=0.1))
    folder, card = step.run()
    assert card["choice"] == "refitted" and card["refit"] == {"agreement": 1.0, "problem": ""}
    assert card["metrics"] == {"mrr": 0.5} and card["verdict"] == {"outcome": "model"}
    assert (folder / "assets.extra/train_statistics.pb").read_bytes() == b"statistics"
    assert (Path(step.output.uri) / "experiment_action.json").is_file()
    version = tmp_path / "serving/1700000000"
    version.parent.mkdir()
    folder.rename(version)
    with champion_version.open_judged(str(version.parent)) as judged:
        assert export.card(judged)["choice"] == "judged"
        assert refit.check(LAUNCH, LOG, judged, str(version)) == refit.Check(1.0)
    assert not Path(judged).exists()
    assert champion_version.find_served(str(version.parent)) == str(version)


def test_a_refitted_model_that_fails_its_check_leaves_the_judged_one(tmp_path, monkeypatch):
    folder, card = Step(tmp_path, monkeypatch, "model", random_scores(seed=3)).run()
    assert card["choice"] == "judged" and "at least 50%" in card["refit"]["problem"]
    with champion_version.open_judged(str(folder)) as judged:
        assert judged == str(folder)


@pytest.mark.parametrize("outcome", ["rules", "champion"])
def test_nothing_is_trained_where_no_model_won(tmp_path, monkeypatch, outcome):
    step = Step(tmp_path, monkeypatch, outcome, next_item())
    _, card = step.run()
    assert step.trained == 0 and card["choice"] == "judged" and "refit" not in card


def test_nothing_is_trained_where_nothing_is_pushed(tmp_path, monkeypatch):
    step = Step(tmp_path, monkeypatch, "model", next_item())
    step.winner.uri = str(tmp_path / "nothing")
    folder, card = step.run()
    assert step.trained == 0 and not folder.exists() and card == {}
