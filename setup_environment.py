"""Creates `.venv` from the lock; needs only Python 3.8 or newer and pip: `python3 setup_environment.py`.

It chooses the stack and the interpreter (`setup_stacks.py`), installs uv into `.uv` if it is missing, and lets uv
create the environment. With a valid stamp in `.venv` the next call returns at once. An environment without one was
interrupted or created elsewhere, and is created again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from setup_stacks import Interpreter, Machine, Stack, candidates, choose, join_numbers, no_fit, stacks_for, working

ROOT = Path(__file__).resolve().parent
INPUTS = ("uv.lock", "pyproject.toml", "setup.py", "setup_environment.py", "setup_stacks.py")
UV = "uv>=0.9,<1"
OLDEST_UV = (0, 9)
HINTS = (
    (r"Python\.h", "A package is built from source and needs the headers of this Python: apt-get install python3-dev."),
    (
        r"g\+\+|c\+\+|cc1plus|gcc|clang",
        "A package (pyfarmhash) is built from source: apt-get install g++ (macOS: xcode-select --install).",
    ),
    (r"No space left", "The environment takes about 3 GB, and uv's cache (UV_CACHE_DIR) as much again."),
    (
        r"dns error|[Cc]onnect|timed out|certificate",
        "The package index could not be reached. Check HTTPS_PROXY and SSL_CERT_FILE, and run this again.",
    ),
)


class SetupError(Exception):
    """A problem that the user has to solve; shown without a traceback."""


@dataclasses.dataclass(frozen=True)
class Workshop:
    """Creates the environment of a project folder; the output of pip and uv goes to a log file."""

    root: Path
    say: Callable[[str], None]

    @property
    def log(self) -> Path:
        """The file with the output of pip and uv."""
        return self.root / ".setup.log"

    def make(self, machine: Machine) -> None:
        """Creates the environment, or updates it."""
        stack, interpreter = self.pick(machine)
        self.say(f"{stack.name} on {interpreter}; {machine}")
        uv, venv = self.uv(), self.root / ".venv"
        if read_stamp(self.root).get("place") != place(self.root, machine):
            shutil.rmtree(venv, ignore_errors=True)
        (venv / "setup.json").unlink(missing_ok=True)
        first = "installing the packages of uv.lock into .venv: about 250 packages, 3 GB; one to five minutes, once"
        self.say("updating .venv to the current uv.lock" if venv.exists() else first)
        start = time.monotonic()
        if not self.run(uv, "sync", "--frozen", "--compile-bytecode", "--python", interpreter.path):
            raise self.failure("the environment could not be created")
        write_stamp(self.root, machine, stack)
        self.say(f"ready after {time.monotonic() - start:.0f} s")

    def pick(self, machine: Machine) -> tuple[Stack, Interpreter]:
        """Chooses the stack and the interpreter; lets uv download one if no installed interpreter fits."""
        interpreters: list[Interpreter] = []
        choice = choose(machine, working(candidates(sys.executable, os.environ), interpreters))
        if not choice:
            choice = choose(machine, working(self.download(stacks_for(machine)[0]), interpreters))
        if not choice:
            raise SetupError(no_fit(machine, interpreters, f" (uv could not download one: {self.log})"))
        return choice

    def download(self, stack: Stack) -> list[str]:
        """Lets uv download a Python for the stack; returns its path, or nothing if that failed."""
        version, uv = join_numbers(stack.pythons[0]), self.uv()
        self.say(f"no installed Python fits; downloading Python {version} with uv")
        self.run(uv, "python", "install", version)
        answer = subprocess.run(
            [uv, "python", "find", "--managed-python", version], capture_output=True, text=True, cwd=self.root
        )
        return answer.stdout.split("\n")[:1] if answer.returncode == 0 else []

    def uv(self) -> str:
        """Returns the path of a recent uv: the one on PATH, or else one installed into `.uv`."""
        private = self.root / ".uv"
        for path in (shutil.which("uv"), str(private / "bin" / "uv")):
            if path and uv_version(path) >= OLDEST_UV:
                return path
        self.say("installing uv into .uv")
        if not (self.pip_into(private) or self.venv_into(private)):
            raise self.failure("uv could not be installed; install pip for this Python, or uv, and run this again")
        return str(private / "bin" / "uv")

    def pip_into(self, folder: Path) -> bool:
        """Installs uv into a plain folder, which also works with an externally managed Python or without ensurepip."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.run(sys.executable, "-m", "pip", "install", "--target", str(folder), UV)

    def venv_into(self, folder: Path) -> bool:
        """Installs uv into a new environment, for a Python that has ensurepip but no pip."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.run(sys.executable, "-m", "venv", str(folder)) and self.run(
            str(folder / "bin" / "pip"), "install", UV
        )

    def run(self, *command: str) -> bool:
        """Runs a command, showing the elapsed seconds on a terminal; returns whether it succeeded."""
        start = time.monotonic()
        with self.log.open("ab") as sink:
            sink.write(f"$ {' '.join(command)}\n".encode())
            sink.flush()
            with subprocess.Popen(
                command, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, cwd=self.root, env=self.environment()
            ) as process:
                while process.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=0.5)
                    if sys.stdout.isatty():
                        print(f"  {time.monotonic() - start:.0f} s", end="\r", flush=True)
        return process.returncode == 0

    def environment(self) -> dict[str, str]:
        """Returns the environment variables of pip and uv, without those that would change where they install."""
        dropped = ("VIRTUAL_ENV", "UV_PYTHON", "UV_NO_SYNC", "PIP_TARGET", "PIP_PREFIX")
        inherited = {name: value for name, value in os.environ.items() if name not in dropped}
        settings = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return {**inherited, **settings, "UV_PROJECT_ENVIRONMENT": str(self.root / ".venv")}

    def failure(self, what: str) -> SetupError:
        """Returns an error with the last lines of the log, and a hint if they match a known problem."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-12:]
        hint = next((hint for pattern, hint in HINTS if re.search(pattern, "\n".join(lines))), "")
        return SetupError(
            "\n".join(
                [
                    f"{what}.",
                    *(f"  | {line}" for line in lines),
                    *([f"  {hint}"] if hint else []),
                    f"  Full log: {self.log}",
                ]
            )
        )


