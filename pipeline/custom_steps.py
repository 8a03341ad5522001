"""Puts the steps that a launch declares into the graph, wired to the outputs of the template's steps."""

import inspect
from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode

from components.declaration import CustomStep
from components.declaration.functions import load_function
from components.errors import DeclarationError
from pipeline import code_digest

CODE = "code"


def build(declared: Sequence[CustomStep], standard: Sequence[BaseNode]) -> list[BaseNode]:
    """Builds the components of a launch's own steps.

    Args:
      declared: the steps, in their order; one may read the outputs of those before it.
      standard: the components of the template's steps.

    Raises:
      DeclarationError: for a step, an output or an input that does not exist.
    """
    components = {component.id: component for component in standard}
    custom = []
    for index, step in enumerate(declared):
        field = f"launch.steps[{index}]"
        if step.name in components:
            raise DeclarationError(f"{field}.name", step.name, "a name that no other step has")
        component = _component(step, field, components)
        for name in step.before:
            _step(f"{field}.before", name, components).add_upstream_node(component)
        components[step.name] = component
        custom.append(component)
    return custom


def _component(step: CustomStep, field: str, known: dict[str, BaseNode]) -> BaseNode:
    """Returns the step's component with its inputs, its parameters and, where it takes one, the digest of its code."""
    make = load_function(f"{field}.component", step.component)
    inputs = {key: _output(f"{field}.inputs[{key!r}]", value, known) for key, value in step.inputs.items()}
    takes = _parameters(make)
    code = {CODE: code_digest.of_module(step.component.rpartition(".")[0])} if CODE in takes else {}
    unknown = set(inputs) | set(step.parameters)
    if takes and not unknown <= set(takes):
        names = ", ".join(sorted(unknown - set(takes)))
        raise DeclarationError(field, names, f"inputs and parameters of the component: {', '.join(takes)}")
    component = make(**inputs, **(code | dict(step.parameters)))
    if not isinstance(component, BaseNode):
        raise DeclarationError(
            f"{field}.component", step.component, "a TFX component, such as a function under @component"
        )
    return component.with_id(step.name)


def _parameters(make: Any) -> tuple[str, ...]:
    """Returns what a component takes by name: its specification's inputs and parameters, or the arguments of its class."""
    spec = getattr(make, "SPEC_CLASS", None)
    if spec is not None:
        return (*spec.INPUTS, *spec.PARAMETERS)
    return tuple(inspect.signature(make).parameters)


def _output(field: str, path: str, known: dict[str, BaseNode]) -> Any:
    name, _, output = path.partition(".")
    outputs = _step(field, name, known).outputs
    if output not in outputs:
        raise DeclarationError(field, path, f"an output of {name}: {', '.join(outputs)}")
    return outputs[output]


def _step(field: str, name: str, known: dict[str, BaseNode]) -> BaseNode:
    if name not in known:
        raise DeclarationError(field, name, f"a step before it: {', '.join(known)}")
    return known[name]
