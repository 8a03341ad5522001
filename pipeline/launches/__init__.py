"""The launches: one file each, or one folder with a `launch.py`, which holds a declaration named LAUNCH.

A folder also holds what the launch names by dotted path: its rules, its model (docs/extend.md).

A launch file is executed when it is loaded; what goes wrong in it is shown as file, line and message.
"""

import contextlib
import dataclasses
import difflib
import re
import runpy
import traceback
from pathlib import Path
from typing import Any

from components import declaration
from components.declaration import Launch
from components.errors import DayoneError, SettingsError
from pipeline.settings import DEFAULT_LAUNCH as DEFAULT

__all__ = ["DEFAULT", "LaunchError", "available", "file_of", "load", "load_file", "own_steps"]

_FOLDER = Path(__file__).parent
_IN_FOLDER = "launch.py"


class LaunchError(DayoneError):
    """A launch file cannot be used; the message begins with the file and the line."""


def available() -> tuple[str, ...]:
    """Returns the names of the launches, sorted."""
    files = (path.stem for path in _FOLDER.glob("*.py") if not path.stem.startswith("_"))
    folders = (path.parent.name for path in _FOLDER.glob(f"*/{_IN_FOLDER}"))
    return tuple(sorted({*files, *folders}))


def load(name: str) -> Launch:
    """Loads the declaration of a launch.

    Raises:
      SettingsError: if there is no such launch.
      LaunchError: if its file cannot be used.
    """
    if name not in available():
        near = difflib.get_close_matches(name, available(), n=1)
        fix = f"Did you mean {near[0]}?" if near else "Add a file to pipeline/launches/."
        raise SettingsError("--launch", name, f"one of {', '.join(available())}", fix)
    return load_file(file_of(name))


def own_steps() -> tuple[str, ...]:
    """Returns the names of the own steps of all launches; a launch that cannot be loaded is left out."""
    names: list[str] = []
    for launch in available():
        with contextlib.suppress(DayoneError):
            names += [step.name for step in load(launch).steps]
    return tuple(dict.fromkeys(names))


def file_of(name: str) -> Path:
    """Returns the file of an existing launch."""
    file = _FOLDER / f"{name}.py"
    return file if file.is_file() else _FOLDER / name / _IN_FOLDER


def load_file(path: Path) -> Launch:
    """Loads the declaration from a launch file.

    Raises:
      LaunchError: if the file does not run, holds no LAUNCH, or its declaration is wrong.
    """
    launch = _execute(path).get("LAUNCH")
    if not isinstance(launch, Launch):
        got = "none" if launch is None else f"a {type(launch).__name__}"
        raise LaunchError(f"{_shown(path)}: a launch file needs LAUNCH = Launch(...), got {got}.")
    name = path.parent.name if path.name == _IN_FOLDER else path.stem
    if launch.name != name:
        # One name for file, runs, schema folder and served model: a copied file would otherwise write over the
        # original's runs.
        raise LaunchError(f"{_shown(path)}: launch.name needs to be the file's name, {name!r}, got {launch.name!r}.")
    return launch


def _execute(path: Path) -> dict[str, Any]:
    """Runs a launch file and gives the names it defines."""
    try:
        return runpy.run_path(str(path), run_name=f"pipeline.launches.{path.stem}")
    except SyntaxError as error:
        raise LaunchError(f"{_shown(Path(error.filename or path))}:{error.lineno}: {error.msg}") from error
    except DayoneError as error:
        raise LaunchError(f"{_shown(path)}:{_line(error, path)}: {error}") from error
    except Exception as error:
        raise LaunchError(f"{_shown(path)}:{_line(error, path)}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    """Explains the error in words: what is no field of a part of the declaration, and a part that is not imported, are told by what there is."""
    field = re.match(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    part = getattr(declaration, field[1], None) if field else None
    if field and dataclasses.is_dataclass(part):
        names = [one.name for one in dataclasses.fields(part)]
        near = difflib.get_close_matches(field[2], names, n=1)
        return f"{field[1]} has no field {field[2]!r}.{f' Did you mean {near[0]!r}?' if near else ''} Its fields: {', '.join(names)}."
    if isinstance(error, NameError) and dataclasses.is_dataclass(getattr(declaration, error.name or "", None)):
        return f"{error.name} is not imported. Add it above: from components.declaration import {error.name}"
    return f"{type(error).__name__}: {error}"


def _line(error: BaseException, path: Path) -> int:
    """Returns the line of the launch file at which the error left it."""
    frames = traceback.extract_tb(error.__traceback__)
    return max((frame.lineno or 0 for frame in frames if frame.filename == str(path)), default=1)


def _shown(path: Path) -> str:
    """Returns the path as a person at the project's root types it."""
    project = _FOLDER.parents[1]
    return str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
