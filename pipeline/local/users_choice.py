"""`serve --users`: the store that the server looks the users' columns up in: the declared table, or a team's own."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, cast

from components.declaration import Launch
from components.errors import SettingsError
from components.serving.guarded_history import DEADLINE, Breaker, GuardedHistories
from pipeline.local import own_functions

if TYPE_CHECKING:
    from components.serving.user_columns import UserStore

TABLE = "table"
_NEEDED = f"{TABLE!r}, or {own_functions.EXAMPLE}"


def make(choice: str, launch: Launch, base: Path, home: Path, deadline: float = DEADLINE) -> "UserStore | None":
    """Returns the chosen store, a team's own behind a deadline and a circuit breaker; None where no table is declared.

    Args:
      choice: "table", or the dotted path of a team's function or class.
      launch: the declaration.
      base: the data folder, where a relative path of the table starts.
      home: the folder of the launch's runs.
      deadline: seconds that an answer of the store may take.

    Raises:
      SettingsError: if there is none of that name, or one is chosen and `log.users` is not declared.
    """
    if launch.log.users is None:
        if choice != TABLE:
            raise SettingsError("--users", choice, "launch.log.users to be declared")
        return None
    if choice == TABLE:
        from components.serving.user_columns import TableUsers  # pyarrow takes a second to import

        return TableUsers(launch.log.users, str(base))
    open_store = functools.partial(own_functions.load("--users", choice, _NEEDED), launch, home)
    breaker = Breaker(deadline=deadline, what="the store of the users' columns")
    return cast("UserStore", GuardedHistories(open_store, breaker))  # it guards whatever `get` answers
