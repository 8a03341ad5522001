"""Feast repositories of a small launch, on any online store, filled from the columns of a log."""

import datetime as dt

import numpy as np
import yaml
from small_server import LAUNCH

from components.integrations import feast_histories, feast_online, feast_repository, offline_tables
from components.integrations.feast_repository import ITEMS, USER_HISTORY, YAML

MINUTE = 60_000_000
NOON = int(dt.datetime(2026, 1, 2, 12, tzinfo=dt.timezone.utc).timestamp()) * 1_000_000


def clicks(rows):
    """Returns the columns of clicks given as (user, item, minutes after noon)."""
    user, item, time = zip(*rows, strict=True)
    text = {"user": user, "item": item, "event": ["click"] * len(rows)}
    columns = {
        name: np.array([*(value.encode() for value in column), None], object)[:-1] for name, column in text.items()
    }
    return columns | {"time": NOON + np.array(time, np.int64) * MINUTE}


def fill(home, columns, online_store=None, launch=LAUNCH):
    """Writes and fills a repository, on SQLite unless another online store is given; returns its report."""
    folder = home / feast_histories.FOLDER
    tables = {
        USER_HISTORY: offline_tables.user_history(launch, columns, 200),
        ITEMS: offline_tables.items(launch, columns, {}),
    }
    feast_repository.write(folder, launch.name, tables)
    if online_store:
        settings = yaml.safe_load((folder / YAML).read_text())
        (folder / YAML).write_text(yaml.safe_dump(settings | {"online_store": online_store}))
    return list(feast_online.materialize(folder, launch.name))
