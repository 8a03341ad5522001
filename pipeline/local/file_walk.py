"""Lists the files below a folder, those behind links included."""

import os
from collections.abc import Iterator
from pathlib import Path


def walk(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder in a fixed order, without compiled ones; no folder twice, so a circle of links ends."""
    visited = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        entry = os.stat(parent)
        if (entry.st_dev, entry.st_ino) in visited:
            folders.clear()
            continue
        visited.add((entry.st_dev, entry.st_ino))
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(parent, name) for name in sorted(names))
