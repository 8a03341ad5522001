"""Writes a Feast repository for a launch.

feature_store.yaml   registry and stores; written once, then yours (use another online store than SQLite in production)
features.py          entities and feature views, rewritten from the declaration every time
data/*.parquet       the offline tables; the registry and SQLite's file are in the same folder
"""

import os
from pathlib import Path

import pyarrow as pa

from components.errors import DayoneError
from components.integrations.offline_tables import USER
from components.registry.item_vectors import EVENT_TIMESTAMP, ITEM
from components.safe_parquet import parquet as pq

YAML, FEATURES, DATA = "feature_store.yaml", "features.py", "data"
USER_HISTORY, ITEMS = "user_history", "items"
KEYS = {USER_HISTORY: USER, ITEMS: ITEM}


class FeatureStoreError(DayoneError):
    """The feature store does not exist, or lacks rows."""


def view_name(launch: str, table: str) -> str:
    """Returns the name of a table's feature view, such as "shop_user_history"."""
    return f"{launch}_{table}"


def write(folder: Path, launch: str, tables: dict[str, pa.Table]) -> None:
    """Writes the repository; an existing feature_store.yaml is kept.

    Args:
      folder: the repository's folder.
      launch: the launch's name.
      tables: `USER_HISTORY` and `ITEMS`, see `offline_tables`.
    """
    (folder / DATA).mkdir(parents=True, exist_ok=True)
    if not (folder / YAML).exists():
        (folder / YAML).write_text(settings_text(launch), encoding="utf-8")
    (folder / FEATURES).write_text(features_text(launch, tables), encoding="utf-8")
    for name, table in tables.items():
        staging = folder / DATA / f".{name}-{os.getpid()}"
        pq.write_table(table, staging)
        staging.replace(folder / DATA / f"{name}.parquet")


def settings_text(launch: str) -> str:
    """Returns the text of feature_store.yaml."""
    return f"""\
# Written once by `python -m pipeline feast`, then yours. SQLite serves one machine: name another online store for
# production.
project: {launch}
provider: local
registry:
  path: {DATA}/registry.db
  # 0: servers read the registry once, when they start. During a fill Feast returns no features to a server that reads
  # it again.
  cache_ttl_seconds: 0
online_store:
  type: sqlite
  path: {DATA}/online.db
offline_store:
  type: file
entity_key_serialization_version: 3
"""


def features_text(launch: str, tables: dict[str, pa.Table]) -> str:
    """Returns the text of features.py: an entity and a feature view for each table."""
    entities = "\n".join(
        f"{name}_entity = Entity(name={key!r}, join_keys=[{key!r}], value_type=ValueType.STRING)"
        for name, key in KEYS.items()
    )
    views = "\n".join(_view(launch, name, table) for name, table in tables.items())
    return f'''\
"""Feature views of the launch {launch}. Written by `python -m pipeline feast` from the declaration: edits are lost."""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Bool, Float64, Int64, String

{entities}
{views}'''


def _view(launch: str, name: str, table: pa.Table) -> str:
    fields = [field for field in table.schema if field.name not in (KEYS[name], EVENT_TIMESTAMP)]
    lines = "\n".join(f"        Field(name={field.name!r}, dtype={_kind(field.type)})," for field in fields)
    return f"""
{name}_view = FeatureView(
    name={view_name(launch, name)!r},
    entities=[{name}_entity],
    ttl=timedelta(0),  # rows never expire
    schema=[
{lines}
    ],
    source=FileSource(path="{DATA}/{name}.parquet", timestamp_field={EVENT_TIMESTAMP!r}),
)
"""


def _kind(kind: pa.DataType) -> str:
    """Returns Feast's name of a column's type."""
    if pa.types.is_list(kind):
        return f"Array({_kind(kind.value_type)})"
    if pa.types.is_boolean(kind):
        return "Bool"
    if pa.types.is_integer(kind):
        return "Int64"
    return "Float64" if pa.types.is_floating(kind) else "String"


def read_keys(folder: Path, name: str) -> list[str]:
    """Reads the ids of an offline table."""
    key = KEYS[name]
    return pq.read_table(folder / DATA / f"{name}.parquet", columns=[key])[key].to_pylist()
