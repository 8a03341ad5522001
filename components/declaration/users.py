"""The part of the declaration that names a table of the users, and its checks."""

import dataclasses

from components.declaration import checks, time_format
from components.declaration.paths import query_of
from components.errors import DeclarationError

LABEL_PREFIX = "label_"
TIME_UNITS = ("s", "ms", "us", "ns", "excel", "iso")


@dataclasses.dataclass(frozen=True)
class Users:
    """A table of the users: columns that each event, and each request, of a user gets as further context.

    An event gets the values of its user's newest row at the event's time. Where the log itself has a value (the server
    logs what it answered with), that one counts.

    Attributes:
      path: as in `Log`.
      user: the id column; its values are those of the log's user column.
      columns: a text or a number per user, known before the event. They join `log.context`: the query tower reads them,
        and the ranking head where `Model.ranking_features` names them.
      time: column of the time from which a row holds, so that a user may have several; None where a user has one row,
        which then counts for all events, also for those before it was written.
      time_unit: as in `Log`.
      time_format: as in `Log`.
      delimiter: as in `Log`.
      max_quarantined: as in `Log`.
    """

    path: str
    user: str
    columns: tuple[str, ...]
    time: str | None = None
    time_unit: str = "s"
    time_format: str | None = None
    delimiter: str = ","
    max_quarantined: float = 0.01


def check_users(users: Users, taken: tuple[str, ...]) -> None:
    """Raises `DeclarationError` for the first field that is wrong.

    Args:
      users: the table.
      taken: the log's columns with another role than context.
    """
    field = "launch.log.users"
    checks.check_not_empty(users, field)
    if query_of(users.path):
        raise DeclarationError(f"{field}.path", users.path, "files", "Export the query's answer to Parquet.")
    if users.time_unit not in TIME_UNITS:
        raise DeclarationError(f"{field}.time_unit", users.time_unit, f"one of {', '.join(TIME_UNITS)}")
    if len(users.delimiter) != 1:
        raise DeclarationError(f"{field}.delimiter", users.delimiter, "one character")
    checks.check_share(f"{field}.max_quarantined", users.max_quarantined)
    if users.time_format is not None:
        problem = time_format.problem_of(users.time_format)
        if problem or users.time_unit != "iso":
            needed = problem or 'time_unit="iso" beside it'
            raise DeclarationError(f"{field}.time_format", users.time_format, needed)
    if not users.columns:
        raise DeclarationError(f"{field}.columns", (), "at least one column", "Set launch.log.users to None for none.")
    for index, name in enumerate(users.columns):
        if name in (users.user, users.time) or users.columns.count(name) > 1:
            needed = "columns besides the user and the time, each once"
            raise DeclarationError(f"{field}.columns[{index}]", name, needed)
        if name in taken:
            fix = "Rename the column in the table."
            raise DeclarationError(f"{field}.columns[{index}]", name, "a name that no other role of the log has", fix)
