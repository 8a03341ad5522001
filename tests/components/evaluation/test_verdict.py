"""The verdict: its table of cases, its laws, and its words."""

import dataclasses
import itertools
import json
import math

import pytest

from components.declaration import Promotion
from components.evaluation.findings import UNKNOWN, Area, Champion, Findings, Traffic, read
from components.evaluation.verdict import REFIT, decide
from components.metrics.bootstrap import Interval

GATE = Promotion(metric="recall@10", margin=0.05, min_queries=200, guards=("new users",), guard_loss=0.03)
BETTER, EQUAL, WORSE = (
    Interval(0.31, 0.18, 0.45, error=0.07),
    Interval(0.01, -0.1, 0.12, error=0.056),
    Interval(-0.2, -0.3, -0.1, error=0.05),
)
LOW = Area("click", Interval(0.42, 0.39, 0.45), 0.5)
UNSURE = Area("click", Interval(0.499, 0.48, 0.52), 0.5)
GUESSED = Area("high_price", Interval(0.42, 0.39, 0.45), 0.5, decides=False)
FINE = Area("buy", Interval(0.7, 0.6, 0.8), 0.5)
OPEN = Interval(0.31, -math.inf, math.inf)
GOOD = Findings(queries=5000, model=0.142, rules=0.108, rules_name="covisitation", model_gain=BETTER)


def _with(**changes):
    return dataclasses.replace(GOOD, **changes)


def _champion(model_gain=BETTER, rules_gain=WORSE, kind="model"):
    return Champion(kind=kind, value=0.12, model_gain=model_gain, rules_gain=rules_gain)


@pytest.mark.parametrize(
    ("findings", "outcome"),
    [
        (GOOD, "model"),
        (_with(areas=(FINE, UNSURE)), "model"),
        (_with(areas=(FINE, LOW)), "rules"),
        (_with(areas=(GUESSED,)), "model"),
        (_with(queries=199), "rules"),
        (_with(model_gain=EQUAL), "rules"),
        (_with(model_gain=WORSE), "rules"),
        (_with(model_gain=OPEN), "rules"),
        (_with(model_gain=Interval(0.2, 0.05, 0.4)), "rules"),  # the low end is at the margin, not above it
        (_with(champion=_champion()), "model"),
        (_with(champion=_champion(kind="rules")), "model"),
        (_with(champion=_champion(model_gain=EQUAL)), "champion"),
        (_with(champion=_champion(model_gain=WORSE)), "champion"),
        (_with(champion=_champion(), areas=(LOW,)), "champion"),
        (_with(champion=_champion(), queries=199), "champion"),
        (_with(champion=_champion(rules_gain=BETTER), model_gain=WORSE), "rules"),
        (_with(champion=_champion(rules_gain=BETTER, kind="rules"), model_gain=EQUAL), "rules"),
        (_with(champion=_champion(rules_gain=EQUAL, kind="rules"), model_gain=EQUAL), "champion"),
        (_with(champion=_champion(rules_gain=BETTER), model_gain=WORSE, queries=199), "champion"),
        (_with(champion_problem="signature changed"), "model"),
        (_with(champion_problem="signature changed", model_gain=WORSE), "rules"),
        (_with(model_problem="it answers NaN"), "rules"),
        (_with(model_problem="it answers NaN", champion=_champion()), "champion"),
        (_with(model_problem="it answers NaN", champion=_champion(rules_gain=BETTER)), "rules"),
        (_with(model_problem="it answers NaN", champion=_champion(UNKNOWN, BETTER), queries=199), "champion"),
        (_with(slices={"new users": WORSE}), "rules"),
        (_with(slices={"new users": WORSE}, champion=_champion()), "champion"),
        (_with(slices_over_champion={"new users": WORSE}, champion=_champion()), "champion"),
        (_with(slices={"new users": EQUAL, "known users": WORSE}), "model"),
        (_with(slices={"new users": Interval(-0.2, -0.4, -0.02)}), "model"),  # within what the guard tolerates
    ],
)
def test_outcomes(findings, outcome):
    verdict = decide(findings, GATE)
    assert verdict.outcome == outcome
    assert verdict.reasons
    assert verdict.advice


def test_a_model_that_is_not_surely_better_is_never_pushed_whatever_else_holds():
    champions = (
        None,
        *(
            _champion(a, b, kind)
            for a, b in itertools.product((BETTER, EQUAL, WORSE), repeat=2)
            for kind in ("model", "rules")
        ),
    )
    for champion, gain, areas, queries in itertools.product(
        champions, (EQUAL, WORSE, OPEN), ((), (FINE,), (LOW,)), (1, 10**6)
    ):
        verdict = decide(_with(champion=champion, model_gain=gain, areas=areas, queries=queries), GATE)
        assert verdict.outcome != "model"
        assert verdict.outcome == "rules" or champion is not None


