"""Writes a text file in one step."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Writes a file so that readers see the old one or the new one, never a half; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    os.chmod(file.name, mode)
    os.replace(file.name, path)
