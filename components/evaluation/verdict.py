"""The verdict: who serves next, the new model, what is served now, or the rules; with reasons that a stakeholder reads.

The new model is worth it if, and only if, all of this holds:

  1. enough events were evaluated (`Gate.min_queries`);
  2. its relative gain over the best rule is above `Gate.margin` even at the low end of the interval;
  3. the standard Evaluator did not reject its ranking head (not having judged it is no objection);
  4. it is better than the champion, that is what is served now, even at the low end of the interval.

Else the champion stays, unless the rules beat it in the same sense; and where nothing is served yet, the rules are.
A champion that cannot be evaluated (its folder does not load, its signature changed) counts as none, and the reasons say so: nobody
knows whether it is any good, while the other two were measured.
"""

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping

from components.declaration import Gate
from components.evaluation.bootstrap import Interval

MODEL, CHAMPION, RULES = "model", "champion", "rules"
SERVED = "what is served now"
HEADLINES = {
    MODEL: "The new model is worth it: it is pushed.",
    CHAMPION: "What is served now stays: nothing is pushed.",
    RULES: "The rules are the best that was found: they are pushed.",
}


@dataclasses.dataclass(frozen=True)
class Champion:
    """What is served now, measured on the same queries.

    Attributes:
      kind: "model" or "rules".
      value: of the gate's metric.
      model_gain: the new model's relative gain over it.
      rules_gain: the rules' relative gain over it.
    """

    kind: str
    value: float
    model_gain: Interval
    rules_gain: Interval

    def __post_init__(self) -> None:
        """Checks the kind."""
        if self.kind not in (MODEL, RULES):
            raise ValueError(f"champion kind must be {MODEL!r} or {RULES!r}, got {self.kind!r}.")


@dataclasses.dataclass(frozen=True)
class Findings:
    """What the evaluation measured, on rolling histories over the whole catalogue.

    Attributes:
      queries: evaluated events.
      model: the new model's value of the gate's metric.
      rules: that of the best rule.
      rules_name: of the best rule.
      model_gain: the new model's relative gain over the best rule.
      blessed: the Evaluator's word on the ranking head; None if it was not asked (there is no ranking head).
      champion: None if nothing is served yet, or if it could not be evaluated.
      champion_problem: why what is served could not be evaluated; empty if it could, or if nothing is served.
      slices: name -> the new model's relative gain over the rules there. They warn; they do not decide.
    """

    queries: int
    model: float
    rules: float
    rules_name: str
    model_gain: Interval
    blessed: bool | None = None
    champion: Champion | None = None
    champion_problem: str = ""
    slices: Mapping[str, Interval] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome ("model", "champion" or "rules"), why, and what would change it."""

    outcome: str
    reasons: tuple[str, ...]
    advice: str

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, with the outcome in words as "headline"."""
        return {"outcome": self.outcome, "headline": HEADLINES[self.outcome], "reasons": list(self.reasons), "advice": self.advice}


def findings(evaluation: Mapping[str, typing.Any], blessed: bool | None) -> Findings:
    """The findings in the comparison's `evaluation.json`, and the Evaluator's word on the ranking head."""
    metric, gains, rolling = evaluation["metric"], evaluation["gains"], evaluation["rolling"]
    champion = evaluation["champion"] and Champion(
        kind=evaluation["champion"]["kind"],
        value=rolling[SERVED].get(metric, 0.0),
        model_gain=Interval.from_dict(gains["model_over_champion"]),
        rules_gain=Interval.from_dict(gains["rules_over_champion"]),
    )
    return Findings(
        queries=rolling[MODEL]["queries"],
        model=rolling[MODEL].get(metric, 0.0),
        rules=rolling[evaluation["rules_name"]].get(metric, 0.0),
        rules_name=evaluation["rules_name"],
        model_gain=Interval.from_dict(gains["model_over_rules"]),
        blessed=blessed,
        champion=champion,
        champion_problem=evaluation["champion_problem"],
        slices={name: Interval.from_dict(gain) for name, gain in evaluation["slices"]["gains"].items()},
    )


def decide(findings: Findings, gate: Gate) -> Verdict:
    """Who serves next; see the module for the rule."""
    reasons = (*_reasons(findings, gate), *_warnings(findings))
    if _model_is_worth_it(findings, gate):
        return Verdict(MODEL, reasons, "Nothing is in the way. Watch the same figures on tomorrow's log.")
    champion, enough = findings.champion, findings.queries >= gate.min_queries
    replaced = champion is None or (enough and champion.rules_gain.low > 0)
    return Verdict(RULES if replaced else CHAMPION, reasons, _advice(findings, gate))


