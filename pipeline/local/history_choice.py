"""`serve --history`: the store that the server looks histories up in, by a short name or by dotted path."""

import functools
from pathlib import Path

from components.declaration import Launch
from components.serving.guarded_history import DEADLINE, Breaker, GuardedHistories
from components.serving.history_store import HistoryStore
from pipeline.local import own_functions

MEMORY = "memory"
# Short name to dotted path; a function takes the declaration and the folder of the launch's runs, and makes a store.
NAMED = {
    MEMORY: "components.serving.history_store.in_memory",
    "feast": "components.integrations.feast_histories.from_repository",
}
_NEEDED = f"one of {', '.join(NAMED)}, or {own_functions.EXAMPLE}"


def make(choice: str, launch: Launch, home: Path, deadline: float = DEADLINE) -> HistoryStore:
    """Returns the chosen store; one that is not in memory behind a deadline and a circuit breaker.

    Args:
      choice: a short name, or the dotted path of a team's function or class.
      launch: the declaration.
      home: the folder of the launch's runs.
      deadline: seconds that an answer of the store may take.

    Raises:
      SettingsError: if there is none of that name.
    """
    open_store = functools.partial(own_functions.load("--history", NAMED.get(choice, choice), _NEEDED), launch, home)
    return open_store() if choice == MEMORY else GuardedHistories(open_store, Breaker(deadline=deadline))
