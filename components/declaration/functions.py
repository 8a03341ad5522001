"""A team's own functions, named in the declaration by their dotted path: their form, and the way to them.

A function lives in `components/` or next to its launch, in the launch's folder:
`pipeline.launches.my_feature.rules.cheapest`.
"""

import importlib
import re
from collections.abc import Callable
from typing import Any

from components.errors import DeclarationError

OWN_FUNCTION = re.compile(r"(components|pipeline\.launches)(\.[a-z][a-z0-9_]*){2,}")
FORM = "a function's dotted path, such as 'pipeline.launches.my_feature.rules.cheapest' or 'components.rules.house.cheapest'"


def is_own(name: str) -> bool:
    """Returns whether a name in the declaration has the form of a dotted path to a team's function or class."""
    module, _, last = name.rpartition(".")
    return OWN_FUNCTION.fullmatch(f"{module}.x") is not None and last.isidentifier()


def check_path(field: str, path: str, last: str = r"[a-z][a-z0-9_]*") -> None:
    """Raises `DeclarationError` unless the text has the form of a dotted path whose last part matches `last`."""
    module, _, name = path.rpartition(".")
    if not OWN_FUNCTION.fullmatch(f"{module}.x") or not re.fullmatch(last, name):
        raise DeclarationError(field, path, FORM)


def load_function(field: str, path: str) -> Callable[..., Any]:
    """Imports the function that a field of the declaration names.

    Raises:
      DeclarationError: if the module or the function does not exist.
    """
    module, _, name = path.rpartition(".")
    try:
        function = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise DeclarationError(field, path, f"a module that exists ({error})") from error
    if not callable(function):
        raise DeclarationError(field, path, f"a function {name} in {module}")
    return function
