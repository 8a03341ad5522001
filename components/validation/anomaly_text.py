"""How the gate says what is wrong: per column what was expected, what was got, and the two ways on."""

import collections.abc
import dataclasses
import shlex

from components.errors import GateError


@dataclasses.dataclass(frozen=True, order=True)
class Anomaly:
    """One thing that is wrong.

    Attributes:
      column: where; "" for the whole data set.
      expected: what the schema says.
      got: what the data hold, and in how many rows.
    """

    column: str
    expected: str
    got: str


def accept_command(launch: str) -> str:
    """Returns the command that accepts differences into the schema of a launch; column names may follow it."""
    return f"python -m pipeline schema --launch {launch} --accept"


def gate_error(
    per_split: collections.abc.Mapping[str, collections.abc.Sequence[Anomaly]], data: str, schema: str, accept: str
) -> GateError | None:
    """The error that stops a run, or None if there is nothing to stop it for.

    Args:
      per_split: the anomalies of each split.
      data: what was checked: "log" or "catalogue".
      schema: the curated schema's place, named to people.
      accept: the command that accepts a difference into the schema, to be followed by column names.
    """
    columns: dict[str, dict[tuple[str, str], list[str]]] = {}
    for split, anomalies in per_split.items():
        for anomaly in anomalies:
            columns.setdefault(anomaly.column, {}).setdefault((anomaly.expected, anomaly.got), []).append(split)
    if not columns:
        return None
    lines = [f"the {data} does not fit its schema; nothing was learnt from it:"]
    for column in sorted(columns):
        lines += _told(column, columns[column], accept)
    lines.append("Fix the data and run again; or accept a column with the command below it, all of them with")
    return GateError("\n".join([*lines, f"  {accept}", f"into the schema {schema}"]))


def _told(column: str, found: dict[tuple[str, str], list[str]], accept: str) -> list[str]:
    lines = [f"  {column or 'all columns'}"]
    last = ""
    for (expected, got), splits in found.items():
        lines += [f"    expected  {expected}"] if expected != last else []
        lines += [f"    got       {got} [{', '.join(splits)}]"]
        last = expected
    return [*lines, f"    accept    {accept} {shlex.quote(column)}"] if column else lines
