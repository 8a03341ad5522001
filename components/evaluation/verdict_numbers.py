"""The numbers of a verdict as properties of its artifact in ML Metadata, one row per run, for whoever queries them.

    metric, outcome, action          text: the deciding metric, "model", "rules" or "champion", what the experiment did
    queries                          integer
    model, rules, champion           the metric's values
    gain, gain_low, gain_high        the model's relative gain over the rules, and its 95% interval
    users_gain, users_gain_low, users_gain_high     the same on users, of the running experiment or of the holdout
    takeover_day, age_days, age_loss, doubling_gain     of the step Triangle

What was not measured, or has no finite value, has no property.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from components.evaluation import triangle_words

Number = str | int | float


def list_numbers(summary: Mapping[str, Any]) -> dict[str, Number]:
    """Returns the properties of a run's summary (its form: `components.evaluation.summary`)."""
    values = dict(_list_offline(summary))
    values |= dict(_list_users(summary.get("experiment")))
    values |= dict(_list_triangle(summary.get("insight"), summary.get("margin") or 0.0))
    return {name: value for name, value in values.items() if _is_known(value)}


def store_numbers(artifact: Any, numbers: Mapping[str, Number]) -> None:
    """Stores the properties on a TFX artifact."""
    for name, value in numbers.items():
        if isinstance(value, str):
            artifact.set_string_custom_property(name, value)
        elif isinstance(value, int):
            artifact.set_int_custom_property(name, value)
        else:
            artifact.set_float_custom_property(name, value)


def _list_offline(summary: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    verdict, metric, rolling = summary["verdict"], summary["metric"], summary["rolling"]
    yield from (("metric", metric), ("outcome", verdict["outcome"]), ("action", verdict.get("action")))
    yield "queries", summary["queries"]
    for name, key in (("model", "model"), ("rules", summary["rules_name"]), ("champion", "champion")):
        yield name, (rolling.get(key) or {}).get(metric)
    yield from _list_interval("gain", (summary.get("gains") or {}).get("model_over_rules"))


def _list_users(experiment: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    if experiment is None:
        return
    objective = next((one for one in experiment["metrics"] if one["role"] == "objective"), experiment["holdout"])
    if objective is not None:
        yield from _list_interval("users_gain", {**objective, "point": objective["gain"]})


def _list_triangle(insight: Mapping[str, Any] | None, margin: float) -> Iterator[tuple[str, Any]]:
    if insight is None or insight["problem"]:
        return
    takeover, newest = triangle_words.find_takeover(insight["moments"], margin), next(reversed(insight["ages"]), None)
    yield "takeover_day", takeover and float(takeover["days"])
    if newest is not None:
        yield from (("age_days", float(newest["days"])), ("age_loss", newest["loss"]["point"]))
    doubling = insight["users"] and insight["users"]["next"]["gain"]
    if doubling:
        yield "doubling_gain", doubling["point"]


def _list_interval(name: str, interval: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    for suffix, key in (("", "point"), ("_low", "low"), ("_high", "high")):
        if interval is not None and interval[key] is not None:
            yield name + suffix, float(interval[key])


def _is_known(value: Any) -> bool:
    return value is not None and (isinstance(value, str) or math.isfinite(value))
