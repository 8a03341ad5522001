"""Views: what a step reads of a declaration, and nothing else."""

import dataclasses
import json

import pytest

from components.declaration import (
    Boost,
    Catalogue,
    Drift,
    Insight,
    Launch,
    Log,
    Model,
    Objective,
    Promotion,
    Rules,
    Split,
    views,
)
from pipeline import reference, steps

LAUNCH = Launch(
    name="tea",
    log=Log(path="log/", user="u", item="i", time="t", event="e", impression="shown", position="p", context=("c",)),
    catalogue=Catalogue(path="items.csv", item="id", categories=("kind",), boosts=(Boost("kind", "tea", 2.0),)),
    objectives=(Objective("click", event="click"), Objective("buy", weight=5.0, event="buy")),
    split=Split(eval_share=0.1),
)
LEARNING = {"Rules", "Tuner", "Trainer", "Triangle", "Refit"}
VIEWS = {step.name: step.view for step in steps.STEPS if step.view is not None}
CHANGES = {
    "promotion.margin": (dataclasses.replace(LAUNCH, promotion=Promotion(margin=0.1)), {"Verdict"}),
    "promotion.min_auc": (dataclasses.replace(LAUNCH, promotion=Promotion(min_auc=0.6)), {"Evaluator", "Verdict"}),
    "insight.moments": (dataclasses.replace(LAUNCH, insight=Insight(moments=4)), {"Triangle"}),
    "drift.new_users": (dataclasses.replace(LAUNCH, drift=Drift(new_users=0.9)), {"DriftGate"}),
    "model.dim": (dataclasses.replace(LAUNCH, model=Model(dim=8)), {"Tuner", "Trainer", "Triangle", "Refit"}),
    "model.top_k": (
        dataclasses.replace(LAUNCH, model=Model(top_k=20)),
        LEARNING | {"RetrievalEvaluator", "RankingExamples"},
    ),
    "rules.recent_days": (dataclasses.replace(LAUNCH, rules=Rules(recent_days=3)), LEARNING),
    "objectives[].weight": (
        dataclasses.replace(LAUNCH, objectives=(LAUNCH.objectives[0], Objective("buy", weight=2.0, event="buy"))),
        LEARNING,
    ),
    "objectives[].auc_decides": (
        dataclasses.replace(LAUNCH, objectives=(LAUNCH.objectives[0], Objective("buy", 5.0, "buy", None, False))),
        {"Verdict"},
    ),
    "log.policy": (
        dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, policy="by")),
        {"ExampleGen", "RetrievalEvaluator", "Verdict"},
    ),
    "catalogue.boosts[].factor": (
        dataclasses.replace(
            LAUNCH, catalogue=dataclasses.replace(LAUNCH.catalogue, boosts=(Boost("kind", "tea", 3.0),))
        ),
        LEARNING,
    ),
    "log.max_quarantined": (
        dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, max_quarantined=0.5)),
        {"ExampleGen"},
    ),
    "split.eval_share": (dataclasses.replace(LAUNCH, split=Split(eval_share=0.2)), {"ExampleGen", "Verdict"}),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_changed_field_changes_the_views_of_the_steps_that_read_it_and_no_other(path):
    changed, readers = CHANGES[path]
    rerun = {name for name, view in VIEWS.items() if view.of(LAUNCH).to_json() != view.of(changed).to_json()}
    assert rerun == readers


@pytest.mark.parametrize("path", CHANGES)
def test_the_reference_names_the_steps_that_read_a_field(path):
    assert set(reference.steps_that_read(path)) == CHANGES[path][1]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_survives_its_json(name):
    view = VIEWS[name].of(LAUNCH)
    assert VIEWS[name].from_json(view.to_json()) == view


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_keeps_the_paths_of_the_declaration(name):
    def compare(view, whole):
        for key, value in view.items():
            if isinstance(value, dict):
                compare(value, whole[key])
            elif isinstance(value, list) and value and isinstance(value[0], dict):
                for part, other in zip(value, whole[key], strict=True):
                    compare(part, other)
            else:
                assert value == whole[key]

    compare(json.loads(VIEWS[name].of(LAUNCH).to_json()), json.loads(LAUNCH.to_json()))


def test_a_view_without_a_catalogue_holds_none():
    bare = dataclasses.replace(LAUNCH, catalogue=None)
    assert views.DriftView.of(bare).catalogue is None
    assert views.TrainerView.of(bare).catalogue is None


def test_labels_of_a_view_are_those_of_the_declaration():
    view = views.IngestView.of(LAUNCH)
    assert view.positive_events == LAUNCH.positive_events == ("click", "buy")
    assert [label.label for label in view.ranking_objectives] == ["label_click", "label_buy"]
    assert view.learns_from_impressions and view.has_ranking_head
