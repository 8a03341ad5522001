"""Looks for custom rules in the source without running it: a run would fail only after half a minute."""

import ast
from collections.abc import Iterator

from components.declaration import Launch
from pipeline.checks.findings import Finding, error
from pipeline.settings import PROJECT

_WHY = "The step Rules would end there."


def check(launch: Launch) -> Iterator[Finding]:
    """Declared rules whose module or function is not there."""
    for name in launch.rules.names:
        module, _, function = name.rpartition(".")
        if not module:
            continue
        file = PROJECT.joinpath(*module.split(".")).with_suffix(".py")
        shown = file.relative_to(PROJECT)
        if not file.is_file():
            yield error(
                f"the rule {name!r} (launch.rules.names) needs the file {shown}, which is not there.",
                _WHY,
                "Write it, or mend the path.",
            )
        elif function not in (functions := _names(file.read_text(encoding="utf-8"))):
            has = f"{shown} has {', '.join(functions)}" if functions else f"{shown} has none"
            yield error(
                f"the rule {name!r} (launch.rules.names) needs a function {function!r}; {has}.",
                _WHY,
                "Write it, or mend the name.",
            )


def _names(source: str) -> list[str]:
    """Returns the names that a module defines or imports at its top, and that may be a rule."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return []
    names: list[str] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names
