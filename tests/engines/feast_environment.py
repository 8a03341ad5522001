"""An environment with Feast on Python 3.11, beside a stack that may be older: without TFX, which Feast does not need."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "feast"
PACKAGES = (
    *("feast[redis,postgres]", "pgserver", "pytest", "hypothesis", "anyio", "fastapi", "httptools", "jinja2"),
    *("prometheus-client", "pydantic", "pyyaml", "rich", "uvicorn", "uvloop"),
)


class MissingError(Exception):
    """What the environment needs is not to be had."""


def make(*more):
    """Returns its Python; the packages, and `more` of them, have the releases of uv.lock.

    Raises:
      MissingError: without uv, a Python 3.11 or the packages.
    """
    constraints = FOLDER.with_suffix(".txt")
    FOLDER.parent.mkdir(exist_ok=True)
    extras = ("--extra", "feast-redis", "--extra", "feast-postgres", "--group", "engines")
    _uv("export", "--quiet", "--frozen", "--no-emit-project", "--no-hashes", *extras, "--output-file", constraints)
    python = FOLDER / "bin" / "python"
    if not python.exists():
        _uv("venv", "--quiet", "--python", "3.11", FOLDER)
    _uv("pip", "install", "--quiet", "--python", python, "--constraint", constraints, *PACKAGES, *more)
    return python


def _uv(*arguments):
    program = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    # The variable of `make test-engines` names another environment.
    environ = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    }
    try:
        done = subprocess.run(
            [program, *map(str, arguments)], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=1_200
        )
    except OSError as error:
        raise MissingError("needs uv: make setup") from error
    if done.returncode:
        raise MissingError(f"uv {arguments[0]}: {done.stderr.strip()[-300:]}")
