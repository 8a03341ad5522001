"""The message for a package that the running Python lacks: nearly always it is not the Python of `.venv`."""

import os
import shutil
import sys
from pathlib import Path

from components.errors import DayoneError

PROJECT = Path(__file__).resolve().parents[1]
OWN = ("components", "pipeline")


class MissingPackageError(DayoneError):
    """The running Python lacks a package of the lock."""


def explain_missing(error: ModuleNotFoundError) -> MissingPackageError | None:
    """Returns the error for people; None for a missing module of the project itself, which is a bug."""
    package = (error.name or "").partition(".")[0]
    if not package or package in OWN:
        return None
    python = PROJECT / ".venv" / "bin" / "python"
    fix = f"Use {_shorten(python)} -m pipeline." if python.is_file() else "Install it: make setup."
    return MissingPackageError(f"this needs the packages of uv.lock, and {sys.executable} lacks {package}. {fix}")


def name_python() -> str:
    """Returns what to type for the running Python: `python` if the shell finds it by that name, else its path."""
    by_name = shutil.which("python")
    # Not resolved: the Python of an environment is a link to the one that it was made with.
    return "python" if by_name == sys.executable else _shorten(Path(sys.executable))


def _shorten(path: Path) -> str:
    """Returns a path relative to the working folder, if it is inside."""
    folder = Path(os.getcwd())
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
