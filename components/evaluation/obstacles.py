"""What keeps the model from being pushed: one table of situations, each with its headline, reason and advice.

The first obstacle decides; its clause is the headline, its reason comes first, and its advice is the only one that is
given. So no advice is about another situation than the one that the headline names.

    kind        it is there if                                          the advice is about
    problem     the model does not load or answer, or leaks             the model
    few         fewer events than `Promotion.min_queries`               how many more
    unchanged   the gain over the champion is 0 for every user          the next run
    rules       the gain over the rules is not above the margin         more events, or the model (`_advise_gain`)
    head        an AUC is significantly below `Promotion.min_auc`       the ranking head
    guard       a guard is significantly worse                          that guard
    champion    the gain over the champion is not above zero            more events, or the model (`_advise_gain`)

Where one policy chose nearly everything that the eval part shows, `rules` and `champion` advise a comparison on users:
more of the same log would not tell.
"""

import dataclasses
import math
from collections.abc import Iterator

from components.declaration import Promotion
from components.declaration.metric_names import METRICS
from components.evaluation.findings import MODEL, Findings
from components.evaluation.verdict_words import compare_gain, describe_gain, more_queries_needed, percent
from components.metrics.bootstrap import Interval

PROBLEM, FEW, UNCHANGED, BY_RULES = "problem", "few", "unchanged", "rules"
HEAD, GUARD, BY_CHAMPION = "head", "guard", "champion"
IMPROVE = "Improve the model: better features, data or training"
ON_USERS = "Compare on users: an experiment (docs/experiment.md), or exploration (`python -m pipeline serve --explore-slot 0.1`)."


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """One of them.

    Attributes:
      kind: of the module's table.
      clause: a part of the headline, without a full stop.
      reason: a sentence with figures.
      advice: what would change it.
    """

    kind: str
    clause: str
    reason: str
    advice: str


def find_obstacles(findings: Findings, promotion: Promotion) -> Iterator[Obstacle]:
    """Yields every obstacle in the order of the table; none if the model is to be pushed."""
    if findings.model_problem:
        yield Obstacle(
            PROBLEM,
            "the model cannot be judged",
            f"The model cannot be judged: {findings.model_problem.rstrip('.')}.",
            "Fix the model first: more events do not change this.",
        )
    if findings.queries < promotion.min_queries:
        yield _few(findings, promotion)
    if findings.model_problem:
        return
    if findings.unchanged:
        yield Obstacle(
            UNCHANGED,
            "the model does as well as the champion, user by user",
            "The model does as well as the champion, user by user: nothing has changed.",
            "Run again when the log has grown.",
        )
    if findings.model_gain.low <= promotion.margin:
        yield _by_rules(findings, promotion)
    yield from _by_head(findings, promotion)
    yield from _by_guards(findings, promotion)
    if findings.champion is not None and findings.champion.model_gain.low <= 0:
        yield _by_champion(findings, promotion)


def describe_rules(findings: Findings, promotion: Promotion) -> str:
    """Returns the sentence that compares the model with the rules."""
    return (
        f"{promotion.metric} {findings.model:.3f} against {findings.rules:.3f} for the rules ({findings.rules_name}): "
        f"{describe_gain(findings.model_gain)}, {compare_gain(findings.model_gain, promotion.margin)}."
    )


def describe_champion(findings: Findings, promotion: Promotion) -> str:
    """Returns the sentence about the champion."""
    served = findings.champion
    if findings.champion_problem:
        return f"The champion could not be evaluated and counts as absent: {findings.champion_problem.rstrip('.')}."
    if served is None:
        return "Nothing was served before this run."
    judged = [("the rules", served.rules_gain)]
    if not findings.model_problem:
        judged.insert(0, ("the model", served.model_gain))
    gains = "; ".join(f"{name} {describe_gain(gain)}, {compare_gain(gain, 0)}" for name, gain in judged)
    kind = "a model" if served.kind == MODEL else "rules"
    return f"{promotion.metric} {served.value:.3f} for the champion ({kind}, served now): {gains}."