def more_queries_needed(gain: Interval, threshold: float, queries: int) -> int | None:
    """About how many more queries bring the interval's low end to the threshold, if the figure stays what it is.

    The distance of the low end from the point shrinks with 1 / sqrt(queries), so total = queries ((point - low) / (point - threshold))^2.
    An approximation: it takes new users to come at the rate of now, and the point to hold.

    Returns:
      At least 0, rounded up to two digits; None if no number would do (the point itself is not above the threshold) or it cannot be
      told (an end or the point is infinite, or it takes more than a billion).
    """
    if not (math.isfinite(gain.point) and math.isfinite(gain.low)) or gain.point <= threshold:
        return None
    total = queries * ((gain.point - gain.low) / (gain.point - threshold)) ** 2
    if total > 1e9:
        return None
    missing = max(math.ceil(total) - queries, 0)
    unit = int(10 ** max(len(str(missing)) - 2, 0))
    return math.ceil(missing / unit) * unit


def percent(share: float) -> str:
    """A share as people read it: 0.31 -> "+31 %", 0.031 -> "+3.1 %", infinite -> "unbounded"."""
    if not math.isfinite(share):
        return "unbounded"
    return f"{100 * share:+.{1 if abs(share) < 0.0995 else 0}f} %"


def _model_is_worth_it(findings: Findings, gate: Gate) -> bool:
    beats_champion = findings.champion is None or findings.champion.model_gain.low > 0
    beats_rules = findings.model_gain.low > gate.margin
    return findings.queries >= gate.min_queries and beats_rules and findings.blessed is not False and beats_champion


def _reasons(findings: Findings, gate: Gate) -> Iterator[str]:
    if findings.queries < gate.min_queries:
        yield f"Too few events to judge: {findings.queries:,} were evaluated, the gate asks for {gate.min_queries:,}."
    yield (
        f"{gate.metric} {findings.model:.3f} against {findings.rules:.3f} for the rules ({findings.rules_name}): "
        f"{_range(findings.model_gain)}{_against(findings.model_gain, gate.margin)}"
    )
    if findings.champion_problem:
        yield f"What is served now could not be evaluated and counts as absent: {findings.champion_problem.rstrip('.')}."
    if findings.champion is not None:
        served = findings.champion
        yield (
            f"{gate.metric} {served.value:.3f} for what is served now ({'a model' if served.kind == MODEL else 'rules'}): "
            f"the new model {_range(served.model_gain)}, the rules {_range(served.rules_gain)}."
        )
        if _unchanged(findings):
            yield "The new model answers as well as what is served now, user by user: nothing has changed."
    elif not findings.champion_problem:
        yield "Nothing is served yet."
    if findings.blessed is False:
        yield "The Evaluator rejected the ranking head: an objective is below the declared AUC."


def _unchanged(findings: Findings) -> bool:
    """Whether the model gains the same as the champion for every user, as when nothing changed since it was pushed."""
    if findings.champion is None:
        return False
    gain = findings.champion.model_gain
    return gain.low == gain.point == gain.high == 0


def _range(gain: Interval) -> str:
    return f"{percent(gain.point)} ({100 * gain.level:g} % interval {percent(gain.low)} to {percent(gain.high)})"


def _against(gain: Interval, margin: float) -> str:
    bar = "zero" if margin == 0 else f"the margin of {percent(margin)}"
    return f", above {bar} throughout." if gain.low > margin else f", not surely above {bar}."


def _warnings(findings: Findings) -> Iterator[str]:
    for name, gain in findings.slices.items():
        if gain.high < 0:
            yield f"Worse than the rules for {name}: {_range(gain)}."


def _advice(findings: Findings, gate: Gate) -> str:
    """What would change a verdict against the model."""
    if _unchanged(findings):
        return "Run again when the log has grown."
    advice = []
    if findings.blessed is False:
        advice.append("Look at the ranking head's AUC per objective.")
    bars = [(findings.model_gain, gate.margin, "the rules")]
    if findings.champion is not None:
        bars.append((findings.champion.model_gain, 0.0, "what is served now"))
    failed = [(gain, bar, name) for gain, bar, name in bars if gain.low <= bar]
    needed = [more_queries_needed(gain, bar, findings.queries) for gain, bar, _ in failed]
    known = [count for count in needed if count is not None]
    hopeless = [name for gain, bar, name in failed if math.isfinite(gain.point) and gain.point <= bar]
    if hopeless:
        names = " and ".join(hopeless)
        advice.append(f"More events alone will not help, the model has to gain more over {names}: better features, data or training.")
    elif len(known) < len(needed):
        advice.append("More events from more users are needed; how many cannot be told from so few.")
    elif missing := max([gate.min_queries - findings.queries, *known, 0]):
        advice.append(f"About {missing:,} more evaluated events would settle it, if the gain stays what it is.")
    return " ".join(advice) or "A few more evaluated events would settle it."
