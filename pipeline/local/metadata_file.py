"""Checks the file of ML Metadata before TFX opens it: TFX would tell of a damaged one with the text of an SQL query."""

import contextlib
import sqlite3
from pathlib import Path

from components.errors import DayoneError


def check(file: Path) -> None:
    """Raises `DayoneError` if the file is there and no sound database; O(size of the file).

    Args:
      file: of the runs' metadata; nobody writes to it meanwhile.
    """
    if not file.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            problem = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        problem = str(error)
    if problem != "ok":
        raise DayoneError(
            f"{file} has to be the ML Metadata of earlier runs; got: {problem.splitlines()[0]}. Take it from a backup, or "
            f"move it away: mv {file} {file}.damaged. The next run then runs every step again; pushed versions stay."
        )
