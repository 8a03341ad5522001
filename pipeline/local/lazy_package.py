"""A package whose own module runs when it is first asked for, not when one of its submodules is imported.

`tfx.components` imports all of TFX's components, also those that no pipeline of ours has: InfraValidator with the client of
Kubernetes, Tuner with Keras 3. They are a third of a run's imports.
"""

import importlib.util
import sys
import types
from typing import Any


def defer(name: str) -> None:
    """Defers the `__init__` of a package until something asks for one of its names; nothing if it was imported already."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is not installed", name=name)
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _Deferred
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


class _Deferred(types.ModuleType):
    """A package that was not run yet."""

    def __getattr__(self, name: str) -> Any:
        """Runs the package for a name that it lacks so far."""
        if name.startswith("__"):
            raise AttributeError(name)
        object.__setattr__(self, "__class__", types.ModuleType)
        if self.__spec__ and self.__spec__.loader:
            self.__spec__.loader.exec_module(self)
        return getattr(self, name)
