"""The verdict: who serves next, the new model, what is served now, or the rules; with reasons that a stakeholder reads.

The new model is worth it if, and only if, all of this holds:

  1. it could be judged: it loads, it answers, and it does not know the answers from elsewhere (a leak);
  2. enough events were evaluated (`Promotion.min_queries`);
  3. its relative gain over the best rule is above `Promotion.margin` even at the low end of the interval;
  4. the standard Evaluator did not reject its ranking head (not having judged it is no objection);
  5. by no guard (`Promotion.guards`), a further metric or a slice, it is significantly worse, by more than
     `Promotion.guard_loss`, than the rules or than what is served now;
  6. it is better than the champion, that is what is served now, even at the low end of the interval.

Else the champion stays, unless the rules beat it in the same sense; and where nothing is served yet, the rules are. A
champion that cannot be evaluated (its folder does not load, its signature changed) counts as none, and the reasons say
so: nobody knows whether it is any good, while the other two were measured. The table of all outcomes is in
docs/evaluation.md.
"""

import dataclasses

from components.declaration import Promotion
from components.evaluation import verdict_words
from components.evaluation.findings import CHAMPION, MODEL, RULES, Findings

HEADLINES = {
    MODEL: "The new model is worth it: it is pushed.",
    CHAMPION: "What is served now stays: nothing is pushed.",
    RULES: "The rules are the best that was found: they are pushed.",
}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome ("model", "champion" or "rules"), why, and what would change it."""

    outcome: str
    reasons: tuple[str, ...]
    advice: str

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, with the outcome in words as "headline"."""
        return {
            "outcome": self.outcome,
            "headline": HEADLINES[self.outcome],
            "reasons": list(self.reasons),
            "advice": self.advice,
        }


def decide(findings: Findings, promotion: Promotion) -> Verdict:
    """Who serves next; see the module for the rule."""
    reasons = tuple(verdict_words.reasons(findings, promotion))
    if _model_is_worth_it(findings, promotion):
        return Verdict(MODEL, reasons, "Nothing is in the way. Watch the same figures on tomorrow's log.")
    champion, enough = findings.champion, findings.queries >= promotion.min_queries
    replaced = champion is None or (enough and champion.rules_gain.low > 0)
    return Verdict(RULES if replaced else CHAMPION, reasons, verdict_words.advice(findings, promotion))


def _model_is_worth_it(findings: Findings, promotion: Promotion) -> bool:
    beats_champion = findings.champion is None or findings.champion.model_gain.low > 0
    beats_rules = findings.queries >= promotion.min_queries and findings.model_gain.low > promotion.margin
    guarded = not any(verdict_words.failed_guards(findings, promotion))
    return not findings.model_problem and beats_rules and findings.blessed is not False and guarded and beats_champion
