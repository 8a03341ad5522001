"""The steps of the evaluation on real artifacts: examples as ExampleGen writes them, saved recommenders, a curated schema."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH, next_item, random_scores, ring, save_rules, save_table
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.evaluator.executor import Executor
from tfx.types import standard_artifacts
from tfx.utils import path_utils, proto_utils

from components.declaration import Log, Objective
from components.declaration.ranking_views import RankingView
from components.declaration.verdict_view import VerdictView
from components.declaration.views import RetrievalView
from components.evaluation import ranking_config
from components.evaluation.evaluation_file import EVALUATION_FILE
from components.evaluation.ranking_step import RankingExamples
from components.evaluation.retrieval_step import RetrievalEvaluator
from components.evaluation.verdict_step import Verdict
from components.features.training_data import matching
from components.ingest.example_files import ExampleFile
from components.registry import train_statistics
from components.registry.card_file import CARD

# Model Analysis makes numbers of arrays with one element, which NumPy 1.25 and later warn of.
OF_MODEL_ANALYSIS = "ignore:Conversion of an array with ndim:DeprecationWarning"
pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings(OF_MODEL_ANALYSIS)]

RATED = dataclasses.replace(
    LAUNCH, log=Log("e.csv", "user", "item", "time", value="stars"), objectives=(Objective("like", value_at_least=4.0),)
)
SCHEMA = "\n".join(
    f'feature {{ name: "{name}" type: {kind} }}'
    for name, kind in (("user", "BYTES"), ("item", "BYTES"), ("time", "INT"))
)
LOG = ring()


def artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """What the steps read: examples and schema, the models of both launches by name."""
    folder = tmp_path_factory.mktemp("inputs")
    examples = artifact(standard_artifacts.Examples, folder / "examples")
    examples.split_names = '["train", "eval"]'
    for split, rows in (("train", ~LOG.late), ("eval", LOG.late)):
        likes = (np.arange(len(LOG)) % 2)[rows]
        columns = {"user": LOG.user[rows], "item": LOG.item[rows], "time": LOG.time[rows], "label_like": likes}
        with ExampleFile(f"{examples.uri}/Split-{split}") as file:
            file.write(pa.RecordBatch.from_pydict(columns))
    schema = artifact(standard_artifacts.Schema, folder / "schema")
    (folder / "schema" / "schema.pbtxt").write_text(SCHEMA)
    artifacts = {"examples": examples, "schema": schema}
    for name, matrix in (("good", next_item()), ("random", random_scores())):
        artifacts[name] = artifact(standard_artifacts.Model, folder / name)
        save_table(path_utils.serving_model_dir(artifacts[name].uri), matrix, RATED)
    artifacts["no numbers"] = artifact(standard_artifacts.Model, folder / "no numbers")
    save_table(path_utils.serving_model_dir(artifacts["no numbers"].uri), next_item(), RATED, worth=float("nan"))
    artifacts["rules"] = artifact(standard_artifacts.Model, folder / "rules")
    save_rules(path_utils.serving_model_dir(artifacts["rules"].uri), LOG, RATED)
    return artifacts


def evaluated(inputs, model, folder, champion=""):
    evaluation = artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
    RetrievalEvaluator.test_call(
        examples=inputs["examples"],
        schema=inputs["schema"],
        model=inputs[model],
        rules=inputs["rules"],
        evaluation=evaluation,
        launch=RetrievalView.of(RATED).to_json(),
        code="c0de",
        champion=champion,
    )
    return evaluation


def decided(inputs, model, folder, champion="", launch=RATED, **ranking):
    outputs = {
        "winner": artifact(standard_artifacts.Model, folder / "winner"),
        "blessing": artifact(standard_artifacts.ModelBlessing, folder / "blessing"),
        "summary": artifact(standard_artifacts.ModelEvaluation, folder / "summary"),
    }
    evaluation = evaluated(inputs, model, folder, champion)
    Verdict.test_call(
        evaluation=evaluation,
        model=inputs[model],
        rules=inputs["rules"],
        launch=VerdictView.of(launch).to_json(),
        code="c0de",
        **outputs,
        **ranking,
    )
    return outputs


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def serving(artifact_):
    return path_utils.serving_model_path(artifact_.uri)


def test_the_evaluation_is_written_as_json_with_a_figure(inputs, tmp_path):
    evaluation = evaluated(inputs, "good", tmp_path)
    text = (tmp_path / "evaluation" / EVALUATION_FILE).read_text()
    result = json.loads(text, parse_constant=pytest.fail)
    query_count = int(LOG.late.sum())
    rules = result["rolling"]["popularity"]["recall@10"]
    assert result["rolling"]["model"]["queries"] == query_count
    assert evaluation.get_string_custom_property("figure") == f"recall@10: model 1.000, rules {rules:.3f}"


@pytest.mark.parametrize(
    ("model", "champion", "outcome"),
    [
        ("good", "", "model"),
        ("random", "", "rules"),
        ("random", "good", "champion"),
        ("good", "random", "model"),
        ("random", "gone", "rules"),
    ],
)
def test_the_winner_is_a_copy_and_blessed_unless_the_champion_stays(inputs, tmp_path, model, champion, outcome):
    folder = serving(inputs[champion]) if champion in inputs else champion and str(tmp_path / champion)

    outputs = decided(inputs, model, tmp_path, folder)

    summary = json.loads((tmp_path / "summary" / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["verdict"]["outcome"] == outcome
    text = (tmp_path / "summary" / "summary.txt").read_text()
    assert " ".join(text.split()).startswith(f"ring: {summary['verdict']['headline']} ")
    assert "Ranking head: left out" in text
    assert outputs["summary"].get_string_custom_property("figure") == summary["verdict"]["headline"]
    if outcome == "champion":
        assert outputs["blessing"].get_int_custom_property("blessed") == 0
        assert files(tmp_path / "blessing") == {"NOT_BLESSED": b"champion"}
        assert files(tmp_path / "winner") == {}
    else:
        chosen = inputs[model if outcome == "model" else "rules"]
        assert outputs["blessing"].get_int_custom_property("blessed") == 1
        assert files(tmp_path / "blessing") == {"BLESSED": outcome.encode()}
        copied = tmp_path / "winner" / "Format-Serving"
        copied_files, was = files(copied), files(Path(serving(chosen)))
        card, exported = json.loads(copied_files.pop(CARD)), json.loads(was.pop(CARD))
        assert copied_files == was
        assert card.items() >= exported.items() and card["verdict"]["outcome"] == outcome
        assert set(tf.saved_model.load(str(copied)).signatures) >= {"serving_default", "rank"}


def test_the_winner_keeps_what_it_has_learnt_from(inputs, tmp_path):
    counted = artifact(standard_artifacts.ExampleStatistics, tmp_path / "counted")
    (tmp_path / "counted/Split-train").mkdir(parents=True)
    data = statistics_pb2.DatasetFeatureStatisticsList()
    data.datasets.add(name="train", num_examples=7)
    (tmp_path / "counted/Split-train/FeatureStats.pb").write_bytes(data.SerializeToString())
    counted.split_names = '["train"]'

    decided(inputs, "good", tmp_path, statistics=counted)

    assert (tmp_path / "winner/Format-Serving" / train_statistics.KEPT).read_bytes() == data.SerializeToString()


def test_the_example_is_what_the_winner_answers(inputs, tmp_path):
    decided(inputs, "random", tmp_path)
    summary = json.loads((tmp_path / "summary" / "summary.json").read_text())
    assert summary["verdict"]["outcome"] == "rules"
    assert summary["example"] == summary["examples"]["rules"] != summary["examples"]["model"]


def test_labelled_rows_become_an_artifact_with_one_split(inputs, tmp_path):
    output = artifact(standard_artifacts.Examples, tmp_path / "rows")
    RankingExamples.test_call(
        examples=inputs["examples"],
        schema=inputs["schema"],
        ranking_examples=output,
        launch=RankingView.of(RATED).to_json(),
        code="c0de",
    )
    count = int(LOG.late.sum())
    assert json.loads(output.split_names) == ["eval"]
    assert output.get_string_custom_property("figure") == f"{count:,} labelled rows with their histories"
    records = tf.data.TFRecordDataset(matching([f"{output.uri}/Split-eval/*"]), compression_type="GZIP")
    assert sum(1 for _ in records) == count


def heard(inputs, model, launch, tmp_path):
    """The figures and the blessing of the standard Evaluator."""
    rows = artifact(standard_artifacts.Examples, tmp_path / "rows")
    RankingExamples.test_call(
        examples=inputs["examples"],
        schema=inputs["schema"],
        ranking_examples=rows,
        launch=RankingView.of(RATED).to_json(),
        code="c0de",
    )
    figures = artifact(standard_artifacts.ModelEvaluation, tmp_path / "figures")
    blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "head")
    properties = {
        "eval_config": proto_utils.proto_to_json(ranking_config.build(launch)),
        "example_splits": '["eval"]',
    }
    Executor().Do(
        {"examples": [rows], "model": [inputs[model]]},
        {"evaluation": [figures], "blessing": [blessing]},
        properties | {"fairness_indicator_thresholds": "null"},
    )
    return {"ranking": figures}


def test_a_model_whose_ranking_head_answers_no_numbers_ends_in_the_rules_and_not_in_an_error(inputs, tmp_path):
    decided(inputs, "no numbers", tmp_path, **heard(inputs, "no numbers", RATED, tmp_path))
    summary = json.loads((tmp_path / "summary" / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["verdict"]["outcome"] == "rules"
    assert "its signature rank answers no number for " in summary["verdict"]["reasons"][0]


def test_the_figures_of_the_ranking_head_are_read(inputs, tmp_path):
    decided(inputs, "good", tmp_path, **heard(inputs, "good", RATED, tmp_path))

    summary = json.loads((tmp_path / "summary" / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["ranking"]["like"]["rows"] == int(LOG.late.sum())
    assert 0 < summary["ranking"]["like"]["auc"] < 0.999
    assert set(summary["ranking_slices"]) == {"known users"}
    assert summary["ranking_slices"]["known users"]["like"] == summary["ranking"]["like"]
    assert "<td>like</td>" in (tmp_path / "summary" / "report.html").read_text()
    text = (tmp_path / "summary" / "summary.txt").read_text()
    assert f"like {int(LOG.late.sum())} " in " ".join(text.split())


def test_an_area_that_is_significantly_too_low_keeps_the_model_out(inputs, tmp_path):
    launch = dataclasses.replace(RATED, promotion=dataclasses.replace(RATED.promotion, min_auc=1.0))
    decided(inputs, "good", tmp_path, launch=launch, **heard(inputs, "good", RATED, tmp_path))
    verdict = json.loads((tmp_path / "summary" / "summary.json").read_text())["verdict"]
    assert (verdict["outcome"], verdict["cause"]) == ("rules", "head")
    assert "the AUC of like" in verdict["headline"]


def test_one_policys_own_traffic_is_named(inputs, tmp_path):
    counted = artifact(standard_artifacts.ExampleStatistics, tmp_path / "counted")
    counted.split_names = '["train", "eval"]'
    for split in ("train", "eval"):
        data = statistics_pb2.DatasetFeatureStatisticsList()
        column = data.datasets.add(num_examples=100).features.add(name="shown_by")
        column.string_stats.top_values.add(value="rules", frequency=95)
        (tmp_path / f"counted/Split-{split}").mkdir(parents=True)
        (tmp_path / f"counted/Split-{split}/FeatureStats.pb").write_bytes(data.SerializeToString())
    launch = dataclasses.replace(RATED, log=dataclasses.replace(RATED.log, policy="shown_by"))

    decided(inputs, "random", tmp_path, launch=launch, statistics=counted)

    verdict = json.loads((tmp_path / "summary" / "summary.json").read_text())["verdict"]
    assert any("95% of the eval part is what the policy 'rules' chose" in reason for reason in verdict["reasons"])
    assert verdict["advice"].startswith("Compare on users")
