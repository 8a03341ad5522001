"""The error of the schema gate: per column what was expected and found, and the two ways to fix it."""

import collections.abc
import dataclasses
import shlex

from components.errors import GateError


@dataclasses.dataclass(frozen=True, order=True)
class Anomaly:
    """A difference between data and schema.

    Attributes:
      column: the column's name; "" for the data set.
      expected: the schema's expectation.
      got: the data's values and the number of rows.
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
    """Returns the error that stops a run, or None without anomalies.

    Args:
      per_split: the anomalies of each split.
      data: the checked data: "log" or "catalogue".
      schema: the path of the curated schema, for the message.
      accept: the command that accepts differences into the schema; column names may follow it.
    """
    columns: dict[str, dict[tuple[str, str], list[str]]] = {}
    for split, anomalies in per_split.items():
        for anomaly in anomalies:
            columns.setdefault(anomaly.column, {}).setdefault((anomaly.expected, anomaly.got), []).append(split)
    if not columns:
        return None
    lines = [f"the {data} does not fit its schema, so the run stopped before training:"]
    for column in sorted(columns):
        lines += _column_lines(column, columns[column], accept)
    lines.append("Fix the data and run again, or accept a column with the command below it, or all columns with")
    return GateError("\n".join([*lines, f"  {accept}", f"into the schema {schema}"]))


def _column_lines(column: str, anomalies: dict[tuple[str, str], list[str]], accept: str) -> list[str]:
    lines = [f"  {column or 'all columns'}"]
    previous = ""
    for (expected, got), splits in anomalies.items():
        lines += [f"    expected  {expected}"] if expected != previous else []
        lines += [f"    got       {got} [{', '.join(splits)}]"]
        previous = expected
    return [*lines, f"    accept    {accept} {shlex.quote(column)}"] if column else lines
