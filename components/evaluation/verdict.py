"""The verdict: who serves next, the new model, the champion or the rules; with reasons that a stakeholder reads.

The new model is pushed if, and only if, nothing is in its way (`components.evaluation.obstacles` lists what can be):

  1. it can be judged: it loads, it answers, and it does not know the answers from elsewhere (a leak);
  2. enough events were evaluated (`Promotion.min_queries`);
  3. its relative gain over the best rule is above `Promotion.margin` even at the low end of the interval;
  4. no AUC of its ranking head is significantly below `Promotion.min_auc`, of an objective whose AUC decides;
  5. on no guard (`Promotion.guards`), a further metric or a slice, it is significantly worse, by more than
     `Promotion.guard_loss`, than the rules or than the champion;
  6. it is better than the champion, the version that is served, even at the low end of the interval.

Else the champion stays, unless the rules beat it in the same sense; and where nothing is served yet, the rules are. A
champion that cannot be evaluated (its folder does not load, its signature changed) counts as none, and the reasons say
so: nobody knows whether it is any good, while the other two were measured. The table of all outcomes is in
docs/evaluation.md.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from components.declaration import Promotion, Split
from components.declaration.slice_names import DEFAULT_GUARDS
from components.evaluation import launch_stage, obstacles
from components.evaluation.findings import CHAMPION, MODEL, RULES, Findings
from components.evaluation.obstacles import Obstacle
from components.evaluation.verdict_words import describe_gain, percent

PUSHED = {MODEL: "Model pushed", CHAMPION: "Nothing pushed", RULES: "Rules pushed"}
NOTHING = "nothing"
NEXT = "Serve it (docs/serving.md), or try it on users first (docs/experiment.md)."
REFIT = "What is pushed is trained once more in the same way, on all events: the figures are those of the model before that."
WATCH = "Watch the same figures on tomorrow's log."


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome, why, and what would change it.

    Attributes:
      outcome: "model", "champion" or "rules".
      cause: the kind of the obstacle that decided (`obstacles`); "nothing" where the model is pushed.
      headline: one sentence, which names what decided.
      reasons: sentences; the first is about what decided.
      advice: what comes next.
      launch_stage: of a launch that started empty, after this run; "" for any other.
    """

    outcome: str
    cause: str
    headline: str
    reasons: tuple[str, ...]
    advice: str
    launch_stage: str = ""

    def to_dict(self) -> dict[str, object]:
        """Returns plain values for JSON."""
        values = dataclasses.asdict(self) | {"reasons": list(self.reasons)}
        return {name: value for name, value in values.items() if name != "launch_stage" or value}


def decide(findings: Findings, promotion: Promotion, split: Split | None = None) -> Verdict:
    """Returns who serves next; see the module for the rule, and `launch_stage` for a launch that starts empty."""
    decision = _decide(findings, promotion)
    return decision if findings.evidence is None else _add_stage(decision, findings, promotion, split or Split())


def _decide(findings: Findings, promotion: Promotion) -> Verdict:
    in_the_way = list(obstacles.find_obstacles(findings, promotion))
    reasons = tuple(dict.fromkeys(_list_reasons(in_the_way, findings, promotion)))
    if not in_the_way:
        advice = WATCH if findings.champion is not None else NEXT
        return Verdict(MODEL, NOTHING, _praise(findings, promotion), reasons, advice)
    first, champion = in_the_way[0], findings.champion
    enough = findings.queries >= promotion.min_queries
    replaced = champion is None or (enough and champion.rules_gain.low > 0)
    if champion is not None and findings.evidence is not None and champion.kind == RULES:
        worse = enough and champion.rules_gain.high < 0
        replaced |= launch_stage.refreshes(findings.evidence, champion.stage, champion.alike, worse)
    outcome = RULES if replaced else CHAMPION
    clause = f"{_why_rules(findings, promotion)}{first.clause}" if replaced else first.clause
    return Verdict(outcome, first.kind, f"{PUSHED[outcome]}: {clause}.", reasons, first.advice)


