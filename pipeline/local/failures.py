"""Reduces an exception inside a step to one message for people.

An error of ours (`DayoneError`) is its own message. Beam passes some of them on as text only: a DoFn's exception
arrives as a RuntimeError that quotes it, so the text is searched too. Anything else is a bug, named by type and last
line; the traceback is in the log.
"""

import re
from collections.abc import Iterator
from typing import Any

from components.errors import DayoneError
from pipeline import packages

# The line that Python prints for an error of ours, up to Beam's " [while running 'step']" or the end of the quotation.
_QUOTED = re.compile(
    r"components\.errors\.\w+Error: (?P<message>.*?)(?= \[while running |\n\n|\nTraceback |\Z)", re.DOTALL
)


def explain(error: BaseException, step: str) -> dict[str, Any]:
    """Returns the fields of the `failure` event for an error in a step ("" if it is in none)."""
    missing = packages.explain_missing(error) if isinstance(error, ModuleNotFoundError) and not step else None
    message = find_message(missing or error)
    if message is not None:
        return {"step": step, "expected": True, "message": message}
    lines = str(error).strip().splitlines()
    where = f"step {step}" if step else "the run"
    return {
        "step": step,
        "expected": False,
        "message": f"{where} failed: {type(error).__name__}: {lines[-1].strip() if lines else 'no message'}",
    }


def find_message(error: BaseException) -> str | None:
    """Returns the message of the project's own error that caused this one; None without one."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, DayoneError):
            return str(link)
    for link in chain:
        quoted = _QUOTED.findall(str(link))
        if quoted:
            return quoted[-1].strip()
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields the error and its causes, outermost first; each once, for chains can be circular."""
    visited: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop(0)
        if link is None or id(link) in visited:
            continue
        visited.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__]
