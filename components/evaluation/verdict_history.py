"""Every verdict of a launch, refused ones too: what the model was worth over the rules, run by run.

A row is one run's `summary.json`. Where the *rules'* own figure moved by more than its interval between two runs, the
log changed and not the model: the gains of both runs cannot be compared, and the row says so.
"""

import dataclasses
import datetime as dt
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEVIATIONS = 1.96
OUTCOMES = {"model": "model pushed", "rules": "rules pushed", "champion": "nothing pushed"}


@dataclasses.dataclass(frozen=True)
class Past:
    """One run.

    Attributes:
      date: when its verdict was written, ISO 8601 in UTC.
      outcome: what was done, in words.
      metric: the name of the deciding metric.
      queries: how many were evaluated.
      model, rules, champion: the metric's values; None where there was none.
      gain, low, high: the model's relative gain over the rules, and its interval; None where it is not known.
      moved: whether the rules' figure moved by more than its interval since the run before.
      users_gain, users_low, users_high: the gain on users that the run read of the experiment or of the holdout, and
        its range; None where it is not known.
    """

    date: str
    outcome: str
    metric: str
    queries: int
    model: float | None
    rules: float | None
    champion: float | None
    gain: float | None
    low: float | None
    high: float | None
    moved: bool = False
    users_gain: float | None = None
    users_low: float | None = None
    users_high: float | None = None


def read_history(folder: Path) -> list[Past]:
    """Returns the runs whose verdicts lie in a folder of artifacts, oldest first.

    Args:
      folder: the pipeline's root; summaries lie in `Verdict/summary/EXECUTION/summary.json`, on a cluster one level
        deeper.
    """
    files = sorted(folder.glob("**/summary.json"), key=lambda file: (file.stat().st_mtime, str(file)))
    rows = []
    for file in files:
        summary = json.loads(file.read_text(encoding="utf-8"))
        if "verdict" in summary and "rolling" in summary:
            date = dt.datetime.fromtimestamp(file.stat().st_mtime, dt.timezone.utc)
            rows.append(build_row(summary, date.isoformat(timespec="seconds")))
    return mark_moves(rows)


def build_row(summary: Mapping[str, Any], date: str) -> Past:
    """Returns the row of one summary."""
    metric, rolling = summary["metric"], summary["rolling"]
    gain = summary.get("gains", {}).get("model_over_rules") or {}
    point, low, high = (_number(gain.get(name)) for name in ("point", "low", "high"))
    verdict, users = summary["verdict"], _find_users_gain(summary.get("experiment") or {})
    model, rules, champion = (_number((rolling.get(key) or {}).get(metric)) for key in _contenders(summary))
    return Past(
        date=date,
        outcome=_describe(verdict),
        metric=metric,
        queries=int(summary["queries"]),
        gain=point,
        low=low,
        high=high,
        model=model,
        rules=rules,
        champion=champion,
        users_gain=_number(users.get("gain")),
        users_low=_number(users.get("low")),
        users_high=_number(users.get("high")),
    )


def _find_users_gain(experiment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what the run read of the experiment's objective, or of the holdout; empty without."""
    metrics = experiment.get("metrics") or ()
    return next((one for one in metrics if one["role"] == "objective"), experiment.get("holdout") or {})


def mark_moves(rows: Sequence[Past]) -> list[Past]:
    """Returns the rows with `moved` set: the rules' figures differ by more than 1.96 standard errors.

    The figure is a mean over queries that is 0 to 1 each, so its variance is at most p (1 - p) / n.
    """
    marked = list(rows[:1])
    for before, now in itertools.pairwise(rows):
        moved = False
        if before.rules is not None and now.rules is not None and before.metric == now.metric:
            error = math.hypot(_error(before.rules, before.queries), _error(now.rules, now.queries))
            moved = abs(now.rules - before.rules) > DEVIATIONS * error
        marked.append(dataclasses.replace(now, moved=moved))
    return marked


def render_history(launch: str, rows: Sequence[Past]) -> str:
    """Returns the history as a table for a screen."""
    if not rows:
        return f"{launch}: no run has reached a verdict in this workspace yet"
    lines = [f"{launch}: {len(rows)} verdict{'s' if len(rows) > 1 else ''}, {rows[-1].metric}"]
    lines.append(
        f"  {'date (UTC)':<20}{'model':>8}{'rules':>8}{'served':>8}   {'gain over the rules (95% CI)':<32}outcome"
    )
    for row in rows:
        values = "".join(
            f"{'-' if value is None else f'{value:.3f}':>8}" for value in (row.model, row.rules, row.champion)
        )
        lines.append(f"  {row.date[:19].replace('T', ' '):<20}{values}   {_describe_gain(row):<32}{row.outcome}")
        if row.moved:
            lines.append("      the rules' own figure moved by more than its interval: the log changed, not the model")
    return "\n".join(lines)


def _contenders(summary: Mapping[str, Any]) -> tuple[str, str, str]:
    """Returns the names of model, best rule and champion in the summary's tables."""
    return "model", summary["rules_name"], "champion"


def _describe(verdict: Mapping[str, Any]) -> str:
    action = verdict.get("action")
    if action in (None, "push", "keep"):
        return OUTCOMES.get(verdict["outcome"], verdict["outcome"])
    return f"experiment: {action}"


def _describe_gain(row: Past) -> str:
    if row.gain is None:
        return "not known"
    if row.low is None or row.high is None:
        return f"{100 * row.gain:+.0f}%"
    return f"{100 * row.gain:+.0f}% ({100 * row.low:+.0f}% to {100 * row.high:+.0f}%)"


def _number(value: Any) -> float | None:
    """Returns a finite number; None for what is missing or infinite (which JSON writes as text)."""
    return float(value) if value is not None and math.isfinite(float(value)) else None


def _error(share: float, queries: int) -> float:
    return math.sqrt(max(share * (1 - share), 0.0) / max(queries, 1))
