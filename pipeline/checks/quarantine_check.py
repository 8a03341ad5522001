"""Which rows would a run quarantined, by the very checks of ExampleGen, and would it stop for them?"""

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
    """The rows that a run would quarantine, counted per reason.

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
    found = reader.quarantined
    if not found.rows:
        return
    counts = ", ".join(f"{count:,} {reason}" for reason, count in found.counts.items())
    what = f"a run would quarantine {share(found.rows, found.rows_in)} rows: {counts}; launch.log.max_quarantined allows {log.max_quarantined:.1%}."
    if found.rows == found.rows_in:
        left = str(no_row_left([log.path], found))
        yield error(left, "A run would stop.", "Check time_unit, not_before, the delimiter and the roles.")
    elif found.share > log.max_quarantined:
        why = "It would stop: so many say that something is wrong with the log or with the declaration."
        yield error(
            what,
            why,
            "Fix the rows, or what the declaration says of them (time_unit, not_before, delimiter, roles), or raise max_quarantined.",
        )
    else:
        yield warning(
            what,
            "Nothing is learnt from them; a run writes them to a file, each with its reason.",
            "Look whether they have one cause.",
        )
