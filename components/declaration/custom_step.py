"""A step of a team's own in the graph: a TFX component, named by its dotted path."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from components.declaration.functions import check_path
from components.errors import DeclarationError


@dataclasses.dataclass(frozen=True)
class CustomStep:
    """A step of your own: it reads outputs of other steps, and the steps named in `before` wait for it.

    Attributes:
      name: the step's id on the screen, in ML Metadata and after `--from`: letters and digits, a capital first.
      component: the dotted path of a TFX component: a function under `@component`, or a class.
      inputs: input of the component to output of a step, such as {"examples": "ExampleGen.examples"}.
      parameters: parameters of the component: text, numbers, true or false.
      before: steps that wait until it has succeeded; a step of yours that raises stops them.
      does: its purpose, in a few words for the screen.
    """

    name: str
    component: str
    inputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    before: tuple[str, ...] = ()
    does: str = "a step of this launch"


def check_steps(steps: Sequence[CustomStep]) -> None:
    """Raises `DeclarationError` for the first field of a step that is wrong; other steps' names are checked in the graph."""
    names = [step.name for step in steps]
    for index, step in enumerate(steps):
        field = f"launch.steps[{index}]"
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]{1,39}", step.name) or names.count(step.name) > 1:
            needed = "a name of its own of letters and digits, a capital first, 40 at most"
            raise DeclarationError(f"{field}.name", step.name, needed)
        check_path(f"{field}.component", step.component, last=r"[A-Za-z][A-Za-z0-9_]*")
        for key, output in step.inputs.items():
            if not isinstance(output, str) or not re.fullmatch(r"[A-Z]\w*\.[a-z]\w*", output):
                example = "For example {'examples': 'ExampleGen.examples'}."
                raise DeclarationError(f"{field}.inputs[{key!r}]", output, "'STEP.output'", example)
