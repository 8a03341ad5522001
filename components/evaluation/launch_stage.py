"""The stages of a launch that starts without an event, and how the verdict says them.

    nothing       no row is logged                a rule that needs no event serves
    impressions   shown, and nothing acted on     the same; impressions are no positives
    actions       too few to compare rules        the same
    rules         the rules were compared         the best of them serves
    model         the model beat them             the model serves

A run never goes back in silence: where the log holds less than when what is served was pushed, nothing is pushed, and
the verdict says so.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from components.declaration import Promotion, Split

NOTHING, IMPRESSIONS, ACTIONS, RULES, MODEL = STAGES = ("nothing", "impressions", "actions", "rules", "model")
SERVED_FIRST = {
    "catalogue_order": "the catalogue's order",
    "newest": "newest first",
    "priority": "highest priority first",
    "round_robin": "the categories in turns",
}


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the log of a launch that starts empty holds.

    Attributes:
      logged: rows.
      actions: rows that an objective names.
      compared: whether there were actions enough to compare the rules.
      needed: actions from which on they are compared.
    """

    logged: int
    actions: int
    compared: bool
    needed: int

    @classmethod
    def read(cls, found: Mapping[str, Any] | None) -> "Evidence | None":
        """Reads it from `evaluation.json`; None for a launch that did not start empty."""
        return cls(**found) if found else None

    @property
    def stage(self) -> str:
        """The stage that so much is enough for; a model has to win the next."""
        if not self.logged:
            return NOTHING
        if not self.actions:
            return IMPRESSIONS
        return RULES if self.compared else ACTIONS


def goes_back(evidence: Evidence, served: str) -> bool:
    """Returns whether the log has too few events for the stage in which the champion was pushed."""
    return served in (ACTIONS, RULES) and STAGES.index(evidence.stage) < STAGES.index(served)


def refreshes(evidence: Evidence, served: str, alike: bool, worse: bool) -> bool:
    """Returns whether today's rules replace the served rules: they count more events, or the catalogue has changed.

    Args:
      evidence: what the log holds.
      served: the stage in which the served rules were pushed.
      alike: whether both greet a new user with the same list.
      worse: whether the rules of today are significantly worse.
    """
    return not (alike or worse or goes_back(evidence, served))


def describe(evidence: Evidence, rule: str, pushed: bool) -> str:
    """Returns the headline of a stage in which nothing can be compared yet."""
    logged = {
        NOTHING: "Day 0: nothing logged yet",
        IMPRESSIONS: f"{evidence.logged:,} impressions logged and no action yet",
        ACTIONS: f"{evidence.actions:,} actions logged, too few to compare rules",
    }[evidence.stage]
    return f"{logged}. {'Served' if pushed else 'Still served'}: {SERVED_FIRST.get(rule, rule)}."


def advise(evidence: Evidence, promotion: Promotion, split: Split) -> str:
    """Returns what ends a stage in which nothing can be compared yet."""
    share = split.eval_share
    # Rules are compared by the actions of the train split, and judged on those of the eval split.
    enough = f"{evidence.needed:,} actions before the split, and {promotion.min_queries:,} after it"
    if share:
        total = max(math.ceil(evidence.needed / (1 - share)), math.ceil(promotion.min_queries / share))
        enough = f"about {total:,} logged actions ({evidence.needed:,} in the train split)"
    return (
        f"Serve it with `make serve`, and run again. From {enough} on, rules and model can be compared; "
        "then `plan` says when a test on users would show a difference."
    )
