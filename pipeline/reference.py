"""The reference of the declaration: every field, its type, default and meaning, and the steps that read it.

`make reference` writes docs/declaration.md from the docstrings of `components.declaration` and the views of the steps,
so that page and code agree.
"""

import collections.abc
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator

from components.declaration import Launch
from pipeline import steps
from pipeline.settings import PROJECT

PAGE = PROJECT / "docs" / "declaration.md"
_INTRODUCTION = """\
# The declaration, field by field

A launch file holds one `Launch`. This page is written by `make reference` from the docstrings and from the views of the
steps ([`components/declaration/views.py`](../components/declaration/views.py)).

*Steps* are those whose cache key holds the field: a change of it reruns them, and what follows them in the graph where
their output changed. The Pusher and the steps that read the schema or the statistics alone read no field.
"""


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of the declaration.

    Attributes:
      path: the path from the launch, such as "log.user" or "objectives[].weight".
      kind: the type in words.
      default: the default in Python; "" for a required field.
      meaning: the field's entry in the docstring of its class.
      steps: the names of the steps that read it, in the order of the graph.
    """

    path: str
    kind: str
    default: str
    meaning: str
    steps: tuple[str, ...]


def list_fields() -> tuple[Field, ...]:
    """Returns every field of a launch that is not itself a group of fields."""
    return tuple(_fields_of(Launch, ""))


def render() -> str:
    """Returns the page as Markdown."""
    parts = [_INTRODUCTION]
    groups: dict[str, list[Field]] = {}
    for field in list_fields():
        groups.setdefault(field.path.rpartition(".")[0] or "launch", []).append(field)
    for name, fields in groups.items():
        rows = (
            f"| `{field.path}` | {field.kind} | {f'`{field.default}`' if field.default else 'required'} "
            f"| {field.meaning} | {', '.join(field.steps) or 'none'} |"
            for field in fields
        )
        header = "| field | type | default | meaning | steps |\n|---|---|---|---|---|\n"
        parts.append(f"## `{name}`\n\n{header}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def steps_that_read(path: str) -> tuple[str, ...]:
    """Returns the names of the steps whose view holds a field, in the order of the graph."""
    names = re.sub(r"\[\]|\(\w+\)", "", path).split(".")
    return tuple(step.name for step in steps.STEPS if step.view is not None and _holds(step.view, names))


def _holds(kind: typing.Any, names: list[str]) -> bool:
    """Returns whether a view, or a part of the declaration in it, has a field at a path."""
    if not names:
        return True
    hints = typing.get_type_hints(kind) if dataclasses.is_dataclass(kind) else {}
    kinds = _groups(hints[names[0]]) or [object] if names[0] in hints else []
    return any(_holds(part, names[1:]) for part in kinds)


def _fields_of(kind: type, prefix: str) -> Iterator[Field]:
    hints, meanings = typing.get_type_hints(kind), _meanings(kind)
    for field in dataclasses.fields(kind):
        path, hint = f"{prefix}{field.name}", hints[field.name]
        groups = _groups(hint)
        for group in groups:
            name = f"{path}[]" if typing.get_origin(hint) is tuple else path
            yield from _fields_of(group, f"{name}." if group is groups[0] else f"{name}({group.__name__}).")
        if not groups:
            yield Field(
                path, _type_in_words(hint), _default(field), meanings.get(field.name, ""), steps_that_read(path)
            )


def _groups(hint: typing.Any) -> list[typing.Any]:
    """Returns the dataclasses of a field's type; none for a plain value."""
    return [kind for kind in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(kind)]


def _type_in_words(hint: typing.Any) -> str:
    """Returns a type in words, such as "text", "number" or "tuple of text"."""
    words = {str: "text", int: "integer", float: "number", bool: "true or false", types.NoneType: "nothing"}
    if typing.get_origin(hint) is collections.abc.Mapping:
        return "dictionary"
    if typing.get_origin(hint) is tuple:
        return f"tuple of {_type_in_words(typing.get_args(hint)[0])}"
    return " or ".join(words.get(kind, str(kind)) for kind in typing.get_args(hint) or (hint,))


def _default(field: "dataclasses.Field[typing.Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "" if field.default is dataclasses.MISSING else repr(field.default)


def _meanings(kind: type) -> dict[str, str]:
    """Returns the meaning of each field from the "Attributes:" of a class's docstring."""
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    entries = re.findall(r"^  (\w[\w, ]*): (.*(?:\n    .*)*)", section, re.MULTILINE)
    return {
        name.strip(): " ".join(text.split()).replace("|", "\\|") for names, text in entries for name in names.split(",")
    }


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(PAGE.relative_to(PROJECT))
