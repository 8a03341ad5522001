"""The interface of a place that item vectors go to, and what every such place shares."""

import importlib
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from components.registry.item_vectors import ItemVectors, VectorsError


class Sink(Protocol):
    """Takes the items of one version. Both methods say, line by line while they work, what is done, and raise `VectorsError`."""

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """What `send` would do; changes nothing."""

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """Does it. To do it again, also after it was stopped half-way, leads to the same end."""


def library(module: str, extra: str) -> Any:
    """An optional library.

    Args:
      module: what to import.
      extra: of this project, which brings it.

    Raises:
      VectorsError: if it is not installed, naming the extra.
    """
    try:
        with warnings.catch_warnings():
            # Google's libraries tell on import which Python they will soon ask for: no news to whom exports vectors.
            warnings.simplefilter("ignore", FutureWarning)
            return importlib.import_module(module)
    except ImportError as error:
        raise VectorsError(
            f"this needs the library {module.partition('.')[0]}, got {error}. Install the extra: pip install '.[{extra}]'."
        ) from error


class WrittenWhole:
    """A folder that appears whole or not at all: written under a hidden name, then renamed.

    Example: `with WrittenWhole(folder) as half: (half / "ids.json").write_text(...)`.
    """

    def __init__(self, folder: Path):
        """Takes the folder's final place; an earlier export that lies there is replaced."""
        self._folder, self._half = folder, folder.with_name(f".{folder.name}-{os.getpid()}")

    def __enter__(self) -> Path:
        """The empty hidden folder to write to."""
        shutil.rmtree(self._half, ignore_errors=True)
        self._half.mkdir(parents=True)
        return self._half

    def __exit__(self, kind: object, *_: object) -> None:
        """Renames, or removes what a failure left.

        Raises:
          VectorsError: if the folder holds what no earlier export wrote.
        """
        try:
            if kind is None:
                self._replace()
        finally:
            shutil.rmtree(self._half, ignore_errors=True)

    def _replace(self) -> None:
        if self._folder.exists():
            strange = {path.name for path in self._folder.iterdir()} - {path.name for path in self._half.iterdir()}
            if strange:
                raise VectorsError(
                    f"an export needs a folder of its own, {self._folder} also holds {min(strange)!r}. Nothing was written: name another."
                )
            shutil.rmtree(self._folder)
        self._half.rename(self._folder)
