"""The words of each decision, for the verdict, the command line and the page."""

import math
from collections.abc import Sequence

from components.experiment.decision import SERVED_AS_ASSIGNED, Decision, Metric, Progress

CAUSES = (
    "Likely causes: one arm's traffic log is missing or late, a server ran without experiment.json or with an old one, "
    "a caller splits by something other than the user id, or bots reach one arm only."
)


def explain(
    decision: Decision, progress: Progress, objective: Metric, guards: Sequence[Metric] = ()
) -> tuple[str, list[str]]:
    """Returns the headline and further sentences.

    Args:
      decision: of this run.
      progress: how far the experiment is.
      objective: the metric that decides.
      guards: the metrics that must not get worse; those that did are described.
    """
    gain = f"{describe_gain(objective)}."
    match decision.kind:
        case "void":
            details = [*(f"{cause}." for cause in decision.cause), CAUSES]
            return "Do not read this experiment: its arms cannot be compared.", details
        case "harm":
            names = " and ".join(decision.cause)
            return f"Rolled back: {names} significantly worse with the model. The rules serve everybody.", [
                *(f"{describe_gain(metric)}." for metric in (objective, *guards) if metric.name in decision.cause)
            ]
        case "won":
            return "Won: the model is significantly better on users and serves everybody but the holdout.", [gain]
        case "ended":
            headline = f"Ended after {progress.days:g} days: no significant difference. The rules stay."
            return headline, [
                gain,
                *_explain_stop(progress),
                "The plan says how long an experiment takes to show a smaller gain.",
            ]
        case "ramp":
            return f"No harm seen: ramp stage {progress.stage + 2} of {progress.stages} begins.", [gain]
        case "wait":
            return f"The experiment continues: {_left(decision, progress)}.", [gain]


def describe_gain(metric: Metric) -> str:
    """Returns the gain with its range: "click +4.2% (range +1.0% to +7.5%)"."""
    if metric.gain is None:
        return f"{metric.name}: nothing to read yet"
    if not math.isfinite(metric.deviations):
        return f"{metric.name}: {format_share(metric.gain.relative)}, too early for a range"
    low, high = metric.gain.bounds(metric.deviations)
    return f"{metric.name} {format_share(metric.gain.relative)} (range {format_share(low)} to {format_share(high)})"


def format_share(share: float) -> str:
    """Returns a relative change as people read it: 0.31 -> "+31%", 0.031 -> "+3.1%"."""
    if math.isinf(share):
        return "no upper limit"
    return f"{100 * share:+.{1 if abs(share) < 0.0995 else 0}f}%"


def warn_served(share: float | None) -> str | None:
    """Returns a warning where the log says that users were served otherwise than assigned.

    Args:
      share: of the enrolled users' requests that their own arm's version answered; None where the log does not say.
    """
    if share is None:
        return "The log has no model version column, so it cannot be checked that each user was served as assigned."
    if share >= SERVED_AS_ASSIGNED:
        return None
    return (
        f"Only {100 * share:.1f}% of enrolled users' requests were served as assigned (needed: 99%): gains read small."
    )


def _explain_stop(progress: Progress) -> list[str]:
    """Returns why the ramp did not reach its last stage; nothing if it did."""
    if progress.is_last_stage:
        return []
    return [f"The ramp stopped in stage {progress.stage + 1} of {progress.stages}: {_missing(progress)}."]


def _left(decision: Decision, progress: Progress) -> str:
    if decision.days_left is None:
        return _missing(progress)
    return f"about {decision.days_left} {'day' if decision.days_left == 1 else 'days'} left"


def _missing(progress: Progress) -> str:
    control, treatment = progress.users
    return f"needs {progress.min_users:,} users per arm in this stage, got {control:,} and {treatment:,}"
