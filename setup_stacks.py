"""Chooses the stack and the Python for a machine, for `setup_environment.py`.

The lock holds two stacks. Whether a stack has wheels depends on the Python version, the C library and the processor, so
every candidate interpreter is tested by running it: pyenv has shims of versions that are not selected, and these fail.
Like its caller this module runs on Python 3.8 and imports only the standard library.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PROBE = """
import json, os, platform, sys
path = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
print(json.dumps([path, sys.version_info[:3], [sys.platform, platform.machine(), platform.libc_ver()]]))
"""


@dataclasses.dataclass(frozen=True)
class Machine:
    """The properties that decide whether a wheel can be installed.

    Attributes:
      system: `sys.platform`.
      processor: `platform.machine()`.
      glibc: the version of glibc; None for another C library.
    """

    system: str
    processor: str
    glibc: tuple[int, ...] | None = None

    @classmethod
    def read(cls, system: str, processor: str, libc: Iterable[str]) -> Machine:
        """Builds a machine from `sys.platform`, `platform.machine()` and `platform.libc_ver()`."""
        name, version = libc
        return cls(system, processor, tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else None)

    def __str__(self) -> str:
        """Returns text such as "linux x86_64, glibc 2.36"."""
        libc = f"glibc {join_numbers(self.glibc)}" if self.glibc else "no glibc"
        return f"{self.system} {self.processor}" + (f", {libc}" if self.system == "linux" else "")


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """A working Python."""

    path: str
    version: tuple[int, ...]
    machine: Machine

    def __str__(self) -> str:
        """Returns text such as "Python 3.10.13 (/usr/bin/python3.10)"."""
        return f"Python {join_numbers(self.version)} ({self.path})"


@dataclasses.dataclass(frozen=True)
class Stack:
    """A TFX release with the Python versions it is locked for.

    Attributes:
      name: the name of the release.
      pythons: major and minor versions; the first is downloaded if none is installed.
      glibc: the oldest glibc that its wheels support.
      mac: the processor of the Macs that it has wheels for.
    """

    name: str
    pythons: tuple[tuple[int, int], ...]
    glibc: tuple[int, int]
    mac: str

    def has_wheels_for(self, machine: Machine) -> bool:
        """Returns whether every package of the stack can be installed on the machine."""
        if machine.system == "darwin":
            return machine.processor == self.mac
        return (
            machine.system == "linux"
            and machine.processor == "x86_64"
            and machine.glibc is not None
            and machine.glibc >= self.glibc
        )

    def fits(self, interpreter: Interpreter) -> bool:
        """Returns whether the interpreter can run the stack."""
        return interpreter.version[:2] in self.pythons and self.has_wheels_for(interpreter.machine)

    def __str__(self) -> str:
        """Returns text such as "TFX 1.16 (Python 3.10)"."""
        return f"{self.name} (Python {' or '.join(map(join_numbers, self.pythons))})"


# Newest first. The oldest glibc comes from the wheels in uv.lock: ML Metadata's for 1.21, Pillow's and optree's for
# 1.16.
STACKS = (
    Stack("TFX 1.21", ((3, 11), (3, 12)), (2, 39), "arm64"),
    Stack("TFX 1.16", ((3, 10),), (2, 27), "x86_64"),
)


def stacks_for(machine: Machine) -> list[Stack]:
    """Returns the stacks that have wheels for the machine, newest first."""
    return [stack for stack in STACKS if stack.has_wheels_for(machine)]


def choose(machine: Machine, interpreters: Iterable[Interpreter]) -> tuple[Stack, Interpreter] | None:
    """Returns the newest stack that fits and its first interpreter; stops at the newest stack of the machine."""
    newer = stacks_for(machine)
    choice = None
    for interpreter in interpreters:
        stack = next((stack for stack in newer if stack.fits(interpreter)), None)
        if stack:
            choice, newer = (stack, interpreter), newer[: newer.index(stack)]
        if not newer:
            break
    return choice


def candidates(running: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yields paths that may be a Python: the running one, pyenv's by path (newest first), then those on PATH."""
    yield running
    pyenv = Path(environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    for folder in sorted(pyenv.glob("versions/3.1[012].*"), key=_numbers, reverse=True):
        yield str(folder / "bin" / "python")
    for name in ("python3.12", "python3.11", "python3.10", "python3"):
        for search_path in environ.get("PATH", "").split(os.pathsep):
            path = os.path.join(search_path, name)
            if os.access(path, os.X_OK):
                yield path


def probe(path: str) -> Interpreter | None:
    """Runs a candidate; returns None if it does not work.

    For the Python of a virtual environment, returns the Python that the environment was created from.
    """
    try:
        answer = subprocess.run([path, "-I", "-c", PROBE], capture_output=True, text=True, timeout=30)
        real_path, version, machine = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Interpreter(real_path, tuple(version), Machine.read(*machine))


def working(paths: Iterable[str], found: list[Interpreter]) -> Iterator[Interpreter]:
    """Yields the distinct interpreters behind the paths; also appends them to `found`, for the error message."""
    for path in paths:
        interpreter = probe(path)
        if interpreter and interpreter not in found:
            found.append(interpreter)
            yield interpreter


def no_fit(machine: Machine, found: Iterable[Interpreter], download: str = "") -> str:
    """Returns the error message for a machine that no stack fits, or that has no Python for it."""
    lines = [
        "no stack fits.",
        f"  This machine: {machine}.",
        f"  Pythons found: {', '.join(map(str, found)) or 'none that runs'}.",
    ]
    for stack in STACKS:
        needs = f"needs linux x86_64 with glibc {join_numbers(stack.glibc)} or newer, or macOS {stack.mac}."
        lines.append(
            f"  {stack}: " + ("would fit this machine, but has no Python." if stack.has_wheels_for(machine) else needs)
        )
    versions = [join_numbers(stack.pythons[0]) for stack in stacks_for(machine)]
    if versions:
        lines.append(
            f"  What to do: install Python {' or '.join(versions)} (for example: pyenv install {versions[0]}) and call again.{download}"
        )
    else:
        lines.append(
            "  What to do: use Ubuntu 24.04, Debian 13 or newer on x86_64 (on Windows: WSL 2), or the container image: make image."
        )
    return "\n".join(lines)


def join_numbers(version: Iterable[int]) -> str:
    """Returns a version such as "3.10"."""
    return ".".join(map(str, version))


def _numbers(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path.name)]