def _add_stage(decision: Verdict, findings: Findings, promotion: Promotion, split: Split) -> Verdict:
    """Returns the verdict on a launch that started empty, with its stage; an early one is its headline."""
    evidence, champion = findings.evidence, findings.champion
    assert evidence is not None
    if decision.outcome == MODEL or (decision.outcome == CHAMPION and champion and champion.kind == MODEL):
        return dataclasses.replace(decision, launch_stage=launch_stage.MODEL)
    if champion is not None and launch_stage.goes_back(evidence, champion.stage):
        reason = f"The log is enough for the stage {evidence.stage!r}; what is served was pushed in stage {champion.stage!r}."
        return dataclasses.replace(decision, launch_stage=champion.stage, reasons=(reason, *decision.reasons))
    if evidence.stage == launch_stage.RULES:
        return dataclasses.replace(decision, launch_stage=evidence.stage)
    headline = launch_stage.describe(evidence, findings.rules_name, decision.outcome == RULES)
    reasons = decision.reasons[:1] if not findings.queries else decision.reasons
    advice = launch_stage.advise(evidence, promotion, split)
    return dataclasses.replace(decision, launch_stage=evidence.stage, headline=headline, reasons=reasons, advice=advice)


def _praise(findings: Findings, promotion: Promotion) -> str:
    """Returns the headline of a model that is pushed."""
    gain = percent(findings.model_gain.point)
    if findings.champion is None:
        return f"{PUSHED[MODEL]}: it beats the rules on {promotion.metric} ({gain})."
    over = percent(findings.champion.model_gain.point)
    return f"{PUSHED[MODEL]}: it beats the rules ({gain}) and the champion ({over}) on {promotion.metric}."


def _why_rules(findings: Findings, promotion: Promotion) -> str:
    """Returns what made the rules win over the champion; "" where nothing was served."""
    if findings.champion is not None and findings.champion.rules_gain.low > 0:
        gain = percent(findings.champion.rules_gain.point)
        return f"they beat the champion on {promotion.metric} ({gain}), and "
    return "the champion could not be evaluated, and " if findings.champion_problem else ""


def _list_reasons(in_the_way: Sequence[Obstacle], findings: Findings, promotion: Promotion) -> Iterator[str]:
    """Yields what decided, then every other obstacle, then what else was measured; some sentences come twice."""
    yield from (obstacle.reason for obstacle in in_the_way)
    if not findings.model_problem:
        yield obstacles.describe_rules(findings, promotion)
    yield obstacles.describe_champion(findings, promotion)
    yield from _describe_traffic(findings)
    yield from _describe_areas(findings)
    yield from _describe_guards(findings, promotion)
    yield from _warn_slices(findings, promotion)
    if not in_the_way and promotion.refit:
        yield REFIT


def _describe_traffic(findings: Findings) -> Iterator[str]:
    if findings.traffic is not None:
        yield (
            f"{findings.traffic.share:.0%} of the eval part is what the policy {findings.traffic.policy!r} chose to show: "
            "users could take little else, so the figures favour that policy."
        )


def _describe_areas(findings: Findings) -> Iterator[str]:
    """Yields the AUCs that are below their bound without being an obstacle."""
    for area in findings.areas:
        if area.auc.point < area.bound and not area.is_rejected:
            why = "not significantly" if area.auc.high >= area.bound else "significantly, but `auc_decides` is False"
            yield f"The ranking head: {area.describe()}, below {area.bound:g}, {why}."


def _describe_guards(findings: Findings, promotion: Promotion) -> Iterator[str]:
    """Yields the guards that hold, with their intervals, and those that had no query."""
    kept = []
    for name in promotion.guards:
        gains = findings.list_guard_gains(name)
        if gains and not any(obstacles.is_broken(gain, promotion) for gain in gains.values()):
            kept.append(f"{name} {', '.join(f'{describe_gain(gain)} over {other}' for other, gain in gains.items())}")
        elif not gains and name not in DEFAULT_GUARDS and not findings.model_problem:
            yield f"The guard {name!r} had no query, so it decides nothing."
    if kept:
        yield f"Guards that hold: {'; '.join(kept)}."


def _warn_slices(findings: Findings, promotion: Promotion) -> Iterator[str]:
    for name, gain in findings.slices.items():
        if gain.high < 0 and name not in promotion.guards:
            yield f"Significantly worse than the rules for {name}: {describe_gain(gain)}."
