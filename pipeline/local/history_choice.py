"""`serve --history`: the store that the server looks histories up in, by a short name or as MODULE:FUNCTION."""

import functools
import importlib
from collections.abc import Callable
from pathlib import Path

from components.declaration import Launch
from components.errors import SettingsError
from components.serving.guarded_history import DEADLINE, Breaker, GuardedHistories
from components.serving.history_store import HistoryStore

MEMORY = "memory"
# Short name to MODULE:FUNCTION; a function takes the declaration and the folder of the launch's runs, and makes a
# store.
NAMED = {
    MEMORY: "components.serving.history_store:in_memory",
    "feast": "components.integrations.feast_histories:from_repository",
}
_NEEDED = f"one of {', '.join(NAMED)}, or MODULE:FUNCTION of your own"


def make(choice: str, launch: Launch, home: Path, deadline: float = DEADLINE) -> HistoryStore:
    """Returns the chosen store; one that is not in memory behind a deadline and a circuit breaker.

    Args:
      choice: a short name, or MODULE:FUNCTION.
      launch: the declaration.
      home: the folder of the launch's runs.
      deadline: seconds that an answer of the store may take.

    Raises:
      SettingsError: if there is none of that name.
    """
    open_store = functools.partial(_function(choice), launch, home)
    return open_store() if choice == MEMORY else GuardedHistories(open_store, Breaker(deadline=deadline))


def _function(choice: str) -> Callable[[Launch, Path], HistoryStore]:
    module, colon, name = NAMED.get(choice, choice).partition(":")
    if not colon:
        raise SettingsError("--history", choice, _NEEDED)
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError("--history", choice, _NEEDED, f"{type(error).__name__}: {error}.") from error
    if not callable(function):
        raise SettingsError("--history", choice, _NEEDED, f"{name} is no function.")
    return function
