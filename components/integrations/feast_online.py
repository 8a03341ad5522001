"""Applies a repository and fills its online store, and counts what came out at the other end.

Feast's historical join returns one row for repeated (entity, time) pairs: rows can get lost on the way without a word.
So nothing is believed here that was not counted: as many keys must be readable online as the offline table has rows.
"""

import contextlib
import datetime as dt
import io
import runpy
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from components.integrations import feast_repository
from components.integrations.feast_repository import FEATURES, KEYS, YAML, FeatureStoreError
from components.integrations.sink import library
from components.registry.item_vectors import VectorsError

BEGINNING = dt.datetime(1970, 1, 2, tzinfo=dt.timezone.utc)
READ_AT_ONCE, READ_AT_MOST, SEED = 1_000, 20_000, 7


def feast() -> Any:
    """The library.

    Raises:
      FeatureStoreError: if it is not installed.
    """
    try:
        return library("feast", "feast")
    except VectorsError as error:
        raise FeatureStoreError(f"{error} Feast needs Python 3.11 or newer.") from error


def opened(folder: Path) -> Any:
    """The `feast.FeatureStore` of a repository.

    Raises:
      FeatureStoreError: if there is none in the folder.
    """
    library = feast()
    if not (folder / YAML).is_file():
        raise FeatureStoreError(
            f"a feature store needs {folder / YAML}, which is not there. Make it: python -m pipeline feast."
        )
    return library.FeatureStore(repo_path=str(folder))


@contextlib.contextmanager
def errors_told(folder: Path) -> Iterator[None]:
    """What Feast or its SQLite store refuses, in one message."""
    try:
        yield
    except (feast().errors.FeastError, sqlite3.Error, ValueError) as error:  # that a fill is running is a ValueError
        raise FeatureStoreError(
            f"the feature store in {folder} does not answer: {type(error).__name__}: {error} If a fill is running, wait for its end; "
            "else fill it again: python -m pipeline feast."
        ) from error


def materialize(folder: Path, launch: str) -> Iterator[str]:
    """Applies features.py, brings all rows to the online store, and compares the counts; says what it did, line by line.

    Raises:
      FeatureStoreError: if the online store does not hold a key of an offline table.
    """
    store, library = opened(folder), feast()
    made = runpy.run_path(str(folder / FEATURES))
    with errors_told(folder), contextlib.redirect_stdout(io.StringIO()):
        store.apply([each for each in made.values() if isinstance(each, library.Entity | library.FeatureView)])
        # The log's clock may be ahead of ours: a day more loses nothing.
        store.materialize(BEGINNING, dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1))
    for name in KEYS:
        yield _counted(store, folder, launch, name)


def _counted(store: Any, folder: Path, launch: str, name: str) -> str:
    keys = feast_repository.read_keys(folder, name)
    if len(set(keys)) != len(keys):
        raise FeatureStoreError(
            f"{name}.parquet needs one row per {KEYS[name]}, it has {len(keys) - len(set(keys)):,} repeated ones."
        )
    asked = keys
    if len(keys) > READ_AT_MOST:
        asked = [keys[row] for row in np.random.default_rng(SEED).choice(len(keys), READ_AT_MOST, replace=False)]
    view = feast_repository.view_name(launch, name)
    feature = f"{view}:{store.get_feature_view(view).features[0].name}"
    lost = [
        key
        for start in range(0, len(asked), READ_AT_ONCE)
        for key in _lost(store, feature, KEYS[name], asked[start : start + READ_AT_ONCE])
    ]
    if lost:
        raise FeatureStoreError(
            f"the online store needs a row for each of the {len(keys):,} rows of {name}.parquet, it lacks {len(lost):,} of {len(asked):,} asked, "
            f"first {lost[0]!r}. Run the same command again; if it stays so, look at the online store in {YAML}."
        )
    return f"{view}: {len(keys):,} rows offline, {len(asked):,} read back online, none missing"


def _lost(store: Any, feature: str, key: str, asked: list[str]) -> list[str]:
    values = store.get_online_features(features=[feature], entity_rows=[{key: each} for each in asked]).to_dict()[
        feature.partition(":")[2]
    ]
    if len(values) != len(asked):
        raise FeatureStoreError(f"Feast answered {len(values):,} rows for {len(asked):,} keys.")
    return [each for each, value in zip(asked, values, strict=True) if value is None]
