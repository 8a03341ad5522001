"""Compares the log and the catalogue with their curated schemas, and accepts the differences.

The schema is inferred with pyarrow (`components.validation.schema_proposal`), so the answer takes seconds and needs no
TensorFlow.
Nothing is written without `--accept`.
"""

import dataclasses
import difflib
import shlex
from collections.abc import Sequence
from pathlib import Path

from components.atomic_file import write_atomically
from components.declaration import Launch
from components.errors import SettingsError
from components.validation import schema_diff, schema_proposal, schema_widening
from components.validation.anomaly_text import accept_command
from components.validation.schema_diff import Difference
from components.validation.schema_file import SchemaFile
from components.validation.schema_text import Column, schema_text
from pipeline.local import sample
from pipeline.settings import Settings

FITS, DIFFERS = 0, 1


@dataclasses.dataclass
class Comparison:
    """A curated schema and the data it is about.

    Attributes:
      which: "log" or "catalogue".
      path: the schema's file.
      proposed: the columns as the data have them.
      curated: the file's content; None if there is no file yet.
      differences: per column; [] without a file.
    """

    which: str
    path: Path
    proposed: tuple[Column, ...]
    curated: SchemaFile | None
    differences: list[Difference]

    @property
    def beyond(self) -> list[Difference]:
        """The columns at which the gate stops."""
        return [difference for difference in self.differences if difference.beyond]


def run(launch: Launch, settings: Settings, accept: Sequence[str] | None) -> int:
    """Shows how the data differ from the schemas, and accepts those that `accept` names.

    Args:
      launch: the declaration.
      settings: where data and schemas are.
      accept: None to show only; [] for every difference; else the columns.

    Returns:
      0 if the data fit the schemas in the end, 1 if the gate would stop a run.

    Raises:
      DayoneError: if the data cannot be read, or `accept` names a column that does not differ.
    """
    if sample.is_needed(settings) and sample.missing_inputs(launch, settings):
        print(f"Sample  {sample.make(settings.data)}\n")
    sample.check_inputs(launch, settings)
    comparisons = [look(launch, settings, which) for which in ("log", *(["catalogue"] if launch.catalogue else []))]
    if accept is not None:
        _check_accepted(comparisons, accept)
    statuses = [
        _answer(comparison, accept, sample.with_log(accept_command(launch.name), settings))
        for comparison in comparisons
    ]
    return max(statuses)


def look(launch: Launch, settings: Settings, which: str) -> Comparison:
    """Compares the log or the catalogue with its schema."""
    path = settings.schema / launch.name / which / "schema.pbtxt"
    proposed = schema_proposal.propose(launch, str(settings.data), which)
    curated = SchemaFile(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else None
    return Comparison(which, path, proposed, curated, schema_diff.compare(curated, proposed) if curated else [])


def _check_accepted(found: list[Comparison], accept: Sequence[str]) -> None:
    differing = list(dict.fromkeys(difference.column for comparison in found for difference in comparison.beyond))
    for name in accept:
        if name not in differing:
            near = difflib.get_close_matches(name, differing, n=1)
            hint = f"Did you mean {near[0]}?" if near else ""
            needed = (
                f"columns that differ ({', '.join(differing)})"
                if differing
                else "no column: nothing goes beyond the schemas"
            )
            raise SettingsError("--accept", name, needed, hint)


def _answer(comparison: Comparison, accept: Sequence[str] | None, command: str) -> int:
    if comparison.curated is None:
        return _first(comparison, accept, command)
    _show(comparison)
    accepted = [
        difference.column
        for difference in comparison.beyond
        if accept is not None and (not accept or difference.column in accept)
    ]
    remaining = [difference.column for difference in comparison.beyond if difference.column not in accepted]
    if accepted:
        _write_accepted(comparison, comparison.curated, accepted)
    if remaining:
        print("\n  A run stops at the gate. Fix the data, or accept it into the schema, all of it or by column:")
        print(f"    {command}\n    {command} {shlex.quote(remaining[0])}")
    print()
    return DIFFERS if remaining else FITS


def _first(comparison: Comparison, accept: Sequence[str] | None, command: str) -> int:
    """Shows or writes the first schema of a launch."""
    text = schema_text(comparison.path.parents[1].name, comparison.which, comparison.proposed)
    if accept is None:
        print(
            f"There is no schema of the {comparison.which} yet. It would be:\n\n{text}\nWrite it to {comparison.path}:\n  {command}\n"
        )
        return DIFFERS
    write_atomically(comparison.path, text)
    print(
        f"{comparison.path}: written, {len(comparison.proposed)} columns. Read it through: it is what every run is held to.\n"
    )
    return FITS


def _show(comparison: Comparison) -> None:
    fits = "" if comparison.beyond else f": the {comparison.which} fits"
    print(f"{comparison.path}{fits}")
    width = max((len(difference.column) for difference in comparison.differences), default=0)
    for difference in comparison.beyond:
        for line in difference.beyond:
            print(f"  {difference.column:<{width}}  {line}")
    unused = [(difference.column, line) for difference in comparison.differences for line in difference.unused]
    if unused:
        print("  The schema allows more than there is; nothing stops at this:")
    for column, line in unused:
        print(f"  {column:<{width}}  {line}")


def _write_accepted(comparison: Comparison, curated: SchemaFile, columns: list[str]) -> None:
    lost = [text for column in columns for text in schema_widening.accept(curated, column, comparison.proposed)]
    write_atomically(comparison.path, curated.text)
    print(f"\n  Accepted: {', '.join(columns)}. See what changed with git diff.")
    for text in lost:
        print(f"  Lost, as its block was written anew: {text}")
