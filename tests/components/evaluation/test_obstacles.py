"""The table of situations over generated findings: the headline names what decided, and no sentence denies another."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.declaration import Promotion
from components.evaluation import obstacles
from components.evaluation.findings import UNKNOWN, Area, Champion, Findings, Traffic
from components.evaluation.verdict import decide
from components.metrics.bootstrap import Interval

GUARDS = ("ndcg@10", "tail items", "new users")
# What the headline has to hold, by the kind of what decided: written apart from the code.
NAMED = {
    "nothing": "^Model pushed: it beats the rules",
    "problem": "the model cannot be judged",
    "few": "too few events",
    "unchanged": "as well as the champion",
    "rules": "the rules on recall@10",
    "head": "AUC of",
    "guard": "ndcg@10|tail items|new users",
    "champion": "but not the champion",
}
MORE = r"more evaluated events would settle|when the log has grown|[Mm]ore events from more users are needed|more evaluated events are needed"
# Pairs of patterns of which a verdict must not hold both.
DENIED = (
    (MORE, r"more events (alone )?do not change"),
    (MORE, r"Improve the model"),
    (r"Model pushed", r"Nothing pushed|Rules pushed|is broken:|cannot be judged|Too few events|nothing has changed"),
    (r"Nothing pushed", r"Nothing was served before|counts as absent"),
    (r"pushed", r"[Nn]othing is served yet"),
    (r"beats the rules", r"for the rules \(\w+\): [^,]*, (not significant|significantly (worse|below))"),
    (r"too few events", r"significantly worse than the rules on|beats the rules"),
)

SHARES = st.sampled_from((-0.9, -0.2, -0.06, -0.001, 0.0, 0.001, 0.016, 0.05, 0.3, 2.0, float("inf")))


@st.composite
def gains(draw):
    """An interval around a point, one that says nothing, or a gain of nothing for every user."""
    point, reach = draw(SHARES), draw(st.sampled_from((0.0, 0.002, 0.05, 0.5)))
    rare = (UNKNOWN, Interval(0.3, -float("inf"), float("inf")), Interval(0.0, 0.0, 0.0, error=0.0))
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(rare))
    return Interval(point, point - reach, point + reach, error=reach / 1.96 if point < float("inf") else float("inf"))


@st.composite
def areas(draw):
    point, reach = draw(st.sampled_from((0.3, 0.499, 0.503, 0.7))), draw(st.sampled_from((0.01, 0.1)))
    auc = Interval(point, point - reach, point + reach)
    return Area(draw(st.sampled_from(("click", "buy"))), auc, 0.5, draw(st.booleans()))


@st.composite
def findings(draw):
    broken = draw(st.sampled_from(("", "", "", "it answers NaN")))
    by_name = st.dictionaries(st.sampled_from(("tail items", "new users", "head items")), gains(), max_size=3)
    by_metric = st.fixed_dictionaries({"ndcg@10": gains()})
    kind = draw(st.sampled_from(("none", "broken", "model", "rules")))
    champion = Champion(kind, 0.12, draw(gains()), draw(gains())) if kind in ("model", "rules") else None
    return Findings(
        queries=draw(st.sampled_from((0, 199, 200, 5000, 20_000, 100_000))),
        model=0.0 if broken else 0.142,
        rules=0.108,
        rules_name="covisitation",
        model_gain=UNKNOWN if broken else draw(gains()),
        areas=() if broken else tuple(draw(st.lists(areas(), max_size=2, unique_by=lambda area: area.objective))),
        champion=champion,
        champion_problem="its folder does not load" if kind == "broken" else "",
        model_problem=broken,
        slices={} if broken else draw(by_name),
        slices_over_champion={} if broken or champion is None else draw(by_name),
        metrics={} if broken else draw(by_metric),
        metrics_over_champion={} if broken or champion is None else draw(by_metric),
        traffic=draw(st.sampled_from((None, None, Traffic("rules", 0.97)))),
    )


promotions = st.builds(
    Promotion, margin=st.sampled_from((0.0, 0.05)), guards=st.just(GUARDS), guard_loss=st.sampled_from((0.0, 0.03))
)


def may_push(found, promotion):
    """The six criteria, written apart from the code."""
    guards = [
        gain
        for table in (found.slices, found.metrics, found.slices_over_champion, found.metrics_over_champion)
        for name, gain in table.items()
        if name in promotion.guards
    ]
    return (
        not found.model_problem
        and found.queries >= promotion.min_queries
        and found.model_gain.low > promotion.margin
        and all(area.auc.high >= area.bound for area in found.areas if area.decides)
        and all(gain.high >= -promotion.guard_loss for gain in guards)
        and (found.champion is None or found.champion.model_gain.low > 0)
    )


@settings(max_examples=400, deadline=None)
@given(findings(), promotions)
@example(Findings(5000, 0.1, 0.1, "popularity", Interval(-0.001, -0.05, 0.05, error=0.025)), Promotion(guards=GUARDS))
def test_every_verdict_names_what_decided_and_denies_nothing(found, promotion):
    verdict = decide(found, promotion)

    assert (verdict.outcome == "model") == may_push(found, promotion)
    assert re.search(NAMED[verdict.cause], verdict.headline), verdict
    if verdict.outcome == "champion":
        assert found.champion is not None
    sentences = (verdict.headline, *verdict.reasons, verdict.advice)
    assert all((re.search(r"\.$", text) and text[0] == text[0].upper()) or "recall@10" in text for text in sentences)
    assert not any("nan" in text or "Obstacle" in text for text in sentences if not found.model_problem)
    text = " ".join(sentences)
    for one, other in DENIED:
        assert not (re.search(one, text, re.IGNORECASE) and re.search(other, text, re.IGNORECASE)), (
            one,
            other,
            verdict,
        )


@settings(max_examples=100, deadline=None)
@given(findings(), promotions)
def test_the_first_reason_is_about_what_decided(found, promotion):
    verdict = decide(found, promotion)
    first = next(obstacles.find_obstacles(found, promotion), None)
    assert verdict.reasons[0] == (first.reason if first else obstacles.describe_rules(found, promotion))
    assert not first or (verdict.cause, verdict.advice) == (first.kind, first.advice)
    assert len(set(verdict.reasons)) == len(verdict.reasons)
