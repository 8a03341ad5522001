"""What was served, in words: whether the versions in service predicted what came (`served_calibration` has the form)."""

from collections.abc import Iterator, Mapping
from typing import Any

LOW, HIGH = 0.8, 1.25


def list_known(served: Mapping[str, Any] | None) -> Iterator[str]:
    """Yields a sentence for each version that was evaluated on its own impressions."""
    for version in (served or {}).get("versions") or ():
        if version["problem"] or not version["objectives"]:
            continue
        parts = "; ".join(f"{name}s {_describe(one['ratio'])}" for name, one in version["objectives"].items())
        sentence = (
            f"Version {version['version']} ({version['kind']}) predicted, over what came on its "
            f"{version['impressions']:,} impressions: {parts}"
        )
        alarms = [name for name, one in version["objectives"].items() if is_alarming(one["ratio"])]
        advice = ": retrain it" if version["kind"] == "model" else ""  # rules are counted anew by every run
        yield f"{sentence}. Its probabilities of {', '.join(alarms)} are off{advice}." if alarms else f"{sentence}."


def is_alarming(ratio: Mapping[str, Any]) -> bool:
    """Returns whether predicted over observed lies outside .8 to 1.25, and its interval excludes 1."""
    point, low, high = (float(ratio[name]) for name in ("point", "low", "high"))
    return not LOW <= point <= HIGH and not low <= 1 <= high


def _describe(ratio: Mapping[str, Any]) -> str:
    point, low, high = (float(ratio[name]) for name in ("point", "low", "high"))
    return f"{point:.2f} ({low:.2f} to {high:.2f})"
