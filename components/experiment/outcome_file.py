"""The content of `outcome.json`: plain values of one run's outcome, of the holdout and of the plan.

    experiment   the state that was read; null without one
    problem      why the state could not be used, in words; ""
    finished     [[id, ending]] of the experiments that are over
    decision     {"kind", "headline", "details", "causes"}; null where no experiment runs
    progress     stage (from 1), stages, day, days, users per arm of the stage
    metrics      [{"name", "role", "gain", "low", "high", "boundary", "harm_boundary", "z"}]; gains are relative, and null
                 where the decision is `void`: nobody should read them
    sample_ratio [{"stage", "control", "treatment", "p"}]
    served_as_assigned   share; null where the log does not say
    looks        [{"information", "share"}] with this run's
    holdout      {"gain", "low", "high"} after a win; null
    plan         [{"days", "users", "smallest_gain"}], days_to_see (null: more than the plan), effect
    begin        launch, ramp, days, holdout, planned_variance: what a push needs to begin an experiment
    missing      [[arm, version]] of the experiment that the served folders lack

No figure is infinite: what is not known is null.
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

from components.declaration.experiment import Experiment
from components.experiment import decision_words
from components.experiment.decision import Metric
from components.experiment.outcome import Outcome
from components.experiment.plan import PlanRow, count_days, project_variance
from components.experiment.reading import Gain
from components.registry.experiment_state import State, encode_state

OUTCOME_FILE = "outcome.json"
DEVIATIONS = 1.96


def describe_outcome(outcome: Outcome) -> dict[str, Any]:
    """Returns the plain values of a running experiment's outcome."""
    headline, details = decision_words.explain(outcome.decision, outcome.progress, outcome.objective, outcome.guards)
    metrics = {"objective": [outcome.objective], "guard": list(outcome.guards)}
    if outcome.decision.kind == "void":
        metrics = {role: [Metric(metric.name, None) for metric in part] for role, part in metrics.items()}
    warning = decision_words.warn_served(outcome.served)
    progress = dataclasses.asdict(outcome.progress) | {"stage": outcome.progress.stage + 1}
    ratios = [
        {"stage": index, "control": ratio.control, "treatment": ratio.treatment, "p": ratio.p}
        for index, ratio in enumerate(outcome.ratios, 1)
    ]
    return {
        "decision": {
            "kind": outcome.decision.kind,
            "headline": headline,
            "details": [*details, *([warning] if warning else [])],
            "causes": list(outcome.decision.cause),
            "days_left": outcome.decision.days_left,
        },
        "progress": progress,
        "metrics": [_describe_metric(metric, role) for role, part in metrics.items() for metric in part],
        "sample_ratio": ratios,
        "served_as_assigned": outcome.served,
        "looks": [dataclasses.asdict(look) for look in outcome.looks],
    }


def describe_state(state: State | None) -> dict[str, Any] | None:
    """Returns the plain values of a state; None without one."""
    return None if state is None else json.loads(encode_state(state))


def describe_holdout(gain: Gain | None) -> dict[str, float | None] | None:
    """Returns what the model is worth against the holdout, with a 95% interval; None where it cannot be read."""
    return None if gain is None else _describe_gain(gain, DEVIATIONS)


def describe_plan(rows: Sequence[PlanRow], declared: Experiment) -> dict[str, Any]:
    """Returns the plan's table, the days that show the declared effect, and the planned variance."""
    table = [{"days": row.days, "users": row.users, "smallest_gain": _finite(row.smallest_gain)} for row in rows]
    return {
        "plan": table,
        "days_to_see": count_days(rows, declared.effect),
        "effect": declared.effect,
        "planned_variance": _finite(project_variance(rows, declared.days)),
    }


def describe_beginning(launch: str, declared: Experiment, planned: float | None) -> dict[str, Any]:
    """Returns what the push needs to begin an experiment; see `components.registry.experiment_push.begin_state`."""
    return {
        "launch": launch,
        "ramp": list(declared.ramp),
        "days": declared.days,
        "holdout": declared.holdout,
        "planned_variance": planned,
    }


def _describe_metric(metric: Metric, role: str) -> dict[str, Any]:
    bounds = {"boundary": _finite(metric.boundary), "harm_boundary": _finite(metric.harm_boundary)}
    gain = (
        {"gain": None, "low": None, "high": None}
        if metric.gain is None
        else _describe_gain(metric.gain, metric.deviations)
    )
    z = None if metric.gain is None else metric.gain.z
    return {"name": metric.name, "role": role, "z": z} | gain | bounds


def _describe_gain(gain: Gain, deviations: float) -> dict[str, float | None]:
    """Returns the relative gain with its range; no range where the look has none."""
    low, high = gain.bounds(deviations) if math.isfinite(deviations) else (math.inf, math.inf)
    return {"gain": _finite(gain.relative), "low": _finite(low), "high": _finite(high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
