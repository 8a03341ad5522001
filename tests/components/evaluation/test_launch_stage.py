"""The stages of a launch that starts empty: what each needs, what it pushes, and that none is left in silence."""

import dataclasses
import math

import pytest

from components.declaration import Promotion, Split
from components.evaluation import launch_stage
from components.evaluation.findings import Champion, Findings
from components.evaluation.launch_stage import Evidence
from components.evaluation.verdict import decide
from components.metrics.bootstrap import Interval

UNKNOWN, BETTER, EQUAL, WORSE = (
    Interval(0.0, -math.inf, math.inf),
    Interval(0.4, 0.2, 0.6, error=0.1),
    Interval(0.0, -0.1, 0.1, error=0.05),
    Interval(-0.4, -0.6, -0.2, error=0.1),
)
EVIDENCE = {
    "nothing": Evidence(0, 0, False, 200),
    "impressions": Evidence(80, 0, False, 200),
    "actions": Evidence(400, 60, False, 200),
    "rules": Evidence(4000, 900, True, 200),
}
PROMOTION, SPLIT = Promotion(min_queries=50), Split(eval_share=0.25)


def findings(stage, champion=None, queries=0, model_gain=UNKNOWN):
    return Findings(
        queries=queries,
        model=0.1,
        rules=0.1,
        rules_name="newest",
        model_gain=model_gain,
        model_problem="" if queries else "too early",
        champion=champion,
        evidence=EVIDENCE[stage],
    )


def served(stage, alike=False, kind="rules", rules_gain=UNKNOWN, model_gain=UNKNOWN):
    return Champion(kind, 0.1, model_gain, rules_gain, stage, alike)


@pytest.mark.parametrize("stage", ["nothing", "impressions", "actions", "rules"])
def test_the_log_says_which_stage_it_is_enough_for(stage):
    assert EVIDENCE[stage].stage == stage
    decision = decide(findings(stage), PROMOTION, SPLIT)
    assert (decision.outcome, decision.launch_stage) == ("rules", stage), "something is always pushed first"
    assert decision.to_dict()["launch_stage"] == stage


@pytest.mark.parametrize("stage", ["nothing", "impressions", "actions"])
def test_an_early_verdict_names_the_stage_who_serves_and_what_ends_it(stage):
    verdict = decide(findings(stage), PROMOTION, SPLIT).to_dict()
    assert "Served: newest first" in verdict["headline"]
    # Of 267 actions a quarter, 67, is in the eval split and evaluated, and 200 are left to compare rules by.
    assert f"{math.ceil(200 / 0.75)} logged actions" in verdict["advice"]
    counts = {"nothing": "nothing", "impressions": "80", "actions": "60"}
    assert counts[stage] in verdict["headline"]


def test_more_evaluated_events_or_a_smaller_share_ask_for_more_actions():
    decision = decide(findings("nothing"), Promotion(min_queries=200), Split(eval_share=0.1))
    assert "2,000 logged actions" in decision.advice
    days = decide(findings("nothing"), Promotion(min_queries=200), Split(eval_days=1)).advice
    assert "200 actions before the split, and 200 after it" in days


def test_the_same_list_is_not_pushed_again_and_another_one_is():
    assert decide(findings("impressions", served("nothing", alike=True)), PROMOTION, SPLIT).outcome == "champion"
    assert decide(findings("impressions", served("nothing")), PROMOTION, SPLIT).outcome == "rules"


def test_rules_that_are_significantly_worse_are_not_pushed():
    worse = served("rules", rules_gain=WORSE)
    assert decide(findings("rules", worse, 500, EQUAL), PROMOTION, SPLIT).outcome == "champion"
    assert decide(findings("rules", served("rules", rules_gain=EQUAL), 500, EQUAL), PROMOTION, SPLIT).outcome == "rules"


@pytest.mark.parametrize(("now", "then"), [("nothing", "actions"), ("impressions", "rules"), ("actions", "rules")])
def test_a_log_that_shrank_never_falls_back_in_silence(now, then):
    decision = decide(findings(now, served(then)), PROMOTION, SPLIT)
    assert (decision.outcome, decision.launch_stage) == ("champion", then)
    assert repr(now) in decision.reasons[0] and repr(then) in decision.reasons[0]


def test_a_model_that_wins_is_the_last_stage_and_one_that_serves_stays_it():
    won = findings("rules", served("rules", rules_gain=EQUAL, model_gain=BETTER), 500, BETTER)
    assert (decide(won, PROMOTION, SPLIT).outcome, decide(won, PROMOTION, SPLIT).launch_stage) == ("model", "model")
    kept = findings("rules", served("model", kind="model", rules_gain=WORSE, model_gain=EQUAL), 500, EQUAL)
    assert (decide(kept, PROMOTION, SPLIT).outcome, decide(kept, PROMOTION, SPLIT).launch_stage) == (
        "champion",
        "model",
    )


def test_a_launch_that_had_a_log_has_no_stage():
    plain = dataclasses.replace(findings("rules"), evidence=None)
    assert "launch_stage" not in decide(plain, PROMOTION).to_dict()
    assert Evidence.read(None) is None


def test_the_stages_are_in_their_order():
    assert launch_stage.STAGES == ("nothing", "impressions", "actions", "rules", "model")