def test_reasons_in_words():
    verdict = decide(_with(champion=_champion(model_gain=EQUAL)), GATE)
    over_champion, over_rules, guard = verdict.reasons
    assert guard == "The guard 'new users' had no query, so it decides nothing."
    assert over_rules == (
        "recall@10 0.142 against 0.108 for the rules (covisitation): +31% (95% CI +18% to +45%), significantly above the "
        "margin of +5.0%."
    )
    assert over_champion == (
        "recall@10 0.120 for the champion (a model, served now): the model +1.0% (95% CI -10% to +12%), not significant; "
        "the rules -20% (95% CI -30% to -10%), significantly worse."
    )


def test_a_model_that_will_be_refitted_is_said_to_be_so_and_only_where_it_is_pushed():
    refits = dataclasses.replace(GATE, refit=True)
    assert decide(GOOD, refits).reasons[-1] == REFIT
    assert REFIT not in decide(GOOD, GATE).reasons
    assert REFIT not in decide(_with(model_gain=EQUAL), refits).reasons


def test_reasons_name_every_obstacle():
    read_findings = _with(queries=120, areas=(LOW,), champion_problem="its folder does not load.", model_gain=EQUAL)
    text = "\n".join(decide(read_findings, GATE).reasons)
    assert "120 were evaluated, `Promotion.min_queries` asks for 200" in text
    assert "not significantly above the margin of +5.0%" in text
    assert "counts as absent: its folder does not load." in text
    assert "AUC of click 0.420 (95% CI 0.390 to 0.450), significantly below 0.5" in text


def test_a_slice_that_is_significantly_worse_is_a_warning_unless_it_is_guarded():
    slices = {"new users": EQUAL, "known users": WORSE, "tail items": BETTER}
    verdict = decide(_with(slices=slices), GATE)
    assert verdict.outcome == "model"
    assert verdict.reasons[-1] == ("Significantly worse than the rules for known users: -20% (95% CI -30% to -10%).")
    guarded = decide(_with(slices=slices), dataclasses.replace(GATE, guards=("known users",)))
    assert (guarded.outcome, guarded.cause) == ("rules", "guard")
    assert guarded.reasons[0] == "The guard 'known users' is broken: -20% (95% CI -30% to -10%) against the rules."
    assert "for known users" in guarded.headline and "for known users" in guarded.advice


def test_guards_that_hold_are_told_with_their_intervals():
    read_findings = _with(metrics={"ndcg@10": EQUAL}, slices={"tail items": BETTER}, champion=_champion())
    read_findings = dataclasses.replace(read_findings, metrics_over_champion={"ndcg@10": OPEN})
    assert decide(read_findings, Promotion()).reasons[-1] == (
        "Guards that hold: ndcg@10 +1.0% (95% CI -10% to +12%) over the rules, "
        "+31% (too little data for an interval) over the champion; tail items +31% (95% CI +18% to +45%) over the "
        "rules."
    )


@pytest.mark.parametrize(
    ("area", "outcome", "words"),
    [
        (LOW, "rules", "but the AUC of click (0.420) is significantly below 0.5"),
        (UNSURE, "model", "AUC of click 0.499 (95% CI 0.480 to 0.520), below 0.5, not significantly."),
        (GUESSED, "model", "below 0.5, significantly, but `auc_decides` is False"),
        (FINE, "model", ""),
    ],
)
def test_an_auc_decides_only_where_it_is_significantly_low_and_not_guessed(area, outcome, words):
    verdict = decide(_with(areas=(area,)), GATE)
    assert verdict.outcome == outcome
    assert words in f"{verdict.headline} {' '.join(verdict.reasons)}"
    assert ("AUC" in " ".join(verdict.reasons)) == bool(words)


@pytest.mark.parametrize("gain", [EQUAL, WORSE])
def test_in_one_policys_own_traffic_the_advice_is_a_comparison_on_users(gain):
    verdict = decide(_with(model_gain=gain, traffic=Traffic("rules", 0.97)), GATE)
    assert any("97% of the eval part is what the policy 'rules' chose" in reason for reason in verdict.reasons)
    assert verdict.advice.startswith("Compare on users: an experiment")
    pushed = decide(_with(traffic=Traffic("rules", 0.97)), GATE)
    assert any("'rules' chose" in reason for reason in pushed.reasons)


