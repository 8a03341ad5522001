"""What `new` made of a log or a catalogue, and what it says of it on the screen."""

import dataclasses
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from components.declaration import Launch
from pipeline.onboarding import declaration_text
from pipeline.onboarding.proposal import Roles

_MOST_LEFT_OUT = 20


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A declaration, where its log lies, and why it says what it says.

    Attributes:
      launch: the declaration.
      data: the folder of the log.
      text: the launch file.
      roles: of the log's columns.
      left_out: columns of the log and the catalogue that the declaration does not name, and why.
    """

    launch: Launch
    data: Path
    text: str
    roles: Roles
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _basis(proposed: Proposal) -> str:
    """Returns the source of the declaration, in words."""
    launch = proposed.launch
    if proposed.roles.column:
        return "guessed from the log:"
    folder, rule = proposed.data / launch.log.path, launch.rules.before_events
    return f"which has no log yet: its server writes one to {folder}. Served first: {rule}."


def _guesses(proposed: Proposal) -> list[str]:
    """Returns a line per column with a role, and per column without one, with the reason."""
    roles = proposed.roles
    shown = [(role, roles.column[role]) for role in roles.column] + [("context", column) for column in roles.context]
    guesses = [f"  {role:<13} {column}  ({roles.why[column if role == 'context' else role]})" for role, column in shown]
    guesses += [
        f"  {field:<13} {declaration_text.literal(value)}  ({roles.why[field]})" for field, value in roles.more.items()
    ]
    if proposed.launch.catalogue and roles.column:
        guesses.append(f"  {'catalogue':<13} {proposed.launch.catalogue.path}  ({roles.why['catalogue']})")
    return guesses + _left_out(proposed)


def _left_out(proposed: Proposal) -> list[str]:
    """Returns a line per column without a role; the launch file lists those that do not fit the screen."""
    listed = [f"  {'left out':<13} {name}  ({reason})" for name, reason in proposed.left_out.items()]
    more = len(listed) - _MOST_LEFT_OUT
    return listed if more <= 0 else [*listed[:_MOST_LEFT_OUT], f"  {'left out':<13} and {more} more columns"]


def describe(folder: Path, proposed: Proposal, count: int, version: Mapping[str, str], no_git: str) -> str:
    """Returns what was made and what comes next, for the screen.

    Args:
      folder: of the project.
      proposed: its declaration.
      count: how many files of the template it has.
      version: of the template.
      no_git: why it is no repository yet; "" if it is one.
    """
    name = proposed.launch.name
    objectives = ", ".join(
        f"{objective.name} (weight {objective.weight:g})" for objective in proposed.launch.objectives
    )
    lines = [
        f"{folder}: {count} files of Dayone {version['version']}, and the launch {name!r}, {_basis(proposed)}",
        *_guesses(proposed),
        f"  {'objectives':<13} {objectives}",
        f"Read pipeline/launches/{name}.py: each guess stands there with its reason. The first schema is in schema/{name}/.",
        "",
        *_next_steps(folder),
        *([f"note: {no_git}"] if no_git else []),
    ]
    return "\n".join(lines)


def _next_steps(folder: Path) -> tuple[str, ...]:
    python, place = shlex.quote(sys.executable), shlex.quote(str(folder))
    return (
        "Next:",
        f"  cd {place} && {python} -m pipeline validate",
        f"  cd {place} && make run",
        "",
        "Keep it with git (docs/clone.md says how to take updates of the template): git add -A && git commit -m 'First launch'",
    )
