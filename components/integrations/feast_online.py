"""Applies a Feast repository, fills its online store, and verifies the row counts.

Feast's historical join returns one row for repeated (entity, time) pairs, so rows can be lost without an error. Hence
the check: every key of an offline table must be readable online.
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
# The packages of the clients of online stores.
_CLIENTS = ("redis", "psycopg", "psycopg_pool", "sqlalchemy", "grpc", "botocore", "google")
READ_AT_ONCE, READ_AT_MOST, SEED = 1_000, 20_000, 7


def feast() -> Any:
    """Imports Feast.

    Raises:
      FeatureStoreError: if it is not installed.
    """
    try:
        return library("feast", "feast")
    except VectorsError as error:
        raise FeatureStoreError(f"{error} Feast needs Python 3.11 or newer.") from error


def open_store(folder: Path) -> Any:
    """Opens the `feast.FeatureStore` of a repository.

    Raises:
      FeatureStoreError: if the folder holds no repository.
    """
    library = feast()
    if not (folder / YAML).is_file():
        raise FeatureStoreError(
            f"a feature store needs {folder / YAML}, which does not exist. Create it: python -m pipeline feast."
        )
    return library.FeatureStore(repo_path=str(folder))


@contextlib.contextmanager
def convert_errors(folder: Path) -> Iterator[None]:
    """Converts what Feast or the client of its online store refuses to one message.

    Raises:
      FeatureStoreError: instead of the clients' own errors, of which each client has another family.
    """
    try:
        yield
    except Exception as error:
        from_feast = isinstance(error, feast().errors.FeastError | sqlite3.Error | ValueError | OSError)
        # That a fill is running is a ValueError; a server that is gone, an OSError or an error of its client's own.
        if not from_feast and type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        raise FeatureStoreError(
            f"the feature store in {folder} does not answer: {type(error).__name__}: {error} If a fill is running, wait for its end; "
            "else fill it again: python -m pipeline feast."
        ) from error


def materialize(folder: Path, launch: str) -> Iterator[str]:
    """Applies features.py, copies all rows to the online store, and verifies the counts; yields a line per table.

    Raises:
      FeatureStoreError: if the online store does not hold a key of an offline table.
    """
    store, library = open_store(folder), feast()
    definitions = runpy.run_path(str(folder / FEATURES)).values()
    with convert_errors(folder), contextlib.redirect_stdout(io.StringIO()):
        store.apply([value for value in definitions if isinstance(value, library.Entity | library.FeatureView)])
        # The log's clock may be ahead of ours: one day more covers that.
        store.materialize(BEGINNING, dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1))
    for name in KEYS:
        yield _verify(store, folder, launch, name)


def _verify(store: Any, folder: Path, launch: str, name: str) -> str:
    keys = feast_repository.read_keys(folder, name)
    if len(set(keys)) != len(keys):
        raise FeatureStoreError(
            f"{name}.parquet needs one row per {KEYS[name]}, got {len(keys) - len(set(keys)):,} duplicates."
        )
    sample = keys
    if len(keys) > READ_AT_MOST:
        sample = [keys[row] for row in np.random.default_rng(SEED).choice(len(keys), READ_AT_MOST, replace=False)]
    view = feast_repository.view_name(launch, name)
    feature = f"{view}:{store.get_feature_view(view).features[0].name}"
    missing = [
        key
        for start in range(0, len(sample), READ_AT_ONCE)
        for key in _missing_keys(store, feature, KEYS[name], sample[start : start + READ_AT_ONCE])
    ]
    if missing:
        raise FeatureStoreError(
            f"the online store needs a row for each of the {len(keys):,} rows of {name}.parquet, "
            f"it lacks {len(missing):,} of {len(sample):,} checked, first {missing[0]!r}. "
            f"Run the same command again; if that does not help, check the online store in {YAML}."
        )
    return f"{view}: {len(keys):,} rows offline, {len(sample):,} read back online, none missing"


def _missing_keys(store: Any, feature: str, column: str, keys: list[str]) -> list[str]:
    answer = store.get_online_features(features=[feature], entity_rows=[{column: key} for key in keys])
    values = answer.to_dict()[feature.partition(":")[2]]
    if len(values) != len(keys):
        raise FeatureStoreError(f"Feast answered {len(values):,} rows for {len(keys):,} keys.")
    return [key for key, value in zip(keys, values, strict=True) if value is None]
