"""The forms of a declared path: files, dated or numbered spans, a BigQuery query. Text only; nothing looks at the disk."""

import re

SPAN_TOKEN = re.compile(r"\{(?P<part>YYYY|MM|DD|SPAN)(?::(?P<width>\d+))?\}")
_QUERY = "bigquery:"


def query_of(path: str) -> str:
    """Returns the query of a declared path "bigquery:SELECT ..."; "" for a path of files."""
    return path.removeprefix(_QUERY).strip() if path.startswith(_QUERY) else ""


def is_dated(path: str) -> bool:
    """Tells whether a declared path has span folders: `{YYYY}`, `{MM}` and `{DD}`, or `{SPAN}`."""
    parts = sorted(match["part"] for match in SPAN_TOKEN.finditer(path))
    return parts in (["DD", "MM", "YYYY"], ["SPAN"])
