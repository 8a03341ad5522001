"""Finds the rows that a run would quarantine, by ExampleGen's own checks, and whether it would stop."""

from collections.abc import Iterator
from pathlib import Path

from components.declaration import Launch
from components.errors import LogError
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.quarantine import no_row_left
from components.ingest.spans import input_files
from pipeline.checks.findings import Finding, error, share, warning


def check(launch: Launch, base: Path) -> Iterator[Finding]:
    """Finds the rows that a run would quarantine, counted per reason.

    Args:
      launch: the declaration.
      base: the data folder.
    """
    log = launch.log
    try:
        reader = LogReader(input_files(log.path, str(base), log.spans), Layout.of_log(log))
        reader.settle((log.time,))
    except LogError as problem:
        yield error(
            f"the log cannot be read as declared: {problem}",
            "A run would end here, too.",
            "Mend the file or the declaration.",
        )
        return
    quarantined = reader.quarantined
    if not quarantined.rows:
        return
    counts = ", ".join(f"{count:,} {reason}" for reason, count in quarantined.counts.items())
    rows = share(quarantined.rows, quarantined.rows_in)
    what = f"a run would quarantine {rows} rows: {counts}; launch.log.max_quarantined allows {log.max_quarantined:.1%}."
    if quarantined.rows == quarantined.rows_in:
        text = str(no_row_left([log.path], quarantined))
        yield error(text, "A run would stop.", "Check time_unit, not_before, the delimiter and the roles.")
    elif quarantined.share > log.max_quarantined:
        why = "It would stop: with so large a share, the log or the declaration is wrong."
        yield error(
            what,
            why,
            "Fix the rows, or what the declaration says of them (time_unit, not_before, delimiter, roles), or raise max_quarantined.",
        )
    else:
        yield warning(
            what,
            "Nothing is learnt from them; a run writes them to a file, each with its reason.",
            "Check whether they have one cause.",
        )
