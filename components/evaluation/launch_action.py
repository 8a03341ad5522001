"""What a run does where an experiment is declared: the offline verdict and the experiment's outcome together.

experiment            offline verdict    action
none, none before     model over rules   start: rules and model are pushed, the experiment begins
none, some before     model over rules   candidate: kept next to the versions; `start --version` tries it
none or holdout       other              push, as without an experiment
runs                  any                what its outcome decides; nothing else is pushed meanwhile
its treatment's gone  model              start over
torn or foreign file  model              candidate: first the file has to go
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.evaluation.findings import CHAMPION, MODEL, RULES
from components.registry.experiment_push import CANDIDATE, KEEP, PUSH, START, Action
from components.registry.experiment_state import Look

OFFLINE = {MODEL: "the model wins", CHAMPION: "what is served stays", RULES: "the rules win"}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is done, and how the verdict says it.

    Attributes:
      action: for the push.
      pushes: whether the offline winner is handed to the push.
      headline: of the verdict; None for its own.
      reasons: that come before those of the offline verdict; after them where its headline stays.
      advice: what comes next; None for the verdict's own.
    """

    action: Action
    pushes: bool
    headline: str | None = None
    reasons: tuple[str, ...] = ()
    advice: str | None = None


def choose(winner: str, served: str | None, outcome: Mapping[str, Any]) -> Choice:
    """Returns what the run does.

    Args:
      winner: "model", "champion" or "rules", by the offline verdict.
      served: the kind of the champion, "model" or "rules"; None before the first push.
      outcome: the content of `outcome.json`.
    """
    state = outcome["experiment"]
    unfinished = any(arm == "treatment" for arm, _ in outcome["missing"])
    if state is not None and state["phase"] == "ramp" and not (unfinished and winner == MODEL):
        return _follow(outcome)
    if winner == MODEL and outcome["problem"]:
        return _keep_candidate(f"{outcome['problem']}.", "Remove the file, then run again.")
    running = state is not None and state["phase"] == "holdout"
    if winner == MODEL and not running and served != MODEL:
        tried = [pair for pair in outcome["finished"] if pair[1] != "unfinished"]
        return _keep_finished(*tried[-1]) if tried else _start(outcome)
    return Choice(Action(PUSH if winner != CHAMPION else KEEP), winner != CHAMPION, reasons=_holdout_words(outcome))


def merge(verdict: Mapping[str, Any], choice: Choice | None) -> dict[str, Any]:
    """Returns the verdict with the experiment's headline, advice and reasons; the first reason is what decided."""
    if choice is None:
        return dict(verdict)
    reasons = [*verdict["reasons"], *choice.reasons]
    if choice.headline is not None:
        reasons = [*choice.reasons, f"Offline verdict: {OFFLINE[verdict['outcome']]}.", *verdict["reasons"]]
    return {
        **verdict,
        "headline": choice.headline or verdict["headline"],
        "reasons": reasons,
        "advice": choice.advice or verdict["advice"],
        "action": choice.action.kind,
    }


def _follow(outcome: Mapping[str, Any]) -> Choice:
    """Returns what the running experiment decided."""
    decision = outcome["decision"]
    looks = tuple(Look(**look) for look in outcome["looks"])
    action = Action(decision["kind"], outcome["experiment"]["id"], looks)
    advice = {
        "void": "Find the cause, then `python -m pipeline stop`, and start again.",
        "harm": "Fix the model, then `python -m pipeline start --version V`.",
        "won": "The holdout keeps measuring: each run says what the model is worth.",
        "ended": "See the plan: `python -m pipeline plan`.",
    }.get(decision["kind"], "Run again tomorrow.")
    return Choice(action, False, decision["headline"], tuple(decision["details"]), advice)


def _start(outcome: Mapping[str, Any]) -> Choice:
    begin, days = outcome["begin"], outcome["days_to_see"]
    share = begin["ramp"][0]
    planned = f"To see {100 * outcome['effect']:+g}% takes {f'{days} days' if days else 'longer than the plan'}."
    reasons = (
        f"Enrolled are {100 * share:g}% of users, half of them get the model, everybody else the rules.",
        planned,
    )
    headline = "The model beats the rules offline: its experiment on users begins."
    return Choice(
        Action(START, begin=dict(begin)), True, headline, reasons, "Serve both with `make serve`, run again tomorrow."
    )


def _keep_finished(identity: str, ending: str) -> Choice:
    reason = f"The experiment {identity} is over ({ending}); another one begins only on `start`."
    return _keep_candidate(reason, "See `python -m pipeline versions`, then `python -m pipeline start --version V`.")


def _keep_candidate(reason: str, advice: str) -> Choice:
    headline = "The model beats the rules offline: it is kept as a candidate, not served."
    return Choice(Action(CANDIDATE), True, headline, (reason,), advice)


def _holdout_words(outcome: Mapping[str, Any]) -> tuple[str, ...]:
    gain = outcome["holdout"]
    if gain is None or gain["low"] is None:
        return ()
    low, high = f"{100 * gain['low']:+.1f}%", f"{100 * gain['high']:+.1f}%"
    return (
        f"On users the model is worth {100 * gain['gain']:+.1f}% today, against the holdout (95% CI {low} to {high}).",
    )
