"""Findings in words: the problem, why it matters, and what to do."""

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Literal

_WIDTH = 120


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
      level: an error stops a run or makes its result worthless; a warning does neither.
      what: what was found, with a number and an example.
      why: why it matters.
      fix: what to do.
    """

    level: Literal["error", "warning"]
    what: str
    why: str
    fix: str

    def text(self) -> str:
        """Returns the finding as a paragraph of at most 120 columns."""
        head = textwrap.fill(
            f"{self.level}: {self.what}", _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        rest = textwrap.fill(
            f"{self.why} {self.fix}", _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )
        return f"{head}\n{rest}"


def error(what: str, why: str, fix: str) -> Finding:
    """Returns a finding that stops a run or makes its result worthless."""
    return Finding("error", what, why, fix)


def warning(what: str, why: str, fix: str) -> Finding:
    """Returns a finding that a run survives."""
    return Finding("warning", what, why, fix)


def closing_line(findings: Sequence[Finding]) -> str:
    """Returns how many errors and warnings there are: "0 errors, 2 warnings"."""
    counts = {level: sum(finding.level == level for finding in findings) for level in ("error", "warning")}
    return ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items())


def share(part: int, whole: int) -> str:
    """Returns a count and its share: "1,204 of 80,000 (1.5%)"."""
    return f"{part:,} of {whole:,} ({part / max(whole, 1):.1%})"