def place(root: Path, machine: Machine) -> str:
    """Returns where an environment is valid: it cannot be moved, and wheels differ between machines."""
    return f"{root} on {machine}"


def digest(root: Path) -> str:
    """Returns the digest of the files that define an environment."""
    return hashlib.sha256(b"\0".join((root / name).read_bytes() for name in INPUTS)).hexdigest()


def write_stamp(root: Path, machine: Machine, stack: Stack) -> None:
    """Marks the environment as complete, with the inputs it was created from."""
    stamp = {"place": place(root, machine), "inputs": digest(root), "stack": str(stack)}
    (root / ".venv" / "setup.json").write_text(json.dumps(stamp))


def read_stamp(root: Path) -> dict[str, str]:
    """Reads the stamp; returns an empty one if the environment is missing or incomplete, or its interpreter is gone."""
    try:
        stamp: dict[str, str] = json.loads((root / ".venv" / "setup.json").read_text())
    except (OSError, ValueError):
        return {}
    return stamp if (root / ".venv" / "bin" / "python").exists() else {}


def is_current(root: Path, machine: Machine) -> bool:
    """Returns whether the environment is valid here and up to date."""
    stamp = read_stamp(root)
    return (stamp.get("place"), stamp.get("inputs")) == (place(root, machine), digest(root))


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Waits until no other set-up of this project runs, and excludes others."""
    import fcntl  # missing on Windows, where no stack fits and this is never called

    with (root / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(root: Path, say: Callable[[str], None]) -> None:
    """Creates or updates `.venv` unless it matches the lock.

    Raises:
      SetupError: if no stack fits, or pip or uv failed.
    """
    machine = Machine.read(sys.platform, platform.machine(), platform.libc_ver())
    if not stacks_for(machine):
        raise SetupError(no_fit(machine, working([sys.executable], [])))
    with alone(root):
        if is_current(root, machine):
            say(f".venv is up to date: {read_stamp(root)['stack']}")
        else:
            (root / ".setup.log").unlink(missing_ok=True)
            Workshop(root, say).make(machine)


def uv_version(path: str) -> tuple[int, ...]:
    """Runs uv to return its version; empty if it does not run."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"uv (\d+)\.(\d+)", answer)
    return tuple(int(part) for part in match.groups()) if match else ()


def main() -> int:
    """Sets up the environment; returns the exit status, 1 for a problem that the user has to solve."""
    try:
        set_up(ROOT, lambda text: print(f"setup: {text}", flush=True))
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: stopped; the next call continues", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
