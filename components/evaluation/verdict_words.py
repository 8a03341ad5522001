"""The verdict in words: what was found, what stands in the way, and what would change it.

How many more events a gain takes follows from its standard error, which falls with 1 / sqrt(queries):

    queries in all = queries now x ((z_level + z_power) x standard error / effect)^2

with z_level = 1.96 for intervals of 95 % and z_power = 0.84: if the effect is real, so many events show it in four of
five cases
(the sample size of a z-test; Cohen, Statistical Power Analysis, 1988). It takes new users to come as they do now.
"""

import math
import statistics
from collections.abc import Iterator

from components.declaration import Promotion
from components.declaration.slice_names import DEFAULT_GUARDS
from components.evaluation.findings import MODEL, Findings
from components.metrics.bootstrap import Interval

POWER = 0.8
MOST = 1e9


def reasons(findings: Findings, promotion: Promotion) -> Iterator[str]:
    """What was found, the weightiest first."""
    if findings.model_problem:
        yield f"The new model cannot be judged: {findings.model_problem.rstrip('.')}."
    if findings.queries < promotion.min_queries:
        yield f"Too few events to judge: {findings.queries:,} were evaluated, the criteria ask for {promotion.min_queries:,}."
    if not findings.model_problem:
        yield (
            f"{promotion.metric} {findings.model:.3f} against {findings.rules:.3f} for the rules ({findings.rules_name}): "
            f"{_range(findings.model_gain)}{_against(findings.model_gain, promotion.margin)}"
        )
        yield from _sensitivity(findings, promotion)
    yield from _on_champion(findings, promotion)
    if findings.blessed is False:
        yield "The Evaluator rejected the ranking head: an objective is below the declared AUC."
    yield from failed_guards(findings, promotion)
    yield from _warnings(findings, promotion)


def advice(findings: Findings, promotion: Promotion) -> str:
    """What would change a verdict against the model."""
    if findings.model_problem:
        return "Mend the model first: no number of events changes this."
    if _unchanged(findings):
        return "Run again when the log has grown."
    parts = []
    if findings.blessed is False:
        parts.append("Look at the ranking head's AUC per objective.")
    if any(failed_guards(findings, promotion)):
        parts.append("The guarded slices need a better model, or the guard is not meant.")
    return " ".join([*parts, *_on_events(findings, promotion)]) or "A few more evaluated events would settle it."


def failed_guards(findings: Findings, promotion: Promotion) -> Iterator[str]:
    """A sentence for each guard by which the model is significantly worse than what the guard tolerates."""
    for name in promotion.guards:
        for other, gain in findings.guarded(name).items():
            if gain.high < -promotion.guard_loss:
                yield f"The guard {name!r} is broken: {_range(gain)} against {other}."


def more_queries_needed(gain: Interval, effect: float, queries: int) -> int | None:
    """About how many more queries show an effect, by the formula of the module.

    Returns:
      At least 0, rounded up to two digits; None if the effect is not above 0, the standard error is not known, or it
      takes more than 1e9.
    """
    if effect <= 0 or not math.isfinite(effect) or not math.isfinite(gain.error):
        return None
    normal = statistics.NormalDist()
    deviations = normal.inv_cdf((1 + gain.level) / 2) + normal.inv_cdf(POWER)
    total = queries * (deviations * gain.error / effect) ** 2
    if total > MOST:
        return None
    missing = max(math.ceil(total) - queries, 0)
    unit = int(10 ** max(len(str(missing)) - 2, 0))
    return math.ceil(missing / unit) * unit


def percent(share: float) -> str:
    """A share as people read it: 0.31 -> "+31 %", 0.031 -> "+3.1 %", infinite -> "unbounded"."""
    if not math.isfinite(share):
        return "unbounded"
    return f"{100 * share:+.{1 if abs(share) < 0.0995 else 0}f} %"


def _sensitivity(findings: Findings, promotion: Promotion) -> Iterator[str]:
    """What so few events could not have shown, where nothing was shown."""
    gain = findings.model_gain
    missing = more_queries_needed(gain, promotion.margin + promotion.effect, findings.queries)
    if gain.low <= promotion.margin < gain.high and missing:
        yield f"Too few events to see a gain of {percent(promotion.margin + promotion.effect)}: about {missing:,} more are needed for that."


def _on_champion(findings: Findings, promotion: Promotion) -> Iterator[str]:
    served = findings.champion
    if findings.champion_problem:
        yield f"What is served now could not be evaluated and counts as absent: {findings.champion_problem.rstrip('.')}."
    elif served is None:
        yield "Nothing is served yet."
    else:
        model = "" if findings.model_problem else f"the new model {_range(served.model_gain)}, "
        kind = "a model" if served.kind == MODEL else "rules"
        yield f"{promotion.metric} {served.value:.3f} for what is served now ({kind}): {model}the rules {_range(served.rules_gain)}."
        if _unchanged(findings):
            yield "The new model answers as well as what is served now, user by user: nothing has changed."


def _unchanged(findings: Findings) -> bool:
    """Whether the model gains the same as the champion for every user, as when nothing changed since it was pushed."""
    if findings.champion is None or findings.model_problem:
        return False
    gain = findings.champion.model_gain
    return gain.low == gain.point == gain.high == 0


def _range(gain: Interval) -> str:
    return f"{percent(gain.point)} ({100 * gain.level:g} % interval {percent(gain.low)} to {percent(gain.high)})"


def _against(gain: Interval, margin: float) -> str:
    bar = "zero" if margin == 0 else f"the margin of {percent(margin)}"
    return f", above {bar} throughout." if gain.low > margin else f", not surely above {bar}."


def _warnings(findings: Findings, promotion: Promotion) -> Iterator[str]:
    """Where the model is significantly worse without a guard, and declared guards that saw nothing."""
    for name, gain in findings.slices.items():
        if gain.high < 0 and name not in promotion.guards:
            yield f"Worse than the rules for {name}: {_range(gain)}."
    for name in promotion.guards:
        if not findings.model_problem and name not in DEFAULT_GUARDS and not findings.guarded(name):
            yield f"The guard {name!r} saw not a single event, so it says nothing."


def _on_events(findings: Findings, promotion: Promotion) -> Iterator[str]:
    """Whether more events would settle it, and about how many."""
    bars = [(findings.model_gain, promotion.margin, "the rules")]
    if findings.champion is not None:
        bars.append((findings.champion.model_gain, 0.0, "what is served now"))
    failed = [(gain, bar, name) for gain, bar, name in bars if gain.low <= bar]
    needed = [more_queries_needed(gain, gain.point - bar, findings.queries) for gain, bar, _ in failed]
    known = [count for count in needed if count is not None]
    hopeless = [
        name
        for gain, bar, name in failed
        if math.isfinite(gain.point) and gain.point <= bar and math.isfinite(gain.error)
    ]
    if hopeless:
        yield f"More events alone will not help, the model has to gain more over {' and '.join(hopeless)}: better features, data or training."
    elif len(known) < len(needed):
        yield "More events from more users are needed; how many cannot be told from so few."
    elif missing := max([promotion.min_queries - findings.queries, *known, 0]):
        yield f"About {missing:,} more evaluated events would settle it, if the gain stays what it is."