def is_broken(gain: Interval, promotion: Promotion) -> bool:
    """Returns whether a guard's gain is significantly worse than the guard tolerates."""
    return gain.high < -promotion.guard_loss


def _few(findings: Findings, promotion: Promotion) -> Obstacle:
    missing = promotion.min_queries - findings.queries
    return Obstacle(
        FEW,
        f"too few events to judge ({findings.queries:,} of {promotion.min_queries:,})",
        f"Too few events to judge: {findings.queries:,} were evaluated, `Promotion.min_queries` asks for "
        f"{promotion.min_queries:,}.",
        f"About {missing:,} more evaluated events are needed.",
    )


def _by_rules(findings: Findings, promotion: Promotion) -> Obstacle:
    gain, metric = findings.model_gain, promotion.metric
    relation = compare_gain(gain, promotion.margin)
    if relation == "significantly worse":
        clause = f"the model is significantly worse than the rules on {metric} ({percent(gain.point)})"
    else:
        clause = f"the model's gain over the rules on {metric} ({percent(gain.point)}) is {relation}"
    reason = describe_rules(findings, promotion)
    return Obstacle(BY_RULES, clause, reason, _advise_gain(gain, promotion.margin, findings, promotion))


def _by_champion(findings: Findings, promotion: Promotion) -> Obstacle:
    assert findings.champion is not None
    gain = findings.champion.model_gain
    clause = f"{_wins(findings, promotion)}, but not the champion ({percent(gain.point)}, {compare_gain(gain, 0)})"
    reason = describe_champion(findings, promotion)
    return Obstacle(BY_CHAMPION, clause, reason, _advise_gain(gain, 0.0, findings, promotion))


def _by_head(findings: Findings, promotion: Promotion) -> Iterator[Obstacle]:
    """Yields one obstacle for all objectives whose AUC is significantly too low."""
    low = [area for area in findings.areas if area.is_rejected]
    if low:
        names = " and ".join(f"the AUC of {area.objective} ({area.auc.point:.3f})" for area in low)
        yield Obstacle(
            HEAD,
            f"{_wins(findings, promotion)}, but {names} is significantly below {low[0].bound:g}",
            " ".join(f"The ranking head: {area.describe()}, significantly below {area.bound:g}." for area in low),
            "Look at the ranking head's AUC per objective and slice in the report; `Promotion.min_auc` is its bound.",
        )


def _by_guards(findings: Findings, promotion: Promotion) -> Iterator[Obstacle]:
    for name in promotion.guards:
        for other, gain in findings.list_guard_gains(name).items():
            if is_broken(gain, promotion):
                where = f"{'on' if name in METRICS else 'for'} {name}"
                yield Obstacle(
                    GUARD,
                    f"{_wins(findings, promotion)}, but is significantly worse than {other} {where} "
                    f"({percent(gain.point)})",
                    f"The guard {name!r} is broken: {describe_gain(gain)} against {other}.",
                    f"Improve the model {where}, or declare what may be lost (`Promotion.guards`, `guard_loss`).",
                )


def _wins(findings: Findings, promotion: Promotion) -> str:
    return f"the model beats the rules on {promotion.metric} ({percent(findings.model_gain.point)})"


def _advise_gain(gain: Interval, bar: float, findings: Findings, promotion: Promotion) -> str:
    """Returns what would lift a gain above a bar: more events where it is above but unsure, else a better model."""
    if findings.traffic is not None:
        return ON_USERS
    if not math.isfinite(gain.error):
        return "More events from more users are needed: too little data to estimate how many."
    if gain.point > bar:
        missing = more_queries_needed(gain, gain.point - bar, findings.queries)
        some = "A few" if missing == 0 else "Very many" if missing is None else f"About {missing:,}"
        return f"{some} more evaluated events would settle it, if the gain stays the same."
    if gain.high <= bar:
        return f"{IMPROVE}. More events alone do not change this."
    missing = more_queries_needed(gain, bar + promotion.effect, findings.queries)
    needed = f" A gain of {percent(bar + promotion.effect)} takes about {missing:,} more evaluated events to see."
    return f"{IMPROVE}.{needed if missing else ''}"
