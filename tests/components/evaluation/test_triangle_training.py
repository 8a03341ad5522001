"""Training on parts of the log, by the functions of the steps; the model here is one that only counts."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from toy_shop import PLAIN, events, transform

from components.declaration import Insight
from components.declaration.triangle_view import TriangleView
from components.evaluation.findings import MODEL, RULES
from components.evaluation.triangle_training import PartTrainer, describe_part
from components.features.training_data import Part
from components.ingest.example_files import ExampleFile
from components.progress import Progress

pytestmark = pytest.mark.tensorflow

VIEW = TriangleView.of(dataclasses.replace(PLAIN, insight=Insight()))
EARLY = events(PLAIN)
COUNTING = {MODEL: "components.models.too_early.run_fn", RULES: "components.rules.training.run_fn"}


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    kind = type(transform())
    spec = kind.raw_feature_spec
    monkeypatch.setattr(kind, "raw_feature_spec", lambda self: spec(self) | {"event": tf.io.VarLenFeature(tf.string)})
    columns = {"user": EARLY.user, "item": EARLY.item, "time": EARLY.time}
    columns |= {objective.label: EARLY.labels[objective.name] for objective in PLAIN.ranking_objectives}
    columns |= EARLY.context
    arrays = [
        pa.array(column, pa.binary()) if column.dtype == object else pa.array(column) for column in columns.values()
    ]
    with ExampleFile(str(tmp_path / "train")) as file:
        file.write(pa.RecordBatch.from_arrays(arrays, list(columns)))
    early = dataclasses.replace(EARLY, positive=np.ones(len(EARLY), bool))
    graph = transform().transform_savedmodel_dir.rpartition("/")[0]
    return PartTrainer(VIEW, early, [str(tmp_path / "train" / "*")], graph, "", COUNTING, None, Progress("triangle", 9))


PARTS = [Part(before=int(np.median(EARLY.time))), Part(users=0.5), Part(users=0.5, draw=1)]


@pytest.mark.parametrize("part", PARTS, ids=["earlier", "half the users", "another half"])
def test_contenders_learn_from_the_part_alone(trainer, part):
    contenders = trainer(part, (MODEL, RULES))
    rows = part.choose(trainer.early, VIEW.seed)
    assert trainer.left_out == [] and 0 < rows.sum() < len(rows)
    for contender in contenders.values():
        assert contender.card["data"]["events"] == rows.sum()
        assert set(contender.candidates.tolist()) == set(EARLY.item[rows].tolist()), "what came later is not known"


def test_the_rules_answer_by_the_rule_that_would_have_served(trainer):
    contender = trainer(PARTS[0], (RULES,))[RULES]
    assert contender.signature == f"score_rule_{contender.rule}"


def test_a_training_that_reads_more_than_the_part_is_left_out_with_the_reason(trainer):
    trainer.run_fns = COUNTING | {MODEL: "careless_training.run_fn"}
    assert set(trainer(PARTS[1], (MODEL, RULES))) == {RULES}
    (reason,) = trainer.left_out
    assert "careless_training.run_fn" in reason and "training_data.read" in reason and f"got {len(EARLY)}" in reason


def test_a_training_that_fails_is_left_out_with_the_reason(trainer):
    trainer.run_fns = COUNTING | {MODEL: "careless_training.failing_run_fn"}
    assert set(trainer(PARTS[2], (MODEL, RULES))) == {RULES}
    assert trainer.left_out == ["model of 50% of the users, draw 2: no such optimizer"]


def test_parts_in_words():
    assert describe_part(Part(users=0.125), EARLY) == "12.5% of the users, draw 1"
    half = int(np.median(EARLY.time[EARLY.positive]))
    share = (EARLY.time[EARLY.positive] < half).mean()
    assert describe_part(Part(before=half), EARLY) == f"the first {share:.0%} of the actions"
