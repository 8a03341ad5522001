"""Finds the newest report and the newest rules in a workspace, for the pages of the local server."""

from pathlib import Path

REPORTS, RULES = "Verdict/summary/*/report.html", "Rules/model/*/Format-Serving"


def find_newest(pipeline_root: Path, pattern: str) -> Path | None:
    """Returns the path of the last execution that matches; None if there is none.

    Args:
      pipeline_root: the folder of the artifacts.
      pattern: below it, with `*` for the number of the execution.
    """
    depth = pattern.split("/").index("*")
    numbered = {path.relative_to(pipeline_root).parts[depth]: path for path in pipeline_root.glob(pattern)}
    number = max((name for name in numbered if name.isdecimal()), key=int, default=None)
    return None if number is None else numbered[number]
