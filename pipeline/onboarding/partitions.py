"""Partition folders (`dt=2026-01-31/`, `year=2026/month=01/day=31/`) as the pattern of a declaration: each day a span."""

import re
from pathlib import Path

from components.ingest import spans
from components.ingest.log_files import find_files

_FOLDER = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.+)")
_DAYS = ((re.compile(r"\d{4}-\d{2}-\d{2}"), "{YYYY}-{MM}-{DD}"), (re.compile(r"\d{8}"), "{YYYY}{MM}{DD}"))
_PARTS = {
    "year": (re.compile(r"\d{4}"), "{YYYY}"),
    "month": (re.compile(r"\d{2}"), "{MM}"),
    "day": (re.compile(r"\d{2}"), "{DD}"),
}


def pattern_of(folder: Path) -> tuple[str, int | None] | None:
    """Returns the pattern of a folder whose files lie in partition folders, and how many days it covers.

    Returns:
      "dt={YYYY}-{MM}-{DD}/*" and the days from the first folder to the last; "country=*/*" and None where no folder
      says a day; None if the folder has no partition folders.
    """
    keys = []
    level = [folder]
    while folders := [folder for parent in level for folder in _partition_folders(parent)]:
        level = folders
        keys.append(_key(folders))
    if not keys:
        return None
    pattern = "/".join([*keys, "*"])
    if not spans.is_dated(pattern):
        wild = re.sub(r"\{[A-Z]+\}(-?\{[A-Z]+\})*", "*", pattern)
        return wild, None
    files = find_files(str(folder), spans.any_span(pattern))
    numbers = [number for file in files if (number := spans.span_of(file, str(folder), pattern)) is not None]
    return pattern, max(numbers) - min(numbers) + 1


def _partition_folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and _FOLDER.fullmatch(path.name))


def _key(folders: list[Path]) -> str:
    """Returns the name of a level of folders, with its values as a token of the date or a wildcard."""
    pairs = [match.groups() for path in folders if (match := _FOLDER.fullmatch(path.name))]
    key, values = pairs[0][0], [value for _, value in pairs]
    forms = [*_DAYS, *([_PARTS[key.lower()]] if key.lower() in _PARTS else [])]
    token = next((token for form, token in forms if all(map(form.fullmatch, values))), "*")
    return f"{key}={token}"
