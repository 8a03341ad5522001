"""Finds the newest files of a step in a workspace: for the pages of the local server, `status` and the notebook."""

from pathlib import Path

REPORTS, SUMMARIES = "Verdict/summary/*/report.html", "Verdict/summary/*/summary.json"
RULES = "Rules/model/*/Format-Serving"


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
