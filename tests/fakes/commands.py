"""The command line as a person meets it: what a command prints, and its exit status."""

import contextlib
import io
import os
import resource
import subprocess
import sys
from pathlib import Path
from unittest import mock

from pipeline.cli import main

ROOT = Path(__file__).resolve().parents[2]
MOST_CPU_SECONDS = 0.5


def clean_environment(**environ):
    return {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")} | environ


def pipeline(*arguments, **environ):
    """Runs a command in this process, which costs a hundredth of a new one."""
    printed, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, clean_environment(**environ), clear=True),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(errors),
    ):
        try:
            status = main.main(arguments)
        except SystemExit as ended:
            status = ended.code
    return subprocess.CompletedProcess(arguments, status, printed.getvalue(), errors.getvalue())


def pipeline_process(*arguments, cwd=ROOT, **environ):
    """Runs `python -m pipeline` in a process of its own; the result also holds the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pipeline", *arguments]
    answer = subprocess.run(command, cwd=cwd, env=clean_environment(**environ), capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answer


def one_message(answer, status=1):
    """The message of a failed command, after checking that it is all that was said."""
    assert answer.returncode == status, answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""
    return answer.stderr
