"""Makes `.venv` from the lock, with nothing but Python 3.8 or newer and pip: `python3 setup_environment.py`.

It picks the stack and the interpreter (`setup_stacks.py`), fetches uv into `.uv` where it is missing, and lets uv make
the environment. A stamp in `.venv` makes the next call return at once; an environment without a valid stamp was
interrupted or made elsewhere, and is made anew.
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

from setup_stacks import Interpreter, Machine, Stack, candidates, choose, dotted, no_fit, stacks_for, working

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
        "The package index was not reached: see HTTPS_PROXY and SSL_CERT_FILE, and call again.",
    ),
)


class SetupError(Exception):
    """Something a person has to settle; shown without a traceback."""


@dataclasses.dataclass(frozen=True)
class Workshop:
    """Makes the environment of a project folder; what pip and uv print goes to a log instead of the screen."""

    root: Path
    say: Callable[[str], None]

    @property
    def log(self) -> Path:
        """What pip and uv print."""
        return self.root / ".setup.log"

    def make(self, machine: Machine) -> None:
        """Makes the environment, or brings it up to date."""
        stack, interpreter = self.pick(machine)
        self.say(f"{stack.name} on {interpreter}; {machine}")
        uv, venv = self.uv(), self.root / ".venv"
        if read_stamp(self.root).get("place") != place(self.root, machine):
            shutil.rmtree(venv, ignore_errors=True)
        (venv / "setup.json").unlink(missing_ok=True)
        anew = "installing what uv.lock names into .venv: about 250 packages, 3 GB; one to five minutes, once"
        self.say("bringing .venv to what uv.lock names now" if venv.exists() else anew)
        started = time.monotonic()
        if not self.run(uv, "sync", "--frozen", "--python", interpreter.path):
            raise self.failure("the environment could not be made")
        write_stamp(self.root, machine, stack)
        self.say(f"ready after {time.monotonic() - started:.0f} s")

    def pick(self, machine: Machine) -> tuple[Stack, Interpreter]:
        """The stack and the interpreter to use; where there is none, uv downloads one."""
        found: list[Interpreter] = []
        chosen = choose(machine, working(candidates(sys.executable, os.environ), found))
        if not chosen:
            chosen = choose(machine, working(self.download(stacks_for(machine)[0]), found))
        if not chosen:
            raise SetupError(no_fit(machine, found, f" (uv could not download one: {self.log})"))
        return chosen

    def download(self, stack: Stack) -> list[str]:
        """Lets uv download a Python for the stack; its path, or nothing if that failed."""
        wanted, uv = dotted(stack.pythons[0]), self.uv()
        self.say(f"no Python fits; downloading Python {wanted} with uv")
        self.run(uv, "python", "install", wanted)
        answer = subprocess.run(
            [uv, "python", "find", "--managed-python", wanted], capture_output=True, text=True, cwd=self.root
        )
        return answer.stdout.split("\n")[:1] if answer.returncode == 0 else []

    def uv(self) -> str:
        """A uv that is new enough: the one on PATH, or one of our own in `.uv`."""
        private = self.root / ".uv"
        for path in (shutil.which("uv"), str(private / "bin" / "uv")):
            if path and uv_version(path) >= OLDEST_UV:
                return path
        self.say("fetching uv into .uv")
        if not (self.pip_into(private) or self.venv_into(private)):
            raise self.failure("uv could not be fetched; install pip for this Python, or uv, and call again")
        return str(private / "bin" / "uv")

    def pip_into(self, folder: Path) -> bool:
        """Installs uv into a plain folder, which is allowed where Debian calls its Python managed, and needs no ensurepip."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.run(sys.executable, "-m", "pip", "install", "--target", str(folder), UV)

    def venv_into(self, folder: Path) -> bool:
        """Installs uv into an environment of its own: the way for a Python that has ensurepip but no pip."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.run(sys.executable, "-m", "venv", str(folder)) and self.run(
            str(folder / "bin" / "pip"), "install", UV
        )

    def run(self, *command: str) -> bool:
        """Runs a command; returns whether it succeeded. On a terminal the seconds are shown."""
        started = time.monotonic()
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
                        print(f"  {time.monotonic() - started:.0f} s", end="\r", flush=True)
        return process.returncode == 0

    def environment(self) -> dict[str, str]:
        """The environment of pip and uv, without what would make them install elsewhere."""
        dropped = ("VIRTUAL_ENV", "UV_PYTHON", "UV_NO_SYNC", "PIP_TARGET", "PIP_PREFIX")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        settings = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return {**kept, **settings, "UV_PROJECT_ENVIRONMENT": str(self.root / ".venv")}

    def failure(self, what: str) -> SetupError:
        """An error with the log's last lines, and with a hint where they say what is missing."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-12:]
        hint = next((hint for pattern, hint in HINTS if re.search(pattern, "\n".join(lines))), "")
        return SetupError(
            "\n".join(
                [
                    f"{what}.",
                    *(f"  | {line}" for line in lines),
                    *([f"  {hint}"] if hint else []),
                    f"  All of it: {self.log}",
                ]
            )
        )


def place(root: Path, machine: Machine) -> str:
    """Where an environment works: it cannot be moved, and wheels differ from machine to machine."""
    return f"{root} on {machine}"


def digest(root: Path) -> str:
    """A digest of the files that an environment is made from."""
    return hashlib.sha256(b"\0".join((root / name).read_bytes() for name in INPUTS)).hexdigest()


def write_stamp(root: Path, machine: Machine, stack: Stack) -> None:
    """Says that the environment is complete, and what it was made from."""
    stamp = {"place": place(root, machine), "inputs": digest(root), "stack": str(stack)}
    (root / ".venv" / "setup.json").write_text(json.dumps(stamp))


def read_stamp(root: Path) -> dict[str, str]:
    """What the environment was made from; empty if it is not there, not complete, or its interpreter is gone."""
    try:
        stamp: dict[str, str] = json.loads((root / ".venv" / "setup.json").read_text())
    except (OSError, ValueError):
        return {}
    return stamp if (root / ".venv" / "bin" / "python").exists() else {}


def is_current(root: Path, machine: Machine) -> bool:
    """Whether there is nothing to do."""
    stamp = read_stamp(root)
    return (stamp.get("place"), stamp.get("inputs")) == (place(root, machine), digest(root))


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Waits until no other set-up of this project runs."""
    import fcntl  # not on Windows, where no stack fits and nobody gets here

    with (root / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(root: Path, say: Callable[[str], None]) -> None:
    """Makes sure that `.venv` is what the lock says.

    Raises:
      SetupError: where no stack fits, or pip or uv failed.
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
    """The version of a uv, by running it; empty if it does not run."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"uv (\d+)\.(\d+)", answer)
    return tuple(int(part) for part in match.groups()) if match else ()


def main() -> int:
    """Sets up, in a few calm lines; 1 if a person has to settle something."""
    try:
        set_up(ROOT, lambda text: print(f"setup: {text}", flush=True))
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: stopped; the next call takes it from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
