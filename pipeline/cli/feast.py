"""`python -m pipeline feast`: user histories and item features in a Feast store. See docs/infrastructure.md."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from components.declaration import Launch
from pipeline import steps
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Parser
from pipeline.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    feast = commands.add_parser(
        "feast",
        help="fill a Feast feature store with user histories and item features",
        description="Write a Feast repository from the newest run's examples, apply it, fill its online store, and count what arrived. Needs Python "
        "3.11 and the extra `feast`. Then: python -m pipeline serve --history feast. See docs/infrastructure.md.",
    )
    launch_options.add(feast, "launch", "workspace")
    feast.add_argument("--dry-run", action="store_true", help="read and count, write nothing")
    feast.set_defaults(command=_fill)


def _fill(options: argparse.Namespace) -> int:
    loaded = context.load(options, "launch", "workspace")
    launch, settings = loaded.launch, loaded.settings
    # Here, because --help needs none of them.
    from components.integrations import feast_online, feast_repository
    from components.integrations.feast_histories import FOLDER

    feast_online.feast()
    folder = settings.home / FOLDER
    tables = _tables(launch, settings)
    for name, table in tables.items():
        print(f"{name}: {table.num_rows:,} rows", flush=True)
    if options.dry_run:
        print(f"would write {folder} and fill its online store")
        return 0
    feast_repository.write(folder, launch.name, tables)
    for line in feast_online.materialize(folder, launch.name):
        print(line, flush=True)
    print(f"{folder}: next, python -m pipeline serve --history feast")
    return 0


def _tables(launch: Launch, settings: Settings) -> "dict[str, pa.Table]":
    """Reads the offline tables from the examples of both splits and the catalogue's."""
    from pipeline.local import run_outputs

    examples = run_outputs.newest(settings.metadata, launch.name, steps.EXAMPLE_GEN)
    catalogue = (
        run_outputs.newest(settings.metadata, launch.name, steps.CATALOGUE_EXAMPLE_GEN) if launch.catalogue else ""
    )
    from components.features import training_data
    from components.integrations import feast_repository, offline_tables
    from components.serving.history_store import REMEMBERED_ITEMS

    log = launch.log
    files = training_data.matching([str(Path(examples) / "Split-*" / "*")])
    columns = training_data.read_named(files, [name for name in (log.user, log.item, log.time, log.event) if name])
    listed = training_data.read_catalogue(launch.catalogue, catalogue) if launch.catalogue else {}
    return {
        feast_repository.USER_HISTORY: offline_tables.user_history(
            launch, columns, max(launch.model.history, REMEMBERED_ITEMS)
        ),
        feast_repository.ITEMS: offline_tables.items(launch, columns, listed),
    }