@pytest.mark.parametrize(
    ("findings", "text"),
    [
        # 5000 (2.80 x .125 / .20)^2 - 5000 = 10,330
        (_with(model_gain=Interval(0.25, 0.0, 0.5, error=0.125)), "About 11,000 more"),
        (_with(queries=150), "About 50 more"),
        (_with(model_gain=WORSE), "More events alone do not change this"),
        # 5000 (2.80 x .056 / .07)^2 - 5000 = 20,116
        (_with(model_gain=EQUAL), "A gain of +7.0% takes about 21,000 more evaluated events to see."),
        (_with(champion=_champion(model_gain=WORSE)), "Improve the model"),
        (_with(model_gain=OPEN), "too little data to estimate"),
        (_with(areas=(LOW,)), "AUC per objective"),
        (GOOD, "docs/serving.md"),
        (_with(champion=_champion()), "tomorrow's log"),
    ],
)
def test_advice_says_what_would_change_it(findings, text):
    assert text in decide(findings, GATE).advice


def test_to_dict_is_json():
    verdict = decide(GOOD, GATE)
    assert json.loads(json.dumps(verdict.to_dict())) == {
        "outcome": "model",
        "cause": "nothing",
        "headline": "Model pushed: it beats the rules on recall@10 (+31%).",
        "reasons": list(verdict.reasons),
        "advice": verdict.advice,
    }


EVALUATION = {
    "metric": "recall@10",
    "queries": 900,
    "rules_name": "covisitation",
    "rolling": {
        "model": {"queries": 900, "recall@10": 0.2},
        "champion": {"recall@10": 0.0},
        "covisitation": {"recall@10": 0.1},
    },
    "gains": {
        "model_over_rules": BETTER.to_dict(),
        "model_over_champion": Interval(math.inf, math.inf, math.inf).to_dict(),
        "rules_over_champion": WORSE.to_dict(),
        "by_metric": {"mrr": BETTER.to_dict()},
    },
    "champion": {"kind": "rules"},
    "champion_problem": "",
    "model_problem": "",
    "slices": {"gains": {"new users": EQUAL.to_dict()}, "gains_over_champion": {"new users": WORSE.to_dict()}},
}


def test_findings_are_read_from_the_evaluation():
    over_nothing = Interval(math.inf, math.inf, math.inf)
    read_findings = read(json.loads(json.dumps(EVALUATION, allow_nan=False)), (FINE,), Traffic("rules", 0.95))
    slices = {"slices": {"new users": EQUAL}, "slices_over_champion": {"new users": WORSE}}
    assert read_findings == Findings(
        *(900, 0.2, 0.1, "covisitation", BETTER, (FINE,), Champion("rules", 0.0, over_nothing, WORSE)),
        **slices,
        traffic=Traffic("rules", 0.95),
        metrics={"mrr": BETTER},
    )
    assert decide(read_findings, dataclasses.replace(GATE, guards=())).outcome == "model"


def test_findings_without_a_champion_and_without_queries():
    nothing = {"model": {"queries": 0}, "covisitation": {"queries": 0}}
    slices = {"gains": {}, "gains_over_champion": {}}
    read_findings = read(
        EVALUATION | {"queries": 0, "champion": None, "champion_problem": "gone", "rolling": nothing, "slices": slices}
    )
    assert read_findings == Findings(0, 0.0, 0.0, "covisitation", BETTER, (), None, "gone", metrics={"mrr": BETTER})
    assert decide(read_findings, GATE).outcome == "rules"


def test_findings_without_a_model():
    read_findings = read(
        EVALUATION
        | {
            "model_problem": "it answers NaN",
            "rolling": {name: row for name, row in EVALUATION["rolling"].items() if name != "model"},
        }
        | {
            "gains": {"rules_over_champion": WORSE.to_dict(), "by_metric": {}},
            "slices": {"gains": {}, "gains_over_champion": {}},
        }
    )
    assert (read_findings.queries, read_findings.model_gain, read_findings.champion.model_gain) == (
        900,
        UNKNOWN,
        UNKNOWN,
    )
    assert decide(read_findings, GATE).outcome == "champion"


@pytest.mark.parametrize(
    ("findings", "outcome", "words"),
    [
        ({"metrics": {"ndcg@10": Interval(-0.06, -0.09, -0.03)}}, "rules", "The guard 'ndcg@10' is broken: -6.0%"),
        ({"slices": {"tail items": Interval(-0.67, -0.8, -0.5)}}, "rules", "The guard 'tail items' is broken: -67%"),
        ({"metrics": {"ndcg@10": EQUAL}, "slices": {"tail items": EQUAL}}, "model", ""),
        ({"model_gain": EQUAL}, "rules", "not significant"),
        (
            {"metrics_over_champion": {"ndcg@10": WORSE}, "champion": _champion()},
            "champion",
            "against the champion",
        ),
    ],
    ids=[
        "better in recall and worse in NDCG",
        "loses the tail",
        "as good in both",
        "ties",
        "worse than the champion in NDCG",
    ],
)
def test_what_the_default_guards_hold(findings, outcome, words):
    verdict = decide(_with(**findings), Promotion())
    assert verdict.outcome == outcome
    assert words in " ".join(verdict.reasons)
    assert "had no query" not in " ".join(verdict.reasons)
