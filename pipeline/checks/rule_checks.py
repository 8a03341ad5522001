"""Looks for a team's own functions in the source without running it: a run would fail only after half a minute."""

import ast
from collections.abc import Iterator

from components.declaration import CustomModel, Launch
from components.declaration.functions import is_own
from pipeline.checks.findings import Finding, error
from pipeline.settings import PROJECT


def check(launch: Launch) -> Iterator[Finding]:
    """Declared rules, metrics and slices whose module or function does not exist."""
    for kind, field, step, names in _list_functions(launch):
        for name in filter(is_own, names):
            yield from _check(f"the {kind} {name!r} ({field})", name, f"The step {step} would end there.")


def _list_functions(launch: Launch) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Yields what a function is, the field that names it, the step that calls it, and the field's names."""
    yield "rule", "launch.rules.names", "Rules", launch.rules.names
    yield "metric", "launch.promotion.metrics", "RetrievalEvaluator", launch.promotion.metrics
    if isinstance(launch.model, CustomModel):
        yield "run_fn", "launch.model.run_fn", "Trainer", (launch.model.run_fn,)
    for step in launch.steps:
        yield "component", "launch.steps", step.name, (step.component,)
    yield "tower", "launch.model", "Trainer", launch.model.towers
    labels = tuple(objective.label_fn for objective in launch.objectives if objective.label_fn)
    yield "label function", "launch.objectives", "ExampleGen", labels
    yield "slice", "launch.promotion.slices", "RetrievalEvaluator", launch.promotion.slices


def _check(what: str, name: str, why: str) -> Iterator[Finding]:
    module, _, function = name.rpartition(".")
    file = PROJECT.joinpath(*module.split(".")).with_suffix(".py")
    shown = file.relative_to(PROJECT)
    if not file.is_file():
        yield error(f"{what} needs the file {shown}, which is not there.", why, "Write it, or mend the path.")
    elif function not in (names := _names(file.read_text(encoding="utf-8"))):
        has = f"{shown} has {', '.join(names)}" if names else f"{shown} has none"
        yield error(f"{what} needs a function {function!r}; {has}.", why, "Write it, or mend the name.")


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
