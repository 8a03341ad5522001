"""Writes a launch file: a declaration as Python, with the reason of each guess as a comment above it."""

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from components.declaration import Catalogue, Launch, Log, Objective, Promotion, Rules

_WIDTH = 120
_LONGEST_LINE = 140
_ADVICE = (
    "Every line is a guess with its reason. Read them, change what is wrong, take the comments out, and hold the result against the log: "
    "`python -m pipeline validate`."
)


def launch_file(launch: Launch, source: str, why: Mapping[str, str], notes: Iterable[str]) -> str:
    """Returns the text of `pipeline/launches/<name>.py`.

    Args:
      launch: the declaration.
      source: of which log, in a few words.
      why: "log", "log.user", "log.context.device", "catalogue", "objectives.click", "split" to the reason.
      notes: what else a reviewer should know: one sentence each.
    """
    optional = {
        "Catalogue": launch.catalogue,
        "Rules": launch.rules != Rules(),
        "Promotion": launch.promotion != Promotion(),
    }
    names = ", ".join(
        sorted({"Launch", "Log", "Objective", "Split", *(name for name, used in optional.items() if used)})
    )
    parts = [
        _docstring(launch, source, notes),
        f"from components.declaration import {names}\n",
        "LAUNCH = Launch(",
        f"    name={literal(launch.name)},",
        *_record("log", launch.log, why),
        *(_record("catalogue", launch.catalogue, why) if launch.catalogue else []),
        *_objectives(launch.objectives, why),
        *_comment(why.get("split", ""), 4),
        f"    split=Split(eval_share={launch.split.eval_share}),",
        *(_record("rules", launch.rules, why) if launch.rules != Rules() else []),
        *(_record("promotion", launch.promotion, why) if launch.promotion != Promotion() else []),
        *([] if launch.exclude_seen else [*_comment(why.get("exclude_seen", ""), 4), "    exclude_seen=False,"]),
        ")",
    ]
    return "\n".join(parts) + "\n"


def _docstring(launch: Launch, source: str, notes: Iterable[str]) -> str:
    head = f'"""The launch {launch.name}: proposed from {source}.'
    paragraphs = "\n\n".join(textwrap.fill(_plain(text), _WIDTH, break_on_hyphens=False) for text in (_ADVICE, *notes))
    return f'{head}\n\n{paragraphs}\n"""\n'


def _record(name: str, record: Log | Catalogue | Rules | Promotion, why: Mapping[str, str]) -> list[str]:
    """Returns the lines of a part of the declaration, without fields that have their default."""
    lines = [*_comment(why.get(name, ""), 4), f"    {name}={type(record).__name__}("]
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        reasons = [why.get(f"{name}.{field.name}", "")]
        if isinstance(value, tuple):
            reasons += [f"{part}: {reason}" for part in value if (reason := why.get(f"{name}.{field.name}.{part}"))]
        if value == field.default and field.name != "time_unit":
            continue
        for reason in reasons:
            lines += _comment(reason, 8)
        lines += _format_argument(field.name, value, 8)
    return [*lines, "    ),"]


def _objectives(objectives: tuple[Objective, ...], why: Mapping[str, str]) -> list[str]:
    written = [
        [*_comment(why.get(f"objectives.{objective.name}", ""), 8), f"        {_objective(objective)},"]
        for objective in objectives
    ]
    head = _comment(why.get("objectives", ""), 4)
    if sum(map(len, written)) == 1:
        return [*head, f"    objectives=({_objective(objectives[0])},),"]
    return [*head, "    objectives=(", *(line for lines in written for line in lines), "    ),"]


def _objective(objective: Objective) -> str:
    fields = {"weight": objective.weight, "event": objective.event, "value_at_least": objective.value_at_least}
    fields |= {} if objective.auc_decides else {"auc_decides": False}
    arguments = "".join(f", {name}={literal(value)}" for name, value in fields.items() if value is not None)
    return f"Objective({literal(objective.name)}{arguments})"


def _format_argument(name: str, value: Any, indent: int) -> list[str]:
    """Returns a field as an argument, formatted as the project's formatter does."""
    space = " " * indent
    line = f"{space}{name}={literal(value)},"
    if not isinstance(value, tuple) or len(line) <= _LONGEST_LINE:
        return [line]
    return [f"{space}{name}=(", *(f"{space}    {literal(part)}," for part in value), f"{space}),"]


def literal(value: Any) -> str:
    """Returns the value as a Python literal, strings in double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    # The formatter wants double quotes, but no more escapes than there must be.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and '"' not in value else repr(value)


def _comment(text: str, indent: int) -> list[str]:
    if not text:
        return []
    mark = " " * indent + "# "
    return textwrap.wrap(
        _plain(text),
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=mark,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """Returns the text as one line that can neither end a docstring nor break a comment."""
    return " ".join(text.replace("\\", "/").replace('"""', "'''").split())
