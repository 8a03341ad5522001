"""How a launch stands on this machine: last run, verdict, served version, experiment, size. `python -m pipeline status`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.registry import card_file, experiment_state, versions
from components.terminal_text import printable
from pipeline.local import newest_outputs
from pipeline.settings import Settings

_MEGABYTE = 1e6


def describe(settings: Settings, keep_runs: int) -> Iterator[str]:
    """Yields the lines of the status of a launch.

    Args:
      settings: of the launch.
      keep_runs: how many runs `clean` would keep, for the number of bytes that it would free.

    Raises:
      DayoneError: if ML Metadata cannot be read.
    """
    yield _line("launch", f"{settings.launch}, in {settings.home}")
    records = sorted(settings.logs.glob("*.json"))
    yield _line("last run", _describe_run(records[-1]) if records else "none yet: python -m pipeline run")
    headline = _read_headline(settings.pipeline_root)
    if headline:
        yield _line("verdict", headline)
    yield _line("serving", _describe_served(settings.serving))
    stored = experiment_state.read_state(settings.serving)
    if stored.state or stored.problem:
        yield _line("experiment", _describe_experiment(stored))
    if settings.home.is_dir():
        yield _line("disk", _describe_size(settings, keep_runs))


def _line(name: str, text: str) -> str:
    return f"{name:<11}{printable(text)}"


def _read(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file; {} where it has none, such as a record that a full disk cut off."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _describe_run(path: Path) -> str:
    record = _read(path)
    if not record:
        return f"{path} cannot be read"
    day, clock = path.stem[:8], path.stem[9:15]
    moment = f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}"
    total = record.get("total", {})
    seconds = f" after {total['wall']:.0f} s" if "wall" in total else ""
    reason = str(record.get("message", "")).strip().splitlines()
    return f"{moment}, {record.get('state', 'unknown')}{seconds}{': ' + reason[0] if reason else ''}"


def _read_headline(pipeline_root: Path) -> str:
    file = newest_outputs.find_newest(pipeline_root, newest_outputs.SUMMARIES)
    verdict = _read(file).get("verdict", {}) if file else {}
    return str(verdict.get("headline", ""))


def _describe_served(folder: Path) -> str:
    listed = versions.find_all(folder)
    served = [version for version in listed if version.state == "served"]
    if not served:
        return "no version yet"
    card = card_file.read(served[-1].folder)
    kind = str(card.get("kind", "unknown kind"))
    kept = f"{len(listed)} version{'s' if len(listed) > 1 else ''} kept"
    return f"version {served[-1].number} ({kind}), pushed {card.get('pushed_at', 'at an unknown time')}; {kept}"


def _describe_experiment(stored: experiment_state.Found) -> str:
    if stored.state is None:
        return stored.problem
    state = stored.state
    stage = f"stage {state.stage + 1} of {len(state.ramp)}" if state.phase == "ramp" else "holdout after a win"
    return f"model {state.treatment} against rules {state.control}: {stage}; see `python -m pipeline experiment`"


def _describe_size(settings: Settings, keep_runs: int) -> str:
    # Here, because ML Metadata takes a second to import, and an error above needs none.
    from pipeline.local import cleaning

    removal = cleaning.plan(settings, keep_runs)
    whole = (removal.removed + removal.kept) / _MEGABYTE
    return f"{whole:,.1f} MB; `python -m pipeline clean` would free {removal.removed / _MEGABYTE:,.1f} MB"
