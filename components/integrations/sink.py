"""The interface of a sink, a system that item vectors are exported to, and what all sinks share."""

import importlib
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from components.registry.item_vectors import ItemVectors, VectorsError


class Sink(Protocol):
    """Takes the items of one version.

    Both methods yield lines that report their work while they do it, and raise `VectorsError`.
    """

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """Reports what `send` would do; changes nothing."""

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """Exports the items. It is idempotent: repeating it, also after an interruption, has the same result."""


def library(module: str, extra: str) -> Any:
    """Imports an optional library.

    Args:
      module: the module's name.
      extra: this project's extra that installs it.

    Raises:
      VectorsError: if it is not installed; the message names the extra.
    """
    try:
        with warnings.catch_warnings():
            # Google's libraries warn of the Python versions they will soon require, which does not concern an export.
            warnings.simplefilter("ignore", FutureWarning)
            return importlib.import_module(module)
    except ImportError as error:
        raise VectorsError(
            f"this needs the library {module.partition('.')[0]}, which cannot be imported: {error}. Install the extra: pip install '.[{extra}]'."
        ) from error


def list_names(names: Sequence[str]) -> str:
    """Returns names for the end of a line: ": a, b", or "" for none."""
    return f": {', '.join(names)}" if names else ""


class AtomicFolder:
    """A folder that is written atomically: under a hidden name, then renamed.

    Example: `with AtomicFolder(folder) as staging: (staging / "ids.json").write_text(...)`.
    """

    def __init__(self, folder: Path):
        """Takes the folder's final path; an earlier export at this path is replaced."""
        self._folder, self._staging = folder, folder.with_name(f".{folder.name}-{os.getpid()}")

    def __enter__(self) -> Path:
        """Creates the empty hidden folder to write to."""
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)
        return self._staging

    def __exit__(self, kind: object, *_: object) -> None:
        """Renames the folder; after a failure, removes it.

        Raises:
          VectorsError: if the final folder holds files that no export wrote.
        """
        try:
            if kind is None:
                self._replace()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)

    def _replace(self) -> None:
        if self._folder.exists():
            unexpected = {path.name for path in self._folder.iterdir()} - {
                path.name for path in self._staging.iterdir()
            }
            if unexpected:
                raise VectorsError(
                    f"an export needs a folder of its own, {self._folder} also holds {min(unexpected)!r}. Nothing was written. Name another folder."
                )
            shutil.rmtree(self._folder)
        self._staging.rename(self._folder)
