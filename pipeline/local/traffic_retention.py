"""Removes traffic files that are older than their retention and that a pushed version has already learnt from."""

import time
from collections.abc import Iterable
from pathlib import Path

from components.registry import versions
from pipeline.local.erasure import is_traffic
from pipeline.local.file_walk import walk

_DAY = 86_400


def find_old(folders: Iterable[Path], days: float, serving: Path) -> list[Path]:
    """Returns the files that a server closed more than `days` days ago, and before the newest version was pushed.

    Args:
      folders: with traffic files, searched with all below them.
      days: how long they stay.
      serving: the folder of the versions; without one nothing was learnt, and nothing is old.
    """
    served = versions.find_served(serving)
    # A version's number is the second of its push.
    before = min(time.time() - days * _DAY, served.number if served else 0)
    files = dict.fromkeys(path for folder in folders for path in walk(folder) if is_traffic(path))
    return [path for path in files if path.is_file() and path.stat().st_mtime < before]
